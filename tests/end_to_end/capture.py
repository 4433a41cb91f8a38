"""A recording in the file format of libpcap, and what tshark makes of it."""

import subprocess
from collections.abc import Iterable
from ipaddress import IPv4Address
from pathlib import Path
from struct import pack

from tests.end_to_end.nas import Frame

_RAW_IP = 101
_LOOPBACK = IPv4Address("127.0.0.1").packed


def write(path: Path, frames: Iterable[Frame]) -> None:
    """One IPv4 packet for each frame, a millisecond apart."""
    header = pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, _RAW_IP)
    records = (_record(number, frame) for number, frame in enumerate(frames))
    path.write_bytes(header + b"".join(records))


def _record(number: int, frame: Frame) -> bytes:
    udp = pack("!HHHH", frame.sender, frame.receiver, 8 + len(frame.octets), 0) + frame.octets
    ip = pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), number & 0xFFFF, 0, 64, 17, 0, _LOOPBACK, _LOOPBACK) + udp
    return pack("<IIII", number // 1000, number % 1000 * 1000, len(ip), len(ip)) + ip


def count(path: Path, what: str, secret: str, ports: Iterable[int]) -> int:
    """How many packets of the recording tshark shows for the display filter `what`."""
    decode = [argument for port in ports for argument in ("-d", f"udp.port=={port},radius")]
    options = ("-o", f"radius.shared_secret:{secret}", "-o", "radius.validate_authenticator:TRUE")
    done = subprocess.run(
        ["tshark", "-n", "-r", str(path), *decode, *options, "-Y", what],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return len(done.stdout.splitlines())

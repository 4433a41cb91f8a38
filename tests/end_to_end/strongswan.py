"""strongSwan as a router: a gateway that asks our server about its guests, and the laptop of a guest who dials in.

Each has a network namespace of its own. Laptop and gateway are joined by the café's air, gateway and server by a
cable. The namespaces have no names: each lives by a process that is killed with the tests, whatever ends them, and
the interfaces end with their namespaces. What the kernel has of IPsec does not matter: ESP is made in user space.
"""

import os
import random
import shutil
import subprocess
import sys
from contextlib import ExitStack
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Self

from tests.end_to_end.cafe import SECRET, eventually

DAE_PORT = 3799
_BEHIND = "10.9.0.1"  # what a guest can reach by the tunnel alone
_GUESTS = "10.8.0.0/24"
_AIR = ("192.0.2.1", "192.0.2.2")
_CABLES = IPv4Address("198.18.0.0")  # RFC 2544: for tests, and nobody's
_PLUGINS = Path("/usr/lib/ipsec/plugins")
_NEEDED_PLUGINS = ("eap-radius", "kernel-libipsec", "vici", "xauth-generic")
_DIE_WITH_US = ("setpriv", "--pdeathsig", "KILL")
_PROGRAMS = ("charon-systemd", "swanctl", "ip", "nsenter", "unshare", "setpriv")


def missing() -> str:
    """What is not there, or not allowed, of what strongSwan in namespaces needs; empty if nothing."""
    for program in _PROGRAMS:
        if shutil.which(program) is None:
            return f"{program} is not installed"
    for plugin in _NEEDED_PLUGINS:
        if not (_PLUGINS / f"libstrongswan-{plugin}.so").exists():
            return f"strongSwan's {plugin} is not installed"
    if subprocess.run(["unshare", "--net", "true"], check=False, capture_output=True).returncode:
        return "network namespaces may not be made here"
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return "/dev/net/tun may not be used here"
    return ""


class Namespace:
    """A network namespace, for as long as it is entered."""

    def __enter__(self) -> Self:
        self._holder = subprocess.Popen([*_DIE_WITH_US, "unshare", "--net", "sleep", "infinity"])
        self.path = Path(f"/proc/{self._holder.pid}/ns/net")
        ours = Path("/proc/self/ns/net").readlink()
        eventually(lambda: self.path.readlink() != ours)
        self.ip("link set lo up")
        return self

    def __exit__(self, *_: object) -> None:
        _end(self._holder)

    def within(self, *command: str | Path) -> list[str]:
        """The command that runs `command` in here."""
        return ["nsenter", f"--net={self.path}", *map(str, command)]

    def ip(self, command: str) -> None:
        """Run `ip`."""
        _run(self.within("ip", *command.split()))

    @property
    def pid(self) -> int:
        """What `ip` calls it by."""
        return self._holder.pid


class Charon:
    """strongSwan's daemon in a namespace, told what to do in a folder of its own."""

    def __init__(self, namespace: Namespace, folder: Path, plugins: str, connections: str) -> None:
        self._namespace = namespace
        self._folder = folder
        self._log = folder / "log"
        folder.mkdir()
        (folder / "strongswan.conf").write_text(_settings(plugins))
        (folder / "swanctl.conf").write_text(connections)
        self._environment = os.environ | {"STRONGSWAN_CONF": str(folder / "strongswan.conf")}
        for program in ("charon-systemd", "swanctl"):
            # Debian's AppArmor confines them to /etc and /run, by the paths of the programs.
            shutil.copy2(str(shutil.which(program)), folder)

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*_DIE_WITH_US, *self._namespace.within(self._folder / "charon-systemd")],
                env=self._environment,
                cwd=self._folder,
                stdout=log,
                stderr=log,
            )
        try:
            eventually(self._is_told)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        _end(self._process)  # at once: else it would say goodbye to a server that may have gone already

    def swanctl(self, verb: str, *arguments: str) -> str:
        """What swanctl prints."""
        return _run(self._swanctl(verb, *arguments), env=self._environment, cwd=self._folder)

    def associations(self) -> str:
        """Its own list of whom it has a tunnel with."""
        return self.swanctl("--list-sas")

    def log(self) -> str:
        """What it said so far."""
        return self._log.read_text()

    def _is_told(self) -> bool:
        assert self._process.poll() is None, self.log()
        if not (self._folder / "vici").exists():
            return False
        command = self._swanctl("--load-all", "--file", "swanctl.conf")
        done = subprocess.run(
            command, env=self._environment, cwd=self._folder, capture_output=True, text=True, check=False, timeout=10
        )
        assert "connecting to" in done.stderr or done.returncode == 0, done.stdout + done.stderr
        return done.returncode == 0

    def _swanctl(self, verb: str, *arguments: str) -> list[str]:
        # Relative, because a socket's path may have 107 octets at most.
        return [str(self._folder / "swanctl"), verb, "--uri", "unix://vici", *arguments]


class Laptop(Charon):
    """A guest's."""

    def dials_in(self) -> bool:
        """Whether the gateway lets the guest in."""
        done = subprocess.run(
            self._swanctl("--initiate", "--child", "net", "--timeout", "10"),
            env=self._environment,
            cwd=self._folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )
        refused = "XAuth authentication of" in done.stdout and "failed" in done.stdout
        assert done.returncode == 0 or refused, done.stdout + done.stderr
        return done.returncode == 0

    def hangs_up(self) -> None:
        """Take the tunnel down, and say so to the gateway."""
        self.swanctl("--terminate", "--ike", "cafe", "--timeout", "5")

    def reaches_what_is_behind_the_gateway(self) -> bool:
        """Whether a TCP connection through the tunnel is answered: nobody listens there, so it is refused."""
        lines = (
            "import socket, sys",
            "try:",
            f"    socket.create_connection(({_BEHIND!r}, 9), 1)",
            "except ConnectionRefusedError:",
            "    sys.exit(0)",
            "except OSError:",
            "    sys.exit(1)",
        )
        command = self._namespace.within(sys.executable, "-S", "-E", "-c", "\n".join(lines))
        return subprocess.run(command, check=False, timeout=15).returncode == 0


class Venue:
    """A gateway at the end of a cable from here, its laptop, and addresses for both ends of the cable."""

    server: str
    gateway_address: str

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._gateway_namespace = stack.enter_context(Namespace())
            self._laptop_namespace = stack.enter_context(Namespace())
            self._lay_cable(stack)
            self._set_up_air()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def open_gateway(self, auth: int, acct: int) -> Charon:
        """Its daemon, which asks these ports of the server."""
        made = Charon(
            self._gateway_namespace, self._folder / "gateway", _asking(self.server, auth, acct), _GATEWAY_CONNECTIONS
        )
        return self._stack.enter_context(made)

    def open_laptop(self, name: str, password: str) -> Laptop:
        """The daemon of a guest of this name."""
        made = Laptop(
            self._laptop_namespace, self._folder / "laptop", "xauth-generic { }", _laptop_connections(name, password)
        )
        return self._stack.enter_context(made)

    def _lay_cable(self, stack: ExitStack) -> None:
        """From here to the gateway. The name of this end has the number of its network: nobody else gets that one."""
        peer = f"type veth peer name cable netns {self._gateway_namespace.pid}".split()

        def lay() -> str:
            number = random.randrange(1 << 15)
            end = f"icafe-{number}"
            done = subprocess.run(["ip", "link", "add", end, *peer], check=False, capture_output=True, text=True)
            assert done.returncode == 0 or "File exists" in done.stderr, done.stderr
            self.server, self.gateway_address = str(_CABLES + 4 * number + 1), str(_CABLES + 4 * number + 2)
            return end if done.returncode == 0 else ""

        end = eventually(lay)
        stack.callback(_run, ["ip", "link", "delete", end])
        _run(["ip", "address", "add", f"{self.server}/30", "dev", end])
        _run(["ip", "link", "set", end, "up"])
        self._gateway_namespace.ip(f"address add {self.gateway_address}/30 dev cable")
        self._gateway_namespace.ip("link set cable up")

    def _set_up_air(self) -> None:
        gateway, laptop = self._gateway_namespace, self._laptop_namespace
        gateway.ip(f"link add air type veth peer name air netns {laptop.pid}")
        for namespace, address in zip((gateway, laptop), _AIR, strict=True):
            namespace.ip(f"address add {address}/24 dev air")
            namespace.ip("link set air up")
        gateway.ip(f"address add {_BEHIND}/32 dev lo")


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()


def _run(command: list[str], **how: Any) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30, **how)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def _settings(plugins: str) -> str:
    return f"""
swanctl {{ load = random }}
charon-systemd {{
  load = random nonce aes md5 sha1 sha2 hmac kdf gmp kernel-libipsec kernel-netlink socket-default vici \
eap-radius xauth-generic
  filelog {{ stderr {{ flush_line = yes }} }}
  journal {{ default = -1 }}
  plugins {{
    vici {{ socket = unix://vici }}
    {plugins}
  }}
}}
"""


def _asking(server: str, auth: int, acct: int) -> str:
    return f"""eap-radius {{
      accounting = yes
      dae {{
        enable = yes
        port = {DAE_PORT}
        secret = "{SECRET}"
      }}
      servers {{ cafe {{
        address = {server}
        auth_port = {auth}
        acct_port = {acct}
        secret = "{SECRET}"
      }} }}
    }}"""


# Encapsulated, because ESP in user space goes over UDP.
_CRYPTOGRAPHY = """version = 1
  encap = yes
  proposals = aes128-sha256-modp2048"""

_GATEWAY_CONNECTIONS = f"""
connections {{ guests {{
  {_CRYPTOGRAPHY}
  local_addrs = {_AIR[0]}
  pools = guests
  local {{
    auth = psk
    id = gateway
  }}
  remote {{ auth = psk }}
  remote-xauth {{ auth = xauth-radius }}
  children {{ net {{
    esp_proposals = aes128-sha256
    local_ts = {_BEHIND}/32
  }} }}
}} }}
pools {{ guests {{ addrs = {_GUESTS} }} }}
secrets {{ ike {{ secret = "on the wall" }} }}
"""


def _laptop_connections(name: str, password: str) -> str:
    return f"""
connections {{ cafe {{
  {_CRYPTOGRAPHY}
  remote_addrs = {_AIR[0]}
  vips = 0.0.0.0
  local {{
    auth = psk
    id = laptop
  }}
  local-xauth {{
    auth = xauth
    xauth_id = {name}
  }}
  remote {{
    auth = psk
    id = gateway
  }}
  children {{ net {{
    esp_proposals = aes128-sha256
    remote_ts = {_BEHIND}/32
  }} }}
}} }}
secrets {{
  ike {{ secret = "on the wall" }}
  xauth {{
    id = {name}
    secret = {password}
  }}
}}
"""

from pyrad.dictionary import Dictionary
from pyrad.host import Host
from pyrad.packet import Packet

class Timeout(Exception): ...

class Client(Host):
    server: str
    secret: bytes
    retries: int
    timeout: float
    enforce_ma: bool
    def __init__(
        self,
        server: str,
        authport: int = 1812,
        acctport: int = 1813,
        coaport: int = 3799,
        secret: bytes = b"",
        dict: Dictionary | None = None,
        retries: int = 3,
        timeout: float = 5,
        enforce_ma: bool = False,
    ) -> None: ...
    def bind(self, addr: tuple[str, int]) -> None: ...
    def SendPacket(self, pkt: Packet) -> Packet: ...

from typing import Any

from pyrad.dictionary import Dictionary
from pyrad.packet import AcctPacket, AuthPacket, CoAPacket, Packet

class Host:
    dict: Dictionary | None
    authport: int
    acctport: int
    coaport: int
    def CreatePacket(self, **args: Any) -> Packet: ...
    def CreateAuthPacket(self, **args: Any) -> AuthPacket: ...
    def CreateAcctPacket(self, **args: Any) -> AcctPacket: ...
    def CreateCoAPacket(self, **args: Any) -> CoAPacket: ...

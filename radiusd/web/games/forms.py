"""What game servers and launchers send, and what they are answered."""

from typing import Annotated

import msgspec
from attrs import field, frozen

# A store does not keep the character NUL in a text.
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern="^[^\\x00]*$")]
Note = Annotated[str, msgspec.Meta(max_length=200, pattern="^[^\\x00]*$")]
Uuid4 = Annotated[
    str,
    msgspec.Meta(pattern="^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-4[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}$"),
]
LONGEST_DURATION = 2**53


@frozen
class VerifyRequest:
    """`ott` as it came in LaunchData; `provider_user_id` is the provider's user id as text."""

    ott: Uuid4 = field(repr=False)
    provider_user_id: Text


@frozen
class Verified:
    """The player may play, and is charged from now on."""

    is_valid: bool
    game_session_id: str
    is_pc_cafe: bool


@frozen
class NotVerified:
    """The player is not let in as a café's guest; `reason` says why."""

    is_valid: bool
    reason: str


@frozen
class HeartbeatRequest:
    """Every 120 s, for as long as the player plays."""

    game_session_id: Text
    provider_user_id: Text


@frozen
class HeartbeatReply:
    """`result` is OK, CHARGE_EXHAUSTED or SESSION_REPLACED; seconds by the server's clock."""

    result: str
    next_heartbeat_in: int
    play_duration_sec: int


@frozen
class EndRequest:
    """The player left; `play_duration_sec` is the game server's own measure, for comparison."""

    game_session_id: Text
    play_duration_sec: int | float | None = None

    @property
    def client_seconds(self) -> int | None:
        """What it measured; a number that no duration can be is as good as none, and must not keep a charge running."""
        sent = self.play_duration_sec
        is_one = sent is not None and 0 <= sent <= LONGEST_DURATION and sent == int(sent)
        return int(sent) if is_one and sent is not None else None


@frozen
class EndReply:
    """`play_duration_sec` is the server's, and counts; the client's is what was sent."""

    result: str
    play_duration_sec: int
    client_play_duration_sec: int | None


@frozen
class Hardware:
    """The PC. `hardware_id` stays the same as long as it is that PC."""

    hardware_id: Text
    mac: Note | None = None
    hostname: Note | None = None
    os: Note | None = None


@frozen
class LauncherStart:
    """A launcher begins. `pc_user_id`: who sits at the PC by the café's PC system, where the launcher knows it."""

    internal_ip: Text
    hardware: Hardware
    launcher_version: Note = ""
    pc_user_id: Text | None = None


@frozen
class GameOffer:
    """A game that can be played here."""

    game_id: str
    name: str
    provider: str
    place_id: str
    image_url: str | None


@frozen
class LauncherStarted:
    """`session_token` goes into `Authorization: Bearer`; without a heartbeat it is over after 240 s."""

    session_token: str = field(repr=False)
    expires_in: int
    heartbeat_in: int
    games: list[GameOffer]


@frozen
class OttRequest:
    """The player chose a game."""

    game_id: Text


@frozen
class Launch:
    """How the game is started: `launch_data` is handed over as it is."""

    place_id: str
    launch_data: str = field(repr=False)


@frozen
class OttReply:
    """Good for one verify within `expires_in` seconds."""

    ott: str = field(repr=False)
    expires_in: int
    launch: Launch


@frozen
class LauncherBeat:
    """The launcher's session goes on."""

    result: str
    next_heartbeat_in: int


# As they are documented: what is not there is left out of the answer, and every answer is in its envelope.


@frozen
class VerifyData:
    """`reason` only where `is_valid` is false, the others only where it is true."""

    is_valid: bool
    game_session_id: str | None = None
    is_pc_cafe: bool | None = None
    reason: str | None = None


@frozen
class VerifyAnswer:
    """What verify is answered."""

    success: bool
    request_id: str
    data: VerifyData


@frozen
class HeartbeatAnswer:
    """What a heartbeat is answered."""

    success: bool
    request_id: str
    data: HeartbeatReply


@frozen
class EndAnswer:
    """What end is answered."""

    success: bool
    request_id: str
    data: EndReply


@frozen
class LauncherStartAnswer:
    """What a launcher's start is answered."""

    success: bool
    request_id: str
    data: LauncherStarted


@frozen
class OttAnswer:
    """What the wish for a token is answered."""

    success: bool
    request_id: str
    data: OttReply


@frozen
class LauncherBeatAnswer:
    """What a launcher's heartbeat and end are answered."""

    success: bool
    request_id: str
    data: LauncherBeat

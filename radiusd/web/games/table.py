"""The addresses of the games' API, and the short ones beside them."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from radiusd.web.games import forms
from radiusd.web.games.envelope import GameError
from radiusd.web.games.launching import Launching
from radiusd.web.games.playing import Playing
from radiusd.web.rates import PC_EVENTS
from radiusd.web.routes import Call, Route, Who

LARGEST_BODY = 16_384
_CALL_FAILS = ("BAD_REQUEST", "INTERNAL_ERROR", "RATE_LIMITED")


def game_routes(playing: Playing) -> tuple[Route, ...]:
    """What game servers call: the full address, and the short one with and without /v1."""
    return (
        *_addresses(
            ("/v1/game/session/verify", "/v1/session/verify", "/session/verify"),
            "POST",
            Who.GAME,
            lambda _: playing.verify,
            forms.VerifyRequest,
            forms.VerifyAnswer,
            "Begin a game session with a one-time token",
            ("INVALID_API_KEY",),
        ),
        *_addresses(
            ("/v1/game/session/heartbeat", "/v1/session/heartbeat", "/session/heartbeat"),
            "PATCH",
            Who.GAME,
            lambda _: playing.heartbeat,
            forms.HeartbeatRequest,
            forms.HeartbeatAnswer,
            "The player still plays",
            ("INVALID_API_KEY", "SESSION_NOT_FOUND", "SESSION_ENDED", "SESSION_ENDING"),
        ),
        *_addresses(
            ("/v1/game/session/end", "/v1/session/end", "/session/end"),
            "DELETE",
            Who.GAME,
            lambda _: playing.end,
            forms.EndRequest,
            forms.EndAnswer,
            "The player left",
            ("INVALID_API_KEY", "SESSION_NOT_FOUND", "ALREADY_ENDED"),
        ),
    )


def launcher_routes(launching: Launching) -> tuple[Route, ...]:
    """What launchers call; the short addresses are those of their start and of tokens."""
    return (
        *_addresses(
            ("/v1/launcher/session/start", "/v1/session/start", "/session/start"),
            "POST",
            Who.LAUNCHER,
            launching.starter,
            forms.LauncherStart,
            forms.LauncherStartAnswer,
            "A launcher begins, signed with the secret of its installation",
            ("INVALID_SIGNATURE", "NOT_PC_CAFE"),
        ),
        *_addresses(
            ("/v1/launcher/ott", "/v1/ott", "/ott"),
            "POST",
            Who.LAUNCHER,
            lambda _: launching.ott,
            forms.OttRequest,
            forms.OttAnswer,
            "A one-time token for a game",
            ("INVALID_SESSION", "GAME_NOT_FOUND"),
        ),
        *_addresses(
            ("/v1/launcher/session/heartbeat",),
            "PATCH",
            Who.LAUNCHER,
            lambda _: launching.heartbeat,
            None,
            forms.LauncherBeatAnswer,
            "The launcher still runs",
            ("INVALID_SESSION",),
        ),
        *_addresses(
            ("/v1/launcher/session/end",),
            "DELETE",
            Who.LAUNCHER,
            lambda _: launching.end,
            None,
            forms.LauncherBeatAnswer,
            "The launcher is closed",
            ("INVALID_SESSION",),
        ),
    )


def _addresses(
    paths: Sequence[str],
    method: str,
    who: Who,
    serve: Callable[[str], Callable[[Call], Any]],
    takes: type | None,
    gives: type,
    summary: str,
    errors: Sequence[str],
) -> Iterator[Route]:
    for path in paths:
        yield Route(
            method=method,
            path=path,
            who=who,
            # A game's servers speak for thousands of players, perhaps from one address: they are counted by their key.
            rate=PC_EVENTS,
            serve=serve(path),
            summary=summary,
            takes=takes,
            gives=gives,
            reads_raw=True,
            largest_body=LARGEST_BODY,
            errors=(*errors, *_CALL_FAILS),
            fails_as=GameError,
        )

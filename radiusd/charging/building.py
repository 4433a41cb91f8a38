"""The café's side that the configuration asks for."""

import random
from collections.abc import Callable
from typing import Any

from policy.quantities import Instant
from radiusd.charging.local import LocalWallet
from radiusd.charging.partner import Partner, PartnerAccess
from radiusd.charging.port import CafeAuth
from radiusd.config import Games
from radiusd.pc_system.http import real_http
from radiusd.secret_files import SecretFileError, read_secret_file
from radiusd.store.directory import Directory
from radiusd.web.fair import Submit


class ChargingError(Exception):
    """Games cannot be charged as the configuration says; the message says why and what to do."""


def build(
    settings: Games, directory: Callable[[], Directory], submit: Submit, reactor: Any, now: Callable[[], Instant]
) -> CafeAuth:
    """The branches' own wallets, or a partner. Raises ChargingError."""
    if settings.partner_key_file is None:
        return LocalWallet(directory, submit, now)
    try:
        key = read_secret_file(settings.partner_key_file, "games.partner_key_file")
        access = PartnerAccess(url=settings.partner_url, key=key)
    except SecretFileError as error:
        raise ChargingError(str(error)) from error
    except ValueError as error:
        raise ChargingError(f"games.partner_url: {error}") from error
    return Partner(access, real_http(reactor), reactor, random.SystemRandom(), now)

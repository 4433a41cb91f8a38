"""Is the password right? Hashes are slow on purpose, so their checking is left to whoever can wait."""

from collections.abc import Sequence
from enum import Enum

from radiusd.handlers.translate import Chap, Credentials, NoPassword, Pap
from radiusd.store.directory import Router
from radiusd.store.loading import Login
from radiusd.vault import Vault
from radiusd.wire.passwords import is_chap_answer, is_one_of

PURPOSE = "password"


class Verdict(Enum):
    """What a look at the password gave; the value is the code of its fact."""

    RIGHT = "password_right"
    WRONG = "password_wrong"
    NONE = "no_password"
    CHAP_AT_HASH = "chap_at_hashing_branch"
    NEEDS_HASHING = "needs_hashing"


def check(credentials: Credentials, login: Login, vault: Vault) -> Verdict:
    """Compare with what is stored for `login`; raises VaultError when that does not open."""
    if isinstance(credentials, NoPassword):
        # A voucher's code is its password too, so it may be sent without one.
        return Verdict.RIGHT if login.kind == "voucher" and credentials.name == "none" else Verdict.NONE
    if login.is_hashed:
        return Verdict.NEEDS_HASHING if isinstance(credentials, Pap) else Verdict.CHAP_AT_HASH
    return verdict(credentials, accepted_passwords(login, vault))


def accepted_passwords(login: Login, vault: Vault) -> tuple[bytes, ...]:
    """What counts as the password of a login that is not hashed; raises VaultError when that does not open."""
    own = vault.open(login.password, PURPOSE)
    return (own, b"", login.name.encode(), login.name.lower().encode()) if login.kind == "voucher" else (own,)


def check_mac(credentials: Credentials, user_name: str, device: str, router: Router) -> Verdict:
    """Compare with what the router sends for a MAC login: nothing, the MAC again, or one fixed password."""
    if router.mac_password == "empty":  # noqa: S105 - which kind, not the password
        return Verdict.RIGHT if isinstance(credentials, NoPassword) else verdict(credentials, [b""])
    if isinstance(credentials, NoPassword):
        return Verdict.NONE
    if router.mac_password == "fixed":  # noqa: S105
        return verdict(credentials, [router.mac_password_value or b""])
    return verdict(credentials, [user_name.encode(), device.encode()])


def verdict(credentials: Pap | Chap, accepted: Sequence[bytes]) -> Verdict:
    """Whether the guest proved to know one of these passwords."""
    if isinstance(credentials, Pap):
        is_right = is_one_of(credentials.password, accepted)
    else:
        is_right = sum(is_chap_answer(credentials.response, each, credentials.challenge) for each in accepted) > 0
    return Verdict.RIGHT if is_right else Verdict.WRONG

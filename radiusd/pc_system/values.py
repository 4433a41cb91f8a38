"""Where a PC system is, and what it says. Balances and secrets are in no repr."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import urlsplit

from attrs import Attribute, field, frozen

from policy.quantities import Instant, Money

DEFAULT_PATHS: Mapping[str, str] = MappingProxyType(
    {
        "login": "/pc-api/login",
        "balance": "/api/v1/user/balance",
        "debit": "/pc-api/debit",
        "refund": "/pc-api/refund",
        "validate": "/pc-api/validate",
    }
)
_PATH = re.compile(r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@%-]*)+")


@frozen(kw_only=True)
class Access:
    """The way to one branch's PC system. Raises ValueError, with what to write instead.

    `url` is what every path is put after; `paths` has those that are not the DEFAULT_PATHS.
    """

    branch_id: int
    url: str = field()
    paths: Mapping[str, str] = field(factory=dict, hash=False)
    api_key: str | None = field(default=None, repr=False)

    @url.validator
    def _check_url(self, _: "Attribute[str]", url: str) -> None:
        try:
            parts = urlsplit(url)
            is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            raise ValueError("the PC system's address is not a URL: write http://192.168.10.5:8080") from None
        if not is_good or parts.query or parts.fragment or not url.isascii() or not url.isprintable() or " " in url:
            raise ValueError("the PC system's address must look like http://192.168.10.5:8080")
        if "@" in parts.netloc:
            raise ValueError("the PC system's address must not hold a password; give it as the API key")

    @paths.validator
    def _check_paths(self, _: "Attribute[Mapping[str, str]]", paths: Mapping[str, str]) -> None:
        for name, path in paths.items():
            if name not in DEFAULT_PATHS:
                raise ValueError(f"a PC system has no path called {name!r}: there are {', '.join(DEFAULT_PATHS)}")
            if not _PATH.fullmatch(path):
                raise ValueError(f"the path for {name} must begin with a slash and have no spaces, as /pc-api/{name}")

    def url_for(self, operation: str) -> str:
        """The full URL of one operation."""
        return self.url.rstrip("/") + self.paths.get(operation, DEFAULT_PATHS[operation])


@frozen(kw_only=True)
class PcLogin:
    """A PC account whose password was right. `expires_at` is None where the PC system does not say it."""

    user_id: str
    username: str
    balance: Money = field(repr=False)
    session_token: str = field(repr=False)
    expires_at: Instant | None


@frozen(kw_only=True)
class Balance:
    """What is on a PC account at this moment, in whole units of `currency`."""

    amount: Money = field(repr=False)
    currency: str


@frozen(kw_only=True)
class Debit:
    """Money taken off a PC account. The balance after it and the time are None where the PC system does not say."""

    transaction_id: str
    new_balance: Money | None = field(repr=False)
    at: Instant | None


@frozen(kw_only=True)
class Refund:
    """Money given back."""

    refund_id: str


@frozen(kw_only=True)
class Validated:
    """Whose PC session a token belongs to."""

    user_id: str
    username: str

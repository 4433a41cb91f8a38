"""Somebody logged in to the portal with the account of a gaming PC, inside the transaction."""

import re

from attrs import field, frozen
from sqlalchemy import select

from policy.quantities import Instant
from radiusd.store import devices, portal
from radiusd.store.identifiers import take_one
from radiusd.store.pc_book import PcAsked, PcUser
from radiusd.store.pc_directory import PcSystem
from radiusd.store.portal import LASTS, PortalLogin
from radiusd.store.schema import accounts, logins
from radiusd.store.schema import devices as device_table
from radiusd.store.work import Needs, Work
from radiusd.store.writer import Job
from radiusd.vault import Vault

_UNUSUAL = re.compile(r"[^A-Za-z0-9._@+-]")
_LONGEST_NAME = 200


@frozen(kw_only=True)
class LoggedIn:
    """The login, whose account it is, and whether the device logs in to the WiFi by its MAC from now on."""

    login: PortalLogin
    account: str
    is_device_tied: bool


@frozen(kw_only=True)
class PortalLoginJob(Job):
    """The PC system said that name and password are right; `device` is a canonical MAC, if the portal knew it."""

    at: Instant
    system: PcSystem
    pc_user_id: str
    pc_token: str = field(repr=False)
    token_hash: bytes = field(repr=False)
    device: str | None
    vault: Vault

    def needs(self) -> Needs:
        """The PC user."""
        return Needs(pc=(PcAsked(branch_id=self.system.branch_id, user=self._user),))

    @property
    def _user(self) -> PcUser:
        return PcUser(self.system.realm, self.pc_user_id)

    def run(self, work: Work) -> LoggedIn:
        """Tie user, account and device, and keep the login."""
        account_id = work.pc.account_id(self._user)
        if account_id is None:
            account_id = self._new_account(work)
            work.pc.tie(self._user, account_id, self.at)
        login = PortalLogin(
            id=work.new_id("portal_logins"),
            branch_id=self.system.branch_id,
            account_id=account_id,
            pc_user_id=self.pc_user_id,
            pc_token=self.pc_token,
            device=self.device,
            created_at=self.at,
            expires_at=Instant(self.at + LASTS),
        )
        portal.add(work.database, self.vault, login, self.token_hash)
        name = work.database.execute(select(accounts.c.name).where(accounts.c.id == account_id)).scalar_one()
        return LoggedIn(login=login, account=name, is_device_tied=self._tie_device(work, account_id))

    def _new_account(self, work: Work) -> int:
        account_id = take_one(work.database, "accounts")
        values = {
            "id": account_id,
            "name": self._free_name(work),
            "branch_id": self.system.branch_id,
            "kind": "customer",
            "created_at": self.at,
        }
        work.database.execute(accounts.insert(), values)
        return account_id

    def _free_name(self, work: Work) -> str:
        """The PC user's name where nobody has it yet; else with the branch's location behind it."""
        plain = _UNUSUAL.sub("_", self.pc_user_id)[:_LONGEST_NAME]
        for name in (plain, f"{plain}@{self.system.location_id}"):
            if not re.fullmatch(r"wifi_\d+", name, re.IGNORECASE) and not _is_taken(work, name):
                return name
        return f"{plain}@{self.system.location_id}#{take_one(work.database, 'names')}"

    def _tie_device(self, work: Work, account_id: int) -> bool:
        """A device that somebody else's account has stays theirs: it takes more than a name to take it over."""
        if self.device is None:
            return False
        query = select(device_table.c.account_id).where(device_table.c.name == self.device)
        tied = work.database.execute(query).scalar()
        if tied is None:
            devices.tie(work.database, self.device, account_id, self.at)
        return tied in (None, account_id)


def _is_taken(work: Work, name: str) -> bool:
    by_account = select(accounts.c.id).where(accounts.c.name == name)
    by_login = select(logins.c.name).where(logins.c.name == name)
    return any(work.database.execute(each).first() is not None for each in (by_account, by_login))

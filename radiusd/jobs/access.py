"""An Access-Request inside its transaction: who is it, is the password right, may the device in?"""

from attrs import field, fields, frozen

from policy.accounts import Account, Device
from policy.admission import Accepted, Admission, Question, Refused, admit, refused
from policy.facts import Fact, fact
from policy.holding import Holding
from policy.macs import canonical_mac
from policy.quantities import Instant
from policy.values import evolve
from radiusd.credentials import Verdict, accepted_passwords, check, check_mac
from radiusd.handlers.translate import Credentials, Line, Pap
from radiusd.store.decisions import Decision
from radiusd.store.directory import Cafe, Router
from radiusd.store.loading import Login
from radiusd.store.rows import connection_key
from radiusd.store.work import Needs, Work
from radiusd.store.writer import Job
from radiusd.vault import Vault


@frozen
class NeedsHashing:
    """Check the password against this argon2 hash, then submit the job again with what came out."""

    encoded: bytes


@frozen
class Hashed:
    """What checking the password against `encoded` gave; None: there was no room to check it in."""

    encoded: bytes
    is_right: bool | None


@frozen(kw_only=True)
class Granted(Accepted):
    """Let in, and what shows that it is the same guest who comes back."""

    account_id: int
    account: str
    passwords: tuple[bytes, ...] = field(repr=False)
    hashed: bytes | None = field(default=None, repr=False)


_ACCEPTED = tuple(each.name for each in fields(Accepted))


@frozen
class LateCopy:
    """A copy of the request that opened a connection, at a server that gets to it when the connection is over."""


Answer = Accepted | Refused | NeedsHashing | LateCopy


@frozen(kw_only=True)
class AccessJob(Job):
    """One Access-Request."""

    at: Instant
    came_at: Instant
    line: Line
    credentials: Credentials
    router: Router
    cafe: Cafe
    source: str
    vault: Vault
    hashed: Hashed | None = None
    has_looked_for_ghosts: bool = False

    def needs(self) -> Needs:
        """The login, the device, and by them the passes; and what was let in under this very id before."""
        names = {self.line.user_name, self.line.user_name.upper()} - {""}
        devices = {self.line.device, canonical_mac(self.line.user_name) or ""} - {""}
        key = self._key()
        return Needs(names=names, devices=devices, keys=() if key is None else (key,))

    def _key(self) -> str | None:
        name = self.line.acct_session_id
        return None if name is None else connection_key(self.router.id, self.line.nas, name)

    def more(self, work: Work) -> Needs | None:
        """A login for one pass names it."""
        login = self._login(work)
        return None if login is None or login.pass_id is None else Needs(pass_ids={login.pass_id})

    def run(self, work: Work) -> Answer:
        """Decide, and keep why."""
        if self._is_late(work):
            return LateCopy()
        identified = self._identify(work)
        if isinstance(identified, NeedsHashing):
            return identified
        account, only_pass, facts = identified
        admission = self._admission(work, account, only_pass, facts)
        self._keep(work, admission, account)
        answer = admission.answer
        if isinstance(answer, Accepted) and answer.is_repeatable and account is not None:
            return self._repeatable(work, answer, account)
        return answer

    def _is_late(self, work: Work) -> bool:
        """It came while a connection of its name was open, and waited here until that was closed.

        Another server has answered the copy that came in time. What came after the close is a new login, though some
        NASes name it as the last one.
        """
        key = self._key()
        before = None if key is None else work.latest_by_key(key)
        return before is not None and before.closed_at is not None and self.came_at < before.closed_at

    def in_the_end(self, work: Work, result: Answer) -> Answer:
        """What a later job of the batch has taken back is not granted again."""
        if isinstance(result, Granted) and not _goes_on(work.holding(result.pass_id), result):
            return Accepted(**{**{name: getattr(result, name) for name in _ACCEPTED}, "is_repeatable": False})
        return result

    def _repeatable(self, work: Work, answer: Accepted, account: Account) -> Answer:
        login = self._login(work)
        if login is None or (login.is_hashed and not isinstance(self.credentials, Pap)):
            return answer
        passwords = () if login.is_hashed else accepted_passwords(login, self.vault)
        hashed = login.password if login.is_hashed else None
        values = [(name, getattr(answer, name)) for name in _ACCEPTED]
        return Granted(**dict(values), account_id=account.id, account=account.name, passwords=passwords, hashed=hashed)

    def _admission(
        self, work: Work, account: Account | None, only_pass: int | None, facts: tuple[Fact, ...]
    ) -> Admission:
        if account is None:
            return refused(facts[:-1], facts[-1])
        return self._admit(work, account, only_pass, facts)

    def _login(self, work: Work) -> Login | None:
        name = self.line.user_name
        login = work.logins.get(name)
        if login is None:
            # A code is printed in capitals and typed as it comes.
            login = work.logins.get(name.upper())
            return login if login is not None and login.kind == "voucher" else None
        return login

    def _identify(self, work: Work) -> NeedsHashing | tuple[Account | None, int | None, tuple[Fact, ...]]:
        mac = canonical_mac(self.line.user_name)
        login = self._login(work)
        if login is None and mac is not None:
            return self._identify_by_mac(work, mac)
        if login is None:
            return None, None, (fact("login_unknown", name=self.line.user_name),)
        verdict = check(self.credentials, login, self.vault)
        if verdict is Verdict.NEEDS_HASHING:
            if self.hashed is None or self.hashed.encoded != login.password:
                return NeedsHashing(login.password)
            if self.hashed.is_right is None:
                return None, None, (fact("hashing_busy"),)
            verdict = Verdict.RIGHT if self.hashed.is_right else Verdict.WRONG
        account = work.accounts[login.account_id]
        said = fact(verdict.value, method=self.credentials.name, branch=self.cafe.name)
        who = fact("account", account=account.name, branch=self._branch_name(account))
        if verdict is not Verdict.RIGHT:
            return None, None, (who, said)
        return account, login.pass_id, (who, said)

    def _branch_name(self, account: Account) -> str:
        return self.cafe.name if account.branch_id == self.cafe.id else f"no. {account.branch_id}"

    def _identify_by_mac(self, work: Work, mac: str) -> tuple[Account | None, int | None, tuple[Fact, ...]]:
        if canonical_mac(self.line.device) not in (None, mac):
            return None, None, (fact("mac_not_its_own", device=self.line.device, name=mac),)
        _, account_id = work.devices.get(mac, (None, None))
        if account_id is None:
            return None, None, (fact("mac_not_tied", device=mac),)
        verdict = check_mac(self.credentials, self.line.user_name, mac, self.router)
        account = work.accounts[account_id]
        said = fact(verdict.value, method=f"MAC, {self.credentials.name}", branch=self.cafe.name)
        if verdict is not Verdict.RIGHT:
            return None, None, (said,)
        return account, None, (fact("mac_tied", device=mac, account=account.name), said)

    def _admit(self, work: Work, account: Account, only_pass: int | None, facts: tuple[Fact, ...]) -> Admission:
        name = self.line.device or canonical_mac(self.line.user_name) or f"unnamed device at {self.router.name}"
        device, _ = work.devices.get(name, (Device(name), None))
        branch = self.cafe.branch(self.at)
        question = Question(
            at=self.at,
            account=account,
            branch=branch,
            router_id=self.router.id,
            nas=self.line.nas,
            nas_address=self.source,
            device=device,
            user_name=self.line.user_name,
            acct_session_id=self.line.acct_session_id,
            framed_ip_address=self.line.framed_ip_address,
            boot=self.line.boot,
            users=work.users,
            new_session_id=lambda: work.new_id("sessions"),
            new_connection_id=lambda: work.new_id("connections"),
        )
        holdings = work.holdings_of(account.id) if only_pass is None else (work.holding(only_pass),)
        admission = admit(question, holdings)
        stored = {each.bought.id: each for each in holdings}
        for holding, effects in admission.steps:
            if holding is not stored[holding.bought.id]:
                work.put(holding, effects, branch, self.at)
        return evolve(admission, facts=(*facts, *admission.facts))

    def _keep(self, work: Work, admission: Admission, account: Account | None) -> None:
        answer = admission.answer
        is_in = isinstance(answer, Accepted)
        work.decide(
            Decision(
                at=self.at,
                verdict="accepted" if is_in else "refused",
                reason="granted" if isinstance(answer, Accepted) else answer.reason,
                name=account.name if account is not None else self.line.user_name,
                device=self.line.device or None,
                router_id=self.router.id,
                account_id=None if account is None else account.id,
                session_id=answer.session_id if isinstance(answer, Accepted) else None,
                facts=admission.facts,
            )
        )


def _goes_on(holding: Holding, granted: Granted) -> bool:
    bought = holding.bought
    is_on = holding.session(granted.session_id).is_active
    return is_on and bought.held is None and bought.wall_end == granted.ends_at

"""Who was let in lately, and what may be granted to them while the store is away. No clock, no store."""

from collections import OrderedDict, defaultdict
from collections.abc import Iterable
from hashlib import blake2b
from hmac import compare_digest

from attrs import define, evolve, field, fields

from policy.admission import Accepted
from policy.macs import canonical_mac
from policy.quantities import Instant, Octets, Seconds
from radiusd.credentials import Verdict, check, check_mac
from radiusd.handlers.translate import Chap, Credentials, NoPassword, Pap
from radiusd.jobs.access import AccessJob
from radiusd.store.loading import Login

MOST = 100_000
REMEMBERED_FOR = 24 * 3_600_000
LONGEST_GRANT = Seconds(3_600)
MOST_DATA = Octets(200_000_000)
"""Granted at once of a pass with a limit in data: how much of it was used since is not known."""

Key = tuple[int, str, str]


@define(eq=False)
class LetIn:
    """What was granted at `at`; `login` is what the password is checked against where only CHAP was seen.

    It is certain until others changed something that it may follow from, and again once the store was asked.
    """

    at: Instant
    accepted: Accepted
    proof: bytes | None = field(repr=False)
    login: Login | None = None
    is_without_login: bool = False
    is_certain: bool = True


def key_of(job: AccessJob) -> Key | None:
    """By what a device is known at a branch; None for one that does not say what it is."""
    return (job.cafe.id, job.line.user_name, job.line.device) if job.line.device else None


class LetInLately:
    """The last decision about each device, if it was to let it in. `key` is a secret of this process."""

    def __init__(self, key: bytes, most: int = MOST) -> None:
        self._secret = key
        self._most = most
        self._known: OrderedDict[Key, LetIn] = OrderedDict()
        self._of_session: dict[int, Key] = {}
        self._of_pass: defaultdict[int, set[int]] = defaultdict(set)
        """The sessions of each pass."""
        self.doubtful: dict[int, None] = {}
        """Sessions of which the store is to be asked whether they live, the first doubted first."""
        self._alone: dict[tuple[int, str], Key] = {}
        """By branch and user name, on passes for one device: who holds the place."""

    def __len__(self) -> int:
        return len(self._known)

    def keep(self, job: AccessJob, accepted: Accepted) -> LetIn | None:
        """A device was let in; what is remembered of it, None if nothing can be."""
        key = key_of(job)
        if key is None:
            return None
        self._take_place(key, accepted)
        before = self._known.pop(key, None)
        login = None if before is None else before.login
        if login is not None and (not isinstance(job.credentials, Chap) or not _is_right(job, login)):
            login = None
        known = self._known[key] = LetIn(job.at, _plain(accepted), self._proof(job.credentials), login)
        if before is not None and before.accepted.session_id != accepted.session_id:
            self._forget_whose(before.accepted)
        self._of_session[accepted.session_id] = key
        self._of_pass[accepted.pass_id].add(accepted.session_id)
        if len(self._known) > self._most:
            self._forget(next(iter(self._known)))
        return known

    def _take_place(self, key: Key, accepted: Accepted) -> None:
        if accepted.devices == 1:
            before = self._alone.get(key[:2])
            if before is not None and before != key:
                self._forget(before)
            self._alone[key[:2]] = key

    def forget(self, job: AccessJob) -> None:
        """The device was refused."""
        key = key_of(job)
        if key is not None:
            self._forget(key)

    def forget_session(self, session_id: int) -> None:
        """The session is over, or is being cut."""
        key = self._of_session.get(session_id)
        if key is not None:
            self._forget(key)

    def _forget(self, key: Key) -> None:
        known = self._known.pop(key, None)
        if known is not None:
            self._forget_whose(known.accepted)
            if self._alone.get(key[:2]) == key:
                del self._alone[key[:2]]

    def _forget_whose(self, accepted: Accepted) -> None:
        self._of_session.pop(accepted.session_id, None)
        of_pass = self._of_pass[accepted.pass_id]
        of_pass.discard(accepted.session_id)
        if not of_pass:
            del self._of_pass[accepted.pass_id]

    def sessions(self) -> list[int]:
        """The sessions of all that are remembered."""
        return list(self._of_session)

    def doubt(self, pass_ids: Iterable[int] | None) -> None:
        """Others changed these passes, or anything: what is remembered of them is no longer certain."""
        if pass_ids is None:
            doubted: Iterable[int] = tuple(self._of_session)
        else:
            doubted = [session for each in pass_ids for session in self._of_pass.get(each, ())]
        for session in doubted:
            self._known[self._of_session[session]].is_certain = False
            self.doubtful[session] = None

    def found_alive(self, session_id: int) -> None:
        """The store said so, to a question asked after the last doubt, or else it stays in doubt."""
        key = self._of_session.get(session_id)
        if key is not None and session_id not in self.doubtful:
            self._known[key].is_certain = True

    def grant(self, job: AccessJob, *, only_if_certain: bool = False) -> Accepted | None:
        """What the device gets while nobody can be asked; None if it gets nothing.

        Never longer than was left to it then, and one hour at most; never more data than was left to it then.
        """
        key = key_of(job)
        known = None if key is None else self._known.get(key)
        if known is None or not 0 <= job.at - known.at <= REMEMBERED_FOR or not self._is_the_same(job, known):
            return None
        if only_if_certain and not known.is_certain:
            return None
        before = known.accepted
        passed = (job.at - known.at + 999) // 1000
        time = LONGEST_GRANT if before.time is None else Seconds(min(LONGEST_GRANT, before.time - passed))
        data = None if before.data is None else Octets(min(MOST_DATA, before.data))
        if time <= 0 or (data is not None and data <= 0):
            return None
        if before.data is not None and data is not None:
            known.accepted = evolve(before, data=Octets(before.data - data))
        return evolve(before, time=time, data=data, displaced=())

    def _proof(self, credentials: Credentials) -> bytes | None:
        if isinstance(credentials, Chap):
            return None
        shown = credentials.password if isinstance(credentials, Pap) else b""
        return blake2b(credentials.name.encode() + b"\0" + shown, key=self._secret, digest_size=16).digest()

    def _is_the_same(self, job: AccessJob, known: LetIn) -> bool:
        """Whether the password is the one that was right, or shown by CHAP to be that of the login."""
        proof = self._proof(job.credentials)
        if proof is not None and known.proof is not None:
            return compare_digest(proof, known.proof)
        if known.login is not None:
            return _is_right(job, known.login)
        mac = canonical_mac(job.line.user_name)
        if mac is None or not known.is_without_login or isinstance(job.credentials, NoPassword):
            return False
        return check_mac(job.credentials, job.line.user_name, mac, job.router) is Verdict.RIGHT


def _plain(accepted: Accepted) -> Accepted:
    """Without what more the job may have told of the guest: that is for others, and not for after an absence."""
    return Accepted(**{each.name: getattr(accepted, each.name) for each in fields(Accepted)})


def _is_right(job: AccessJob, login: Login) -> bool:
    return check(job.credentials, login, job.vault) is Verdict.RIGHT

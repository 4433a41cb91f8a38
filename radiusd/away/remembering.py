"""Who was let in lately, and what may be granted to them while the store is away. No clock, no store."""

from collections.abc import Iterable
from hashlib import blake2b
from hmac import compare_digest

import msgspec
from attrs import define, field

from policy.admission import Accepted
from policy.macs import canonical_mac
from policy.package import Rate
from policy.quantities import BitsPerSecond, Instant, Octets, Seconds
from policy.values import evolve
from radiusd.credentials import Verdict, check, check_mac
from radiusd.groups import Groups, too_many
from radiusd.handlers.translate import Chap, Credentials, NoPassword, Pap
from radiusd.jobs.access import AccessJob
from radiusd.store.loading import Login

MOST = 100_000
REMEMBERED_FOR = 24 * 3_600_000
LONGEST_GRANT = Seconds(3_600)
MOST_DATA = Octets(200_000_000)
"""Granted at once of a pass with a limit in data: how much of it was used since is not known."""

Key = str
"""A branch's id, and the names of a user and of a device."""

_Decided = tuple[
    Instant, bytes | None, int, int, int, Instant | None, bool, str, Seconds | None, Octets | None,
    tuple[BitsPerSecond, BitsPerSecond, int, int] | None, int,
]  # fmt: skip
"""When it was, the proof of the password, and what was granted: there are as many as sessions, so each is written."""
_encoded = msgspec.msgpack.Encoder().encode
_decoded = msgspec.msgpack.Decoder(_Decided).decode


@define(eq=False, weakref_slot=False)
class LetIn:
    """What was `decided`; `login` is what the password is checked against where only CHAP was seen.

    It is certain until others changed something that it may follow from, and again once the store was asked.
    """

    decided: bytes = field(repr=False)
    login: Login | None = None
    is_without_login: bool = False
    is_certain: bool = True


def key_of(job: AccessJob) -> Key | None:
    """By what a device is known at a branch; None for one that does not say what it is."""
    return _place(job) + job.line.device if job.line.device else None


def _place(job: AccessJob) -> str:
    """By what a user is known at a branch."""
    user = job.line.user_name
    return f"{job.cafe.id}/{len(user)}/{user}"


class LetInLately:
    """The last decision about each device, if it was to let it in. `key` is a secret of this process."""

    def __init__(self, key: bytes, most: int = MOST) -> None:
        self._secret = key
        self._most = most
        self._known: dict[Key, LetIn] = {}
        self._of_session: Groups[Key] = Groups()
        """A device may have come by its address and by a name: in each way it is known by itself."""
        self._of_pass: Groups[int] = Groups()
        """The sessions of each pass."""
        self.doubtful: dict[int, None] = {}
        """Sessions of which the store is to be asked whether they live, the first doubted first."""
        self._alone: dict[str, Key] = {}
        """By branch and user name, on passes for one device: who holds the place."""

    def __len__(self) -> int:
        return len(self._known)

    def keep(self, job: AccessJob, accepted: Accepted) -> LetIn | None:
        """A device was let in; what is remembered of it, None if nothing can be."""
        key = key_of(job)
        if key is None:
            return None
        if accepted.devices == 1:
            self._take_place(_place(job), key)
        before = self._known.pop(key, None)
        login = None if before is None else before.login
        if login is not None and (not isinstance(job.credentials, Chap) or not _is_right(job, login)):
            login = None
        known = self._known[key] = LetIn(_written(job.at, self._proof(job.credentials), accepted), login)
        if before is not None:
            self._forget_whose(key, before)
        self._of_session.add(accepted.session_id, key)
        self._of_pass.add(accepted.pass_id, accepted.session_id)
        for each in too_many(self._known, self._most):
            self._forget(each)
        return known

    def _take_place(self, place: str, key: Key) -> None:
        before = self._alone.get(place)
        if before is not None and before != key:
            self._forget(before)
        self._alone[place] = key

    def forget(self, job: AccessJob) -> None:
        """The device was refused."""
        key = key_of(job)
        if key is not None:
            self._forget(key)

    def forget_session(self, session_id: int) -> None:
        """The session is over, or is being cut."""
        for key in self._of_session.of(session_id):
            self._forget(key)

    def _forget(self, key: Key) -> None:
        known = self._known.pop(key, None)
        if known is not None:
            self._forget_whose(key, known)
            place = _place_in(key)
            if self._alone.get(place) == key:
                del self._alone[place]

    def _forget_whose(self, key: Key, known: LetIn) -> None:
        decided = _decoded(known.decided)
        session_id, pass_id = decided[2], decided[4]
        self._of_session.discard(session_id, key)
        if not self._of_session.of(session_id):
            self._of_pass.discard(pass_id, session_id)

    def sessions(self) -> list[int]:
        """The sessions of all that are remembered."""
        return list(self._of_session)

    def doubt(self, pass_ids: Iterable[int] | None) -> None:
        """Others changed these passes, or anything: what is remembered of them is no longer certain."""
        if pass_ids is None:
            doubted: Iterable[int] = tuple(self._of_session)
        else:
            doubted = [session for each in pass_ids for session in self._of_pass.of(each)]
        for session in doubted:
            for key in self._of_session.of(session):
                self._known[key].is_certain = False
            self.doubtful[session] = None

    def found_alive(self, session_id: int) -> None:
        """The store said so, to a question asked after the last doubt, or else it stays in doubt."""
        if session_id not in self.doubtful:
            for key in self._of_session.of(session_id):
                self._known[key].is_certain = True

    def grant(self, job: AccessJob, *, only_if_certain: bool = False) -> Accepted | None:
        """What the device gets while nobody can be asked; None if it gets nothing.

        Never longer than was left to it then, and one hour at most; never more data than was left to it then.
        """
        key = key_of(job)
        known = None if key is None else self._known.get(key)
        if known is None:
            return None
        at, proof, before = _read(known.decided)
        if not 0 <= job.at - at <= REMEMBERED_FOR or not self._is_the_same(job, known, proof):
            return None
        if only_if_certain and not known.is_certain:
            return None
        passed = (job.at - at + 999) // 1000
        time = LONGEST_GRANT if before.time is None else Seconds(min(LONGEST_GRANT, before.time - passed))
        data = None if before.data is None else Octets(min(MOST_DATA, before.data))
        if time <= 0 or (data is not None and data <= 0):
            return None
        if before.data is not None and data is not None:
            known.decided = _written(at, proof, evolve(before, data=Octets(before.data - data)))
        return evolve(before, time=time, data=data)

    def _proof(self, credentials: Credentials) -> bytes | None:
        if isinstance(credentials, Chap):
            return None
        shown = credentials.password if isinstance(credentials, Pap) else b""
        return blake2b(credentials.name.encode() + b"\0" + shown, key=self._secret, digest_size=16).digest()

    def _is_the_same(self, job: AccessJob, known: LetIn, proof: bytes | None) -> bool:
        """Whether the password is the one that was right, or shown by CHAP to be that of the login."""
        shown = self._proof(job.credentials)
        if shown is not None and proof is not None:
            return compare_digest(shown, proof)
        if known.login is not None:
            return _is_right(job, known.login)
        mac = canonical_mac(job.line.user_name)
        if mac is None or not known.is_without_login or isinstance(job.credentials, NoPassword):
            return False
        return check_mac(job.credentials, job.line.user_name, mac, job.router) is Verdict.RIGHT


def _place_in(key: Key) -> str:
    cafe, length, names = key.split("/", 2)
    return f"{cafe}/{length}/{names[: int(length)]}"


def _written(at: Instant, proof: bytes | None, accepted: Accepted) -> bytes:
    """Without what more the job may have told of the guest: that is for others, and not for after an absence."""
    rate = accepted.rate
    decided: _Decided = (
        at, proof, accepted.session_id, accepted.connection_id, accepted.pass_id, accepted.ends_at,
        accepted.is_repeatable, accepted.package, accepted.time, accepted.data,
        None if rate is None else (rate.up, rate.down, rate.burst, rate.priority), accepted.devices,
    )  # fmt: skip
    return _encoded(decided)


def _read(decided: bytes) -> tuple[Instant, bytes | None, Accepted]:
    """What `_written` was given, but for the connections that were displaced."""
    at, proof, session_id, connection_id, pass_id, ends_at, is_repeatable, package, time, data, rate, devices = (
        _decoded(decided)
    )
    accepted = Accepted(
        session_id=session_id,
        connection_id=connection_id,
        pass_id=pass_id,
        ends_at=ends_at,
        is_repeatable=is_repeatable,
        package=package,
        time=time,
        data=data,
        rate=None if rate is None else Rate(*rate),
        devices=devices,
    )
    return at, proof, accepted


def _is_right(job: AccessJob, login: Login) -> bool:
    return check(job.credentials, login, job.vault) is Verdict.RIGHT

"""Watches every request of launchers and game servers, and says where the server broke a promise.

Only what is certain counts: an answer was given somewhere between its question and its arrival, and a request without
an answer may have been carried out or not.
"""

from collections import Counter

from radiusd.virtual_playwave.contract import flaws
from radiusd.virtual_playwave.seen import Heard, LauncherSeen, OttSeen, Rules, SessionSeen, Span, span
from radiusd.virtual_playwave.steps import Step, What
from radiusd.virtual_playwave.wire import Answer


class Judge:
    """Hears steps in the order in which their answers came. `broken` is in plain words, each with its session."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.broken: list[str] = []
        self.launchers: dict[str, LauncherSeen] = {}
        self.otts: dict[str, OttSeen] = {}
        self.sessions: dict[str, SessionSeen] = {}
        self.counts: dict[What, Counter[str]] = {each: Counter() for each in What}

    def hear(self, step: Step) -> None:
        """One more request with its answer."""
        self.counts[step.what][_result(step.answer)] += 1
        for each in flaws(step):
            self._break(step.about, f"{step.what.value} not as agreed: {each}")
        match step.what:
            case What.START | What.ALIVE | What.QUIT:
                self._hear_launcher(step)
            case What.OTT:
                if step.about:
                    self.otts[step.about] = OttSeen(step.who, span(step.answer))
            case What.VERIFY:
                self._hear_verify(step)
            case What.HEARTBEAT if step.about in self.sessions:
                self._hear_heartbeat(self.sessions[step.about], step.answer)
            case What.END if step.about in self.sessions:
                self._hear_end(self.sessions[step.about], step)
            case _:
                pass

    def _break(self, about: str, words: str) -> None:
        self.broken.append(f"{about[:11]}: {words}" if about else words)

    # Launchers

    def _hear_launcher(self, step: Step) -> None:
        answer, when = step.answer, span(step.answer)
        if step.what is What.START:
            if answer.is_success:
                self.launchers[step.who] = LauncherSeen(Heard.at(when))
            return
        launcher = self.launchers.get(step.who)
        if launcher is None:
            return
        if step.what is What.QUIT:
            launcher.quit_at = launcher.quit_at or when
            launcher.is_quit_sure |= answer.is_success
        elif answer.status in (0, 200) or answer.status >= 500:
            launcher.heard.again(when, is_sure=answer.is_success)
        elif answer.status == 401 and not self._may_be_dead(launcher, when):
            self._break("", f"{step.who}: the session of a launcher that lives is gone")

    def _may_be_dead(self, launcher: LauncherSeen, at: Span) -> bool:
        return launcher.quit_at is not None or self.rules.may_be_over(launcher.heard.sure, self.rules.launcher, at)

    def _must_be_dead(self, launcher: LauncherSeen, at: Span) -> bool:
        if launcher.is_quit_sure and launcher.quit_at is not None and at.asked >= launcher.quit_at.answered:
            return True
        # A launcher that is silent is looked for whenever a heartbeat is handled: no timer that may be late.
        return at.asked - launcher.heard.perhaps.answered > self.rules.launcher + self.rules.early

    # One-time tokens

    def _hear_verify(self, step: Step) -> None:
        ott = self.otts.get(step.about)
        if ott is None:
            return
        answer, when = step.answer, span(step.answer)
        result = _result(answer)
        ott.results.append(result)
        ott.asked.append(when)
        if result == "valid":
            self._begin(step, ott)
        elif result == "OTT_EXPIRED":
            launcher = self.launchers.get(ott.pc)
            is_alone = launcher is not None and not self._may_be_dead(launcher, when)
            if is_alone and when.answered - ott.issued.asked < self.rules.ott - self.rules.early:
                self._break(step.about, "a token expired before its time")

    def _begin(self, step: Step, ott: OttSeen) -> None:
        when = span(step.answer)
        if ott.results.count("valid") > 1:
            self._break(step.about, "one token was verified twice")
        if when.asked - ott.issued.answered >= self.rules.ott + self.rules.early:
            self._break(step.about, "a token was good for longer than it should be")
        for each in self.sessions.values():
            # Of two that were verified at the same time nobody can tell which came first.
            if each.pc == ott.pc and not each.over and when.asked >= each.began.answered:
                each.replaced_at = each.replaced_at or when
        name = step.answer.text("game_session_id")
        if name in self.sessions:
            self._break(name, "two verifies gave one game session")
        launcher = self.launchers.get(ott.pc) or LauncherSeen(Heard.at(when))
        self.sessions[name] = SessionSeen(name, step.user, ott.pc, when, launcher, Heard.at(when))

    # Game sessions

    def _hear_heartbeat(self, session: SessionSeen, answer: Answer) -> None:
        when = span(answer)
        match _result(answer):
            case "OK":
                self._check_alive(session, answer)
                session.spent_at = session.maybe_spent_at = None
            case "CHARGE_EXHAUSTED":
                self._check_alive(session, answer)
                session.spent_at = session.spent_at or when
                session.maybe_spent_at = session.maybe_spent_at or when
            case "SESSION_REPLACED":
                self._check_rising(session, answer)
                if session.over not in ("", "replaced"):
                    self._break(session.id, f"replaced, after it was over by {session.over}")
                session.over = "replaced"
            case "404 SESSION_NOT_FOUND":
                self._check_lost(session, when)
            case "410 SESSION_ENDED" | "410 SESSION_ENDING":
                self._check_ended(session, when)
            case "429 RATE_LIMITED" if when.asked - session.heard.perhaps.asked > self.rules.unlimited:
                self._break(session.id, "the heartbeat of a live session was limited")
            case _ if answer.status == 0 or answer.status >= 500:
                session.heard.again(when, is_sure=False)
                session.maybe_spent_at = session.maybe_spent_at or when
            case other:
                if not other.startswith("429"):
                    self._break(session.id, f"a heartbeat was answered {other}")

    def _check_alive(self, session: SessionSeen, answer: Answer) -> None:
        when, rules = span(answer), self.rules
        if session.over:
            self._break(session.id, f"it lives again, after it was over by {session.over}")
        elif session.is_end_sure and session.end_at is not None and when.asked >= session.end_at.answered:
            self._break(session.id, "it lives after its end")
        elif session.replaced_at is not None and when.asked >= session.replaced_at.answered:
            self._break(session.id, "it lives beside another game on the same PC")
        elif rules.must_be_over(session.heard.perhaps, rules.silence, when):
            self._break(session.id, "it lives after a silence that should have ended it")
        elif self._must_be_dead(session.launcher, when):
            self._break(session.id, "it lives after its launcher was silent for too long")
        elif session.spent_at is not None and rules.must_be_over(session.spent_at, rules.grace, when):
            self._break(session.id, "it lives after its grace was over")
        session.heard.again(when, is_sure=True)
        self._check_rising(session, answer)
        self._check_duration(session, answer)

    def _check_rising(self, session: SessionSeen, answer: Answer) -> None:
        played = answer.number("play_duration_sec")
        if played is None:
            return
        # Two heartbeats that were under way at once may be answered in any order.
        if played < session.low and answer.asked_at >= session.heard.sure.answered:
            self._break(session.id, f"its play time fell from {session.low} to {played} s")
        session.low = max(session.low, played)

    def _check_duration(self, session: SessionSeen, answer: Answer) -> None:
        played = answer.number("play_duration_sec")
        if played is not None and not self.rules.is_near(played, session.began, span(answer)):
            ours = answer.answered_at - session.began.answered
            self._break(session.id, f"it was played for {ours:.1f} s, and the server says {played} s")

    def _check_lost(self, session: SessionSeen, when: Span) -> None:
        if session.over not in ("", "silence"):
            self._break(session.id, f"404, after it was over by {session.over}")
        elif session.is_end_sure:
            self._break(session.id, "404, after it was ended in order")
        elif not self.rules.may_be_over(session.heard.sure, self.rules.silence, session.replaced_at or when):
            self._break(session.id, "404, and it was never silent for long before")
        session.over = "silence"

    def _check_ended(self, session: SessionSeen, when: Span) -> None:
        if session.over in ("silence", "replaced"):
            self._break(session.id, f"410, after it was over by {session.over}")
        if session.over:
            return
        session.over = self._why_ended(session, session.replaced_at or when)
        if session.over == "nothing":
            in_grace = session.spent_at is not None
            self._break(session.id, "410 within its grace" if in_grace else "410, and nothing had ended it before")

    def _why_ended(self, session: SessionSeen, when: Span) -> str:
        """The reason for a 410: of those that there may be, the one that was there first."""
        if session.is_end_sure:
            return "end"
        grace, launcher, rules = session.maybe_spent_at, session.launcher, self.rules
        found = []
        if session.end_at is not None:
            found.append((session.end_at.asked, "end"))
        if self._may_be_dead(launcher, when):
            dead_at = launcher.heard.sure.asked + rules.launcher
            found.append((dead_at if launcher.quit_at is None else launcher.quit_at.asked, "launcher"))
        if grace is not None and rules.may_be_over(grace, rules.grace, when):
            found.append((grace.asked + rules.grace, "grace"))
        return min(found)[1] if found else "nothing"

    def _hear_end(self, session: SessionSeen, step: Step) -> None:
        answer, when = step.answer, span(step.answer)
        is_first = session.end_at is None
        match _result(answer):
            case "SUCCESS":
                if session.is_end_sure:
                    self._break(session.id, "it was ended twice")
                self._check_alive(session, answer)
                session.is_end_sure = True
                session.end_at = when
            case "409 ALREADY_ENDED":
                if session.over == "silence":
                    self._break(session.id, "409, after it was over by silence")
                elif is_first and not session.over and not self._may_be_replaced(session):
                    self._check_ended(session, when)
            case "404 SESSION_NOT_FOUND":
                self._check_lost(session, when)
            case "429 RATE_LIMITED":
                self._break(session.id, "its end was limited")
            case other:
                session.end_at = session.end_at or when
                if answer.status != 0 and answer.status < 500:
                    self._break(session.id, f"an end was answered {other}")

    def _may_be_replaced(self, session: SessionSeen) -> bool:
        """Whether another game began on its PC, or may have: nobody knows what a lost answer said."""
        if session.replaced_at is not None:
            return True
        others = (each for each in self.otts.values() if each.pc == session.pc)
        return any(
            result in ("valid", "no answer") and when.answered >= session.began.answered and when != session.began
            for each in others
            for result, when in zip(each.results, each.asked, strict=True)
        )

    # At the end of everything

    def settle(self) -> None:
        """Once nothing more will come: what could not be said before, as answers overtake each other."""
        for name, ott in self.otts.items():
            self._settle_token(name, ott)
        for each in self.sessions.values():
            if not each.over:
                self._break(each.id, "it is not over, and all of it is")
            elif each.over == "replaced" and not self._may_be_replaced(each):
                self._break(each.id, "replaced, and no other game began on its PC")

    def _settle_token(self, name: str, ott: OttSeen) -> None:
        is_used = "OTT_ALREADY_USED" in ott.results
        is_spent = any(each in ott.results for each in ("valid", "GAME_MISMATCH", "NOT_CHARGEABLE"))
        # A verify whose answer was lost, and then the token was used: somebody plays, and nobody knows as whom.
        ott.is_orphan = is_used and not is_spent and "no answer" in ott.results
        if is_used and not is_spent and not ott.is_orphan:
            self._break(name, "a token was used, and nobody had used it")


def _result(answer: Answer) -> str:
    """One word for it: OK, OTT_EXPIRED, 410 SESSION_ENDED."""
    if not answer.is_success:
        return f"{answer.status} {answer.code}" if answer.status else "no answer"
    if "is_valid" in answer.data:
        return "valid" if answer.data["is_valid"] is True else answer.text("reason")
    return answer.text("result") or "200"

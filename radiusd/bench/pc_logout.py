"""Log off the gaming PC and the WiFi is gone: how long each step takes, with a busy café around it."""

import json
from random import Random

from attrs import define, field

from radiusd.bench.guests import USER
from radiusd.bench.pc_figures import Outcome
from radiusd.bench.pc_stage import Stage
from radiusd.bench.pc_town import Branch
from radiusd.bench.posting import Answer

ON_THE_WIRE = 20.0
DECIDED_WITHIN = 5.0
_CONNECTIONS = 4


@define
class Logouts:
    """`number` logouts, `rate` a second; before them the café is watched for `before` seconds."""

    stage: Stage
    number: int
    rate: float
    before: float
    _answers: dict[int, Answer] = field(factory=dict)

    async def run(self) -> Outcome:
        """What it came to."""
        stage = self.stage
        stage.shows.doing(f"watching RADIUS for {self.before:g} s")
        watched = stage.reactor.seconds()
        await stage.pause(self.before)
        stage.shows.doing(f"{self.number} logouts, {self.rate:g} a second")
        began, effort, outcome = stage.reactor.seconds(), stage.effort(), Outcome()
        await self._log_off()
        ended, used = stage.reactor.seconds(), effort.figures()
        decided = await stage.until(self._all_decided, DECIDED_WITHIN + 1)
        samples = await stage.samples()
        self._judge(outcome, all_decided=decided)
        before, during = samples.within(watched, began), samples.within(began, ended)
        outcome.note("RADIUS before, p99", before.p99)
        outcome.note("RADIUS during, p99", during.p99)
        outcome.note("RADIUS during, a second", len(during.all) / (ended - began), unit="")
        outcome.figures += used
        samples.judge(outcome)
        return outcome

    def _all_decided(self) -> bool:
        cuts = self.stage.cuts()
        return len(cuts) >= self.number and all(each.decided is not None for each in cuts)

    async def _log_off(self) -> None:
        stage = self.stage
        wires = {branch.number: stage.wires(branch, _CONNECTIONS) for branch in stage.town.branches}
        chosen = self._chosen()

        async def one(number: int) -> None:
            branch, guest = chosen[number]
            self._answers[guest] = await wires[branch.number].ask(branch.event(guest, stage.reactor.seconds()))
            stage.shows.step("logouts", len(self._answers), self.number)

        await stage.steadily(self.number, self.rate, one)
        for each in wires.values():
            each.close()

    def _chosen(self) -> list[tuple[Branch, int]]:
        everybody = [(branch, guest) for branch in self.stage.town.branches for guest in branch.guests]
        return Random(1).sample(everybody, self.number)  # noqa: S311 - the same again

    def _judge(self, outcome: Outcome, *, all_decided: bool) -> None:
        stage, answers = self.stage, self._answers
        arrived = stage.routers.arrivals.first
        asked = {guest: USER % guest for guest in answers}
        bad = sum(not ended_one(each) for each in answers.values())
        outcome.must(not bad, f"{bad} logouts were not answered by 200 and one session terminated")
        silent = sum(name not in arrived for name in asked.values())
        outcome.must(not silent, f"{silent} logouts led to no Disconnect-Request")
        outcome.must(set(arrived) <= set(asked.values()), "somebody was cut who had not logged off")
        outcome.must(all_decided, "not every cut was decided within 5 s")
        cuts = {each.user_name: each for each in stage.cuts()}
        late = sum(each.was_late or each.outcome not in ("confirmed", "gone") for each in cuts.values())
        outcome.must(not late, f"{late} cuts were not proven")
        sent = {asked[guest]: each.sent for guest, each in answers.items()}
        outcome.note_times(
            "webhook to wire",
            [(arrived[name] - at) * 1000 for name, at in sent.items() if name in arrived],
            ON_THE_WIRE,
        )
        outcome.note_times("webhook to answer", [each.took for each in answers.values()])
        proofs = [(cut.decided - sent[name]) * 1000 for name, cut in cuts.items() if cut.decided and name in sent]
        outcome.note_times("webhook to proof", proofs)
        outcome.note("sessions left active", len(stage.routers.online) - len(arrived), unit="")


def ended_one(answer: Answer) -> bool:
    """Whether it was accepted and ended just the one session there was."""
    return answer.status == 200 and json.loads(answer.body).get("sessions_terminated") == 1

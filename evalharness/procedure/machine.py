"""The state machine: what to run next, and what it means. Pure; the gate and the simulator drive the same code."""

from dataclasses import dataclass, replace
from functools import cached_property

from evalharness.gate import error_budget
from evalharness.model import Decision, Policy
from evalharness.procedure import flips
from evalharness.procedure.aggregate import FAMILY as AGGREGATE
from evalharness.procedure.aggregate import Aggregate, Phase, spending
from evalharness.procedure.findings import aggregate_finding, flips_finding
from evalharness.procedure.flips import FreshBoth
from evalharness.procedure.state import Decided, Purpose, Request, State, Tally, empty
from evalharness.procedure.stored import FreshCandidate
from evalharness.stats.sequential import information_fraction

SUSPICIOUS_Z = 1.28  # rounds are added while an unchanged agent looks this bad one time in ten
EARLY_FROM = 4  # trials per task from which looking after every round saves more than it costs


def early_looks(trials: int) -> tuple[int, ...]:
    """Say after which rounds a gate with so many trials per task looks whether it may end."""
    return tuple(range(2, trials)) if trials >= EARLY_FROM else ()


@dataclass(frozen=True, kw_only=True)
class Procedure:
    """How one gate proceeds; everything it needs to know is fixed before the first trial is seen.

    `trials` are the base trials per task of (baseline, candidate), `looks` the candidate's trials at which it may end
    early. `eligible` says of each task whether its regression may block. `rerun` says which arms can run new trials.
    """

    policy: Policy
    tasks: tuple[str, ...]
    trials: tuple[int, int]
    looks: tuple[int, ...] = ()
    eligible: tuple[bool, ...] | None = None
    rerun: tuple[bool, bool] = (True, True)

    @cached_property
    def budget(self) -> dict[str, float]:
        """The share of `false_block` of each family of rules."""
        return error_budget(self.policy)

    @cached_property
    def aggregate(self) -> Aggregate:
        """The questions about the suite as a whole."""
        base, cand = (k + self.policy.extra_rounds * can for k, can in zip(self.trials, self.rerun, strict=True))
        margins = [rule.options.get("margin") for rule in self.policy.rules if rule.use == "no_worse"]
        return Aggregate(
            share=self.budget[AGGREGATE],
            margin=next((margin for margin in margins if margin), self.policy.margin),
            estimand=self.policy.estimand,
            base=self.trials,
            most=(base, cand),
        )

    @property
    def first_boundary(self) -> float | None:
        """How far harm must be, as a z, to be shown by the complete base trials; None where no rule asks."""
        if AGGREGATE not in self.budget:
            return None
        share = information_fraction(trials=self.aggregate.base, planned=self.aggregate.most)
        return spending(self.budget[AGGREGATE], (share,)).boundary

    @cached_property
    def confirmer(self) -> FreshBoth | FreshCandidate | None:
        """How suspects are re-run; None where no rule asks for it, or no arm can."""
        share, confirm = self.budget.get(flips.FAMILY), self.policy.confirm
        if share is None or not self.rerun[1]:
            return None
        first = min(confirm.first, confirm.trials)
        if self.rerun[0]:
            rest = confirm.trials - first
            return FreshBoth(share=share, sizes=(first, rest) if rest else (first,))
        return FreshCandidate(share=share, tasks=sum(self._eligible), first=first)

    def start(self, screen: Tally | None = None, *, asked: tuple[int, int] = (0, 0)) -> State:
        """Begin with what is stored; `asked` says how many trials per task were planned for it, measured or not."""
        state = State(screen=screen or empty(len(self.tasks)), asked=asked, fresh=empty(len(self.tasks)))
        return self._looked(state) if asked[0] and asked[1] else state

    def next(self, state: State) -> Request | Decided:
        """Say what to run next, or what was decided; asking twice gives the same answer."""
        if not state.base_ended:
            return self._base_round(state) or self.conclude(state)
        if self._blocked(state):
            return self.conclude(state, complete=True)
        request = self.confirmer.request(state) if self.confirmer else None
        return request or self._extra_round(state) or self.conclude(state, complete=True)

    def update(self, state: State, request: Request, counted: Tally) -> State:
        """Add the trials that a request led to, measured ones only, and look."""
        if request.purpose is Purpose.CONFIRM and self.confirmer:
            return self.confirmer.absorb(state, counted)
        more = [max(arm.values(), default=0) for arm in (request.baseline, request.candidate)]
        return self._looked(
            replace(
                state,
                screen=state.screen + counted,
                asked=(state.asked[0] + more[0], state.asked[1] + more[1]),
                extra_rounds=state.extra_rounds + state.base_ended,
            )
        )

    def conclude(self, state: State, *, complete: bool = False) -> Decided:
        """Decide on what is known, as at a deadline; a base that was cut short is taken as it is."""
        known = state if state.base_ended else self._closed(state)
        findings = []
        if AGGREGATE in self.budget:
            findings.append(aggregate_finding(known, self.aggregate))
        if flips.FAMILY in self.budget:
            cut_short = self.confirmer is not None and self.confirmer.request(known) is not None
            findings.append(flips_finding(known, self.tasks, cut_short=cut_short))
        decisions = {finding.decision for finding in findings}
        promoted = Decision.PROMOTE if decisions == {Decision.PROMOTE} else Decision.INCONCLUSIVE
        return Decided(
            decision=Decision.BLOCK if Decision.BLOCK in decisions else promoted,
            findings=tuple(findings),
            looks=known.looks,
            suspects=known.suspects or (),
            complete=complete,
        )

    @property
    def _eligible(self) -> tuple[bool, ...]:
        return self.eligible or (True,) * len(self.tasks)

    def _base_round(self, state: State) -> Request | None:
        """Ask for the trials up to the next look, of the arms that can run."""
        if not self.tasks:
            return None
        goal = min((look for look in self.looks if state.asked[1] < look < self.trials[1]), default=self.trials[1])
        last = goal >= self.trials[1]
        wanted = self.trials[0] if last else min(goal, self.trials[0]), goal
        arms = [
            dict.fromkeys(range(len(self.tasks)), max(0, want - have)) if can and want > have else {}
            for want, have, can in zip(wanted, state.asked, self.rerun, strict=True)
        ]
        return Request(purpose=Purpose.ROUND, baseline=arms[0], candidate=arms[1]) if any(arms) else None

    def _extra_round(self, state: State) -> Request | None:
        """Add a round to both arms while the suite is suspicious but undecided."""
        looks = state.of(AGGREGATE)
        allowed = state.extra_rounds < self.policy.extra_rounds and self.rerun[1]
        if not looks or not allowed or looks[-1].z < SUSPICIOUS_Z or self.aggregate.not_worse(looks[-1]):
            return None
        more = dict.fromkeys(range(len(self.tasks)), 1)
        return Request(purpose=Purpose.ROUND, baseline=more if self.rerun[0] else {}, candidate=more)

    def _blocked(self, state: State) -> bool:
        findings = [flips_finding(state, self.tasks)] if self.confirmer else []
        if AGGREGATE in self.budget:
            findings.append(aggregate_finding(state, self.aggregate))
        return any(finding.decision is Decision.BLOCK for finding in findings)

    def _looked(self, state: State) -> State:
        """Look at base and rounds, and close the base once it is complete or an early look has settled the suite."""
        complete = all(
            have >= want or not can for have, want, can in zip(state.asked, self.trials, self.rerun, strict=True)
        )
        if state.base_ended:
            return self._with_look(state, Phase.EXTRA)
        if complete:
            return self._closed(state)
        seen = self._with_look(state, Phase.EARLY)
        looks = seen.of(AGGREGATE)
        settled = bool(looks) and (self.aggregate.harmful(looks[-1]) or self.aggregate.not_worse(looks[-1]))
        return self._suspecting(seen) if settled else seen

    def _with_look(self, state: State, phase: Phase) -> State:
        if AGGREGATE not in self.budget:
            return state
        look = self.aggregate.look(state.screen, state.of(AGGREGATE), phase)
        return replace(state, looks=(*state.looks, look)) if look else state

    def _closed(self, state: State) -> State:
        return self._suspecting(self._with_look(state, Phase.BASE))

    def _suspecting(self, state: State) -> State:
        """End the base and name the suspects."""
        looks = state.of(AGGREGATE)
        leaning = not looks or looks[-1].z > flips.LEANING_Z
        named = flips.suspects(state.screen, self._eligible, leaning=leaning, first=self.policy.confirm.first)
        return replace(state, base_ended=True, suspects=named if flips.FAMILY in self.budget else ())

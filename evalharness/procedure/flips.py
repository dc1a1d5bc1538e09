"""Suspects, re-run on both sides: fresh trials in two batches, judged together by an exact test.

The first batch is small and clears most false suspicions; only those still worth it get the second. Each batch is
tested on its own trials, given everything before it; the two are added as z values with weights fixed beforehand
(inverse normal), so that dropping a suspect on the way costs power and never the level.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from evalharness.procedure.aggregate import spending
from evalharness.procedure.state import Look, Purpose, Request, State, Suspect, Tally
from evalharness.procedure.suspicion import evidence, joint_pvalue, suspicion, total_break
from evalharness.stats.flips import confirm

FAMILY = "flips"
NAMED = 0.15  # a task is suspected from here on: three passes that became one, or two that became none
NAMED_WHILE_LEANING = 0.08  # three passes that became two
LEANING_Z = 0.25
KEPT = 0.15  # below it a suspect is cleared; so is one whose fresh trials are no worse than the baseline's
FEWEST = 7  # so many suspects are re-run in any case, and every total break
SHARE = 0.2  # of the base trials, that the first batch may take beyond that
MOST = 300  # suspects at all: whoever has more has no need to know them one by one


def suspects(screen: Tally, eligible: tuple[bool, ...], *, leaning: bool, first: int) -> tuple[Suspect, ...]:
    """Name the tasks worth fresh trials, the most suspicious first, 300 at most.

    While the suite as a whole leans downwards, smaller drops are named too.
    """
    dropped = screen.cand_passed * screen.base_trials < screen.base_passed * screen.cand_trials
    threshold = NAMED_WHILE_LEANING if leaning else NAMED
    named, broken = [], 0
    for task in np.flatnonzero(dropped & np.array(eligible, dtype=np.bool_)).tolist():
        counted = screen.at(task)
        weight, total = suspicion(counted), total_break(counted[1], counted[3])
        broken += weight >= total
        if weight >= min(threshold, total):
            named.append(Suspect(task=task, weight=weight))
    most = min(MOST, max(FEWEST, broken, math.ceil(SHARE * screen.measured / (2 * first))))
    return tuple(sorted(named, key=lambda suspect: (-suspect.weight, suspect.task))[:most])


@dataclass(frozen=True, kw_only=True)
class FreshBoth:
    """Confirms on fresh trials of both arms, with `share` of the error budget; `sizes` are trials per batch and arm."""

    share: float
    sizes: tuple[int, ...]

    def request(self, state: State) -> Request | None:
        """Ask for the next batch of whoever is still suspected."""
        live = [suspect.task for suspect in state.suspects or () if suspect.live]
        if not live or state.batches >= len(self.sizes):
            return None
        more = dict.fromkeys(live, self.sizes[state.batches])
        return Request(purpose=Purpose.CONFIRM, baseline=more, candidate=more)

    def absorb(self, state: State, counted: Tally) -> State:
        """Test a batch of fresh trials, and update what is thought of each suspect."""
        tried = [suspect for suspect in state.suspects or () if suspect.live]
        pvalue = joint_pvalue(tuple((counted.at(each.task), each.weight) for each in tried))
        batches, zs = state.batches + 1, (*state.evidence, evidence(pvalue))
        fresh = state.fresh + counted
        known = {each.task: self._reweighed(each, counted, fresh) for each in tried}
        after = tuple(known.get(each.task, each) for each in state.suspects or ())
        look = self._look(zs, tried, fresh)
        if look.shown:
            after = self._named(after, look, state.of(FAMILY))
        return replace(state, suspects=after, fresh=fresh, batches=batches, evidence=zs, looks=(*state.looks, look))

    def _look(self, zs: tuple[float, ...], tried: list[Suspect], fresh: Tally) -> Look:
        """Add up the batches, each weighed by its planned size."""
        sizes = self.sizes[: len(zs)]
        together = sum(math.sqrt(size) * z for size, z in zip(sizes, zs, strict=True)) / math.sqrt(sum(sizes))
        fractions = tuple(sum(sizes[: i + 1]) / sum(self.sizes) for i in range(len(sizes)))
        step = spending(self.share, fractions)
        where = [each.task for each in tried]
        return Look(
            family=FAMILY,
            trials=(float(fresh.base_trials[where].mean()), float(fresh.cand_trials[where].mean())),
            fraction=fractions[-1],
            z=together,
            boundary=step.boundary if math.isfinite(step.boundary) else None,
            spent=step.spent,
            tasks=len(tried),
        )

    def _reweighed(self, suspect: Suspect, counted: Tally, fresh: Tally) -> Suspect:
        weight = suspicion(counted.at(suspect.task), suspect.weight)
        passed, trials, after, later = fresh.at(suspect.task)
        better = trials * later > 0 and passed * later <= after * trials
        live = weight >= KEPT and not better
        return replace(suspect, weight=weight, live=live, baseline=(passed, trials), candidate=(after, later))

    def _named(self, judged: tuple[Suspect, ...], look: Look, earlier: tuple[Look, ...]) -> tuple[Suspect, ...]:
        """Say which single tasks the fresh trials show worse, at the error that this look may spend (Holm)."""
        level = look.spent - (earlier[-1].spent if earlier else 0.0)
        arms = (
            ([each.baseline[i] for each in judged] for i in (0, 1)),
            ([each.candidate[i] for each in judged] for i in (0, 1)),
        )
        single = confirm(*arms[0], *arms[1], level=level, adjustment="holm")
        return tuple(replace(each, confirmed=bool(shown)) for each, shown in zip(judged, single.confirmed, strict=True))

"""Suspects where the baseline cannot be re-run: fresh trials of the candidate against the baseline's stored ones.

The stored trials of a suspect were seen when it was named, so they flatter the baseline. The price is paid in the
level: each suspect is tested as one of all tasks of the suite (Bonferroni), and that takes more trials.
"""

import math
from dataclasses import dataclass, replace

from scipy.special import ndtri

from evalharness.procedure.flips import FAMILY
from evalharness.procedure.state import Look, Purpose, Request, State, Suspect, Tally
from evalharness.procedure.suspicion import evidence
from evalharness.stats.exact import TIE
from evalharness.stats.tables import fisher

MOST = 60  # fresh trials of one suspect


@dataclass(frozen=True, kw_only=True)
class FreshCandidate:
    """Confirms on fresh trials of the candidate alone, with `share` of the error budget over `tasks` tests."""

    share: float
    tasks: int
    first: int

    @property
    def level(self) -> float:
        """What each task's p-value is held against."""
        return self.share / max(self.tasks, 1)

    def request(self, state: State) -> Request | None:
        """Ask for a first batch of every suspect that can be settled at all, then for the rest of those still open."""
        if state.batches > 1:
            return None
        wanted = {}
        for suspect in state.suspects or ():
            needed = self.needed(int(state.screen.base_trials[suspect.task]))
            if needed is not None and suspect.live:
                size = min(self.first, needed) if state.batches == 0 else needed - suspect.candidate[1]
                wanted[suspect.task] = size
        wanted = {task: size for task, size in wanted.items() if size > 0}
        return Request(purpose=Purpose.CONFIRM, baseline={}, candidate=wanted) if wanted else None

    def absorb(self, state: State, counted: Tally) -> State:
        """Judge every suspect on its stored baseline and its fresh candidate trials."""
        fresh = state.fresh + counted
        after = tuple(self._judged(each, state.screen, fresh) for each in state.suspects or ())
        last = state.batches > 0 or not any(each.live for each in after)
        pvalues = [self._pvalue(each) for each in after]
        look = Look(
            family=FAMILY,
            trials=(
                float(state.screen.base_trials.mean()),
                max((float(each.candidate[1]) for each in after), default=0.0),
            ),
            fraction=1.0 if last else 0.5,
            z=evidence(min(pvalues, default=1.0)),
            boundary=float(-ndtri(self.level)),
            spent=self.share,
            tasks=len(after),
        )
        return replace(state, suspects=after, fresh=fresh, batches=state.batches + 1, looks=(*state.looks, look))

    def needed(self, base_trials: int) -> int | None:
        """Return the fresh trials at which a total break is confirmed, or None where none up to 60 suffice."""
        if not base_trials:
            return None
        fitting = (m for m in range(1, MOST + 1) if 1 / math.comb(base_trials + m, m) <= self.level + TIE)
        return next(fitting, None)

    def _judged(self, suspect: Suspect, screen: Tally, fresh: Tally) -> Suspect:
        """Add up a suspect's fresh trials; it is cleared once it can no longer be confirmed."""
        stored = int(screen.base_passed[suspect.task]), int(screen.base_trials[suspect.task])
        passed, trials = int(fresh.cand_passed[suspect.task]), int(fresh.cand_trials[suspect.task])
        needed = self.needed(stored[1])
        if needed is None:
            return replace(suspect, baseline=stored)
        counted = replace(suspect, baseline=stored, candidate=(passed, trials))
        best = fisher(*stored, passed, max(needed, trials))
        confirmed = trials >= needed and self._pvalue(counted) <= self.level + TIE
        return replace(counted, confirmed=confirmed, live=best <= self.level + TIE and trials < needed)

    def _pvalue(self, suspect: Suspect) -> float:
        return fisher(*suspect.baseline, *suspect.candidate) if suspect.candidate[1] else 1.0

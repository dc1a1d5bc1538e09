"""What each family says at the end, in sentences that can be read aloud."""

from evalharness.model import Decision
from evalharness.procedure.aggregate import FAMILY as AGGREGATE
from evalharness.procedure.aggregate import Aggregate
from evalharness.procedure.flips import FAMILY as FLIPS
from evalharness.procedure.state import Finding, State, Suspect

WORDS = 5


def aggregate_finding(state: State, aggregate: Aggregate) -> Finding:
    """Say whether the suite as a whole is worse, not worse than the margin, or neither."""
    looks = state.of(AGGREGATE)
    if not looks or looks[-1].delta is None:
        because = "no task was measured in both arms"
        return Finding(family=AGGREGATE, decision=Decision.INCONCLUSIVE, because=because)
    last = looks[-1]
    low = "unbounded" if last.low is None else f"{100 * last.low:+.1f}"
    said = f"pass rate {100 * (last.delta or 0.0):+.1f} points, at worst {low} (margin {100 * aggregate.margin:.1f})"
    if aggregate.not_worse(last):
        return Finding(family=AGGREGATE, decision=Decision.PROMOTE, because=said)
    if aggregate.harmful(last):
        because = f"{said}; harm is shown: z {last.z:.2f}, needed {last.boundary:.2f}"
        return Finding(family=AGGREGATE, decision=Decision.BLOCK, because=because)
    return Finding(family=AGGREGATE, decision=Decision.INCONCLUSIVE, because=said)


def flips_finding(state: State, tasks: tuple[str, ...], *, cut_short: bool = False) -> Finding:
    """Say whether fresh trials show that suspected tasks broke; `cut_short` where more of them were still to come."""
    suspects = state.suspects
    if suspects is None:
        because = "the base trials are not complete, so no task could be suspected"
        return Finding(family=FLIPS, decision=Decision.INCONCLUSIVE, because=because)
    if not suspects:
        because = "no task is suspected of having broken"
        return Finding(family=FLIPS, decision=Decision.PROMOTE, because=because)
    if _shown(state):
        return Finding(family=FLIPS, decision=Decision.BLOCK, because=_broken(suspects, tasks))
    untried = [each for each in suspects if not each.candidate[1]]
    if untried:
        because = f"{_count(suspects)}, {len(untried)} of them not re-run on fresh trials: {_names(untried, tasks)}"
        return Finding(family=FLIPS, decision=Decision.INCONCLUSIVE, because=because)
    live = [each for each in suspects if each.live]
    if cut_short and live:
        because = f"{_count(suspects)}, {len(live)} of them still suspected at the end: {_names(live, tasks)}"
        return Finding(family=FLIPS, decision=Decision.INCONCLUSIVE, because=because)
    because = f"{_count(suspects)}, none confirmed on fresh trials: {_names(suspects, tasks)}"
    return Finding(family=FLIPS, decision=Decision.PROMOTE, because=because)


def _shown(state: State) -> bool:
    looks = state.of(FLIPS)
    return bool(looks) and (looks[-1].shown or any(each.confirmed for each in state.suspects or ()))


def _broken(suspects: tuple[Suspect, ...], tasks: tuple[str, ...]) -> str:
    confirmed = [each for each in suspects if each.confirmed]
    if confirmed:
        return f"{len(confirmed)} confirmed on fresh trials: {_names(confirmed, tasks)}"
    likely = [each for each in suspects if each.weight >= 0.5] or list(suspects)
    return f"the suspected tasks together are worse on fresh trials, most likely {_names(likely, tasks)}"


def _count(suspects: tuple[Suspect, ...]) -> str:
    return f"{len(suspects)} task{'s' * (len(suspects) != 1)} suspected"


def _names(suspects: "tuple[Suspect, ...] | list[Suspect]", tasks: tuple[str, ...]) -> str:
    worst = sorted(suspects, key=lambda each: -each.weight)
    more = f" and {len(worst) - WORDS} more" if len(worst) > WORDS else ""
    return ", ".join(f"{tasks[each.task]}{_fresh(each)}" for each in worst[:WORDS]) + more


def _fresh(suspect: Suspect) -> str:
    if not suspect.candidate[1]:
        return ""
    before, after = (f"{passed}/{trials}" for passed, trials in (suspect.baseline, suspect.candidate))
    return f" ({before} to {after})"

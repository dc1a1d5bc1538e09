"""From paths and names to comparisons and verdicts: what the command line and the Python interface share."""

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from evalharness.compare import compare
from evalharness.comparison.holdout import RECORD, read_holdout
from evalharness.errors import ConfigError
from evalharness.gate import DEFAULT_PRESET, check_policy, judge
from evalharness.ledger.named import is_line, outcomes_of_all
from evalharness.lineup import line_up
from evalharness.model import Allowance, Comparison, Lineup, Policy, Verdict
from evalharness.outcomes import Outcomes
from evalharness.policy import load_policy
from evalharness.run_list import RUNS


class Compared(Struct, frozen=True, kw_only=True):
    """A comparison and what the policy says about it."""

    comparison: Comparison
    verdict: Verdict


def chosen_policy(policy: Policy | str | None, baseline: Outcomes) -> Policy:
    """Return the policy that is meant: a given one, a preset or file by name, the baseline's, or `pr`."""
    if isinstance(policy, str):
        policy = load_policy(policy)
    policy = policy or baseline.header.policy or load_policy(DEFAULT_PRESET)
    check_policy(policy)
    return policy


def compare_runs(
    baseline: Path | str,
    candidate: Path | str,
    *,
    policy: Policy | str | None = None,
    allowances: Sequence[Allowance] = (),
) -> Compared:
    """Read two runs, other tools' logs or `line:NAME`, compare them and judge."""
    named = outcomes_of_all((baseline, candidate))
    before, after = (each.outcomes for each in named)
    chosen = chosen_policy(policy, before)
    holdout = read_holdout(before, after, chosen, RUNS / RECORD if is_line(str(baseline)) else None)
    comparison = compare(before, after, chosen, allowances=allowances, holdout=holdout)
    comparison = replace(comparison, warnings=(*filter(None, (each.note for each in named)), *comparison.warnings))
    return Compared(comparison=comparison, verdict=judge(comparison, chosen))


def compare_several(
    baseline: Path | str,
    candidates: Sequence[Path | str],
    *,
    policy: Policy | str | None = None,
    allowances: Sequence[Allowance] = (),
) -> Lineup:
    """Read a baseline and several candidates, and compare them all."""
    before, *after = (each.outcomes for each in outcomes_of_all((baseline, *candidates)))
    chosen = chosen_policy(policy, before)
    if any(rule.use == "holdout" for rule in chosen.rules):
        raise ConfigError("held-out tasks are read for one candidate at a time: compare them one by one")
    return line_up(before, after, chosen, allowances=allowances)

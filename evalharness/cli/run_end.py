"""What `evalh run` says at its end, and the exit code it leaves with."""

import sys
from collections import Counter

import click
import msgspec

from evalharness.cli.interrupts import EXIT_CODES
from evalharness.errors import HarnessFault
from evalharness.model import Outcome
from evalharness.runner import RunResult
from evalharness.running.planning import Attempt, standing
from evalharness.runs import Arm


class Failure(msgspec.Struct, frozen=True):
    """The part of a record that says why a trial failed without a grade."""

    outcome: Outcome
    cause: str | None = None
    detail: str = ""


def summary(arm: Arm, result: RunResult, *, as_json: bool) -> str:
    """Say where the run as a whole stands; money, tokens, errors and time are those of this session."""
    tally = result.tally
    outcomes = standing(arm.store.lines(Attempt))
    passed = sum(each is Outcome.PASS for each in outcomes.values())
    outcome = {
        "run": str(arm.store.path),
        "measured": len(outcomes),
        "passed": passed,
        "missing": tally.missing,
        "owed": len(result.owed),
        "errors": dict(tally.errors),
        "cost_usd": tally.cost_usd if tally.priced else None,
        "tokens": tally.tokens if tally.metered else None,
        "seconds": round(tally.seconds, 3),
        "stopped": result.stopped,
    }
    if as_json:
        return msgspec.json.encode(outcome).decode()
    parts = [f"{arm.store.path}: {passed} of {len(outcomes)} trials passed"]
    if tally.missing:
        parts.append(f"{tally.missing} unmeasured ({_causes(tally.errors)})")
    if result.owed:
        parts.append(f"{len(result.owed)} owed")
    return ", ".join(parts)


def _causes(errors: Counter[str]) -> str:
    return ", ".join(f"{cause} x{number}" for cause, number in errors.most_common(3))


def end(arm: Arm, result: RunResult, resuming: str) -> None:
    """Leave with the exit code that says how the run ended."""
    _say_crashes(arm)
    if result.stopped:
        owed = f"{len(result.owed)} trials owed; go on with `{resuming}`"
        click.echo(f"stopped by {result.stopped}: {owed}", err=True)
        sys.exit(EXIT_CODES.get(result.stopped, 3))
    if not result.tally.measured and result.tally.missing:
        raise HarnessFault(f"nothing was measured: {_causes(result.tally.errors)}{_first_error(arm)}")
    click.echo(f"hint: `evalh show {arm.store.path}`", err=True)


def _say_crashes(arm: Arm) -> None:
    """Name what failed without a grade, with an example: an agent that always crashes looks like a bad one."""
    crashed = [line for line in arm.store.lines(Failure) if line.outcome is Outcome.FAIL and line.cause]
    if crashed:
        causes = Counter(line.cause or "" for line in crashed)
        example = f": {crashed[0].detail.splitlines()[0]}" if crashed[0].detail else ""
        click.echo(f"{len(crashed)} trials failed without an answer to grade: {_causes(causes)}{example}", err=True)


def _first_error(arm: Arm) -> str:
    details = (line.detail for line in arm.store.lines(Failure) if line.outcome is Outcome.ERROR and line.detail)
    first = next(details, "")
    return f" ({first.splitlines()[0]})" if first else ""

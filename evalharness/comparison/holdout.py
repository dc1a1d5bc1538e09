"""Readings of held-out tasks, on record beside the runs: what is looked at again and again is held out no longer."""

import os
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from evalharness.errors import ConfigError, StorageFault
from evalharness.model import Holdout, Policy
from evalharness.outcomes import Outcomes
from evalharness.registry import build

RECORD = "holdout.jsonl"


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """One look at the held-out tasks of a suite; comparing the same two runs again is the same reading."""

    suite: str
    baseline: str
    candidate: str
    read_at: str = ""


def check_unspent(suite: str, policy: Policy, record: Path) -> None:
    """Refuse, before anything runs, held-out tasks that may not be read again: ConfigError."""
    budget = _budget(policy)
    earlier = [each for each in _readings(record) if each.suite == suite] if budget else []
    if budget and len(earlier) >= budget:
        raise _spent(record, earlier, budget)


def read_holdout(baseline: Outcomes, candidate: Outcomes, policy: Policy, record: Path | None = None) -> Holdout | None:
    """Record a reading where the policy has a `holdout` rule; ConfigError where its budget is spent.

    The record lies beside the baseline's run unless another is named.
    """
    budget = _budget(policy)
    if budget is None:
        return None
    record = (record or Path(baseline.place.partition("::")[0]).parent / RECORD).resolve()
    now = Reading(
        suite=baseline.header.suite.name,
        baseline=baseline.header.run_id,
        candidate=candidate.header.run_id,
        read_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    earlier = [each for each in _readings(record) if each.suite == now.suite]
    known = [(each.baseline, each.candidate) for each in earlier]
    if (now.baseline, now.candidate) in known:
        return Holdout(reading=known.index((now.baseline, now.candidate)) + 1, budget=budget, record=str(record))
    if len(earlier) >= budget:
        raise _spent(record, earlier, budget)
    _append(record, now)
    return Holdout(reading=len(earlier) + 1, budget=budget, record=str(record))


def _budget(policy: Policy) -> int | None:
    rules = [build("rule", rule) for rule in policy.rules if rule.use == "holdout"]
    return min((int(getattr(rule, "budget", 1)) for rule in rules), default=None)


def _spent(record: Path, earlier: list[Reading], budget: int) -> ConfigError:
    last = earlier[-1]
    return ConfigError(
        f"{record}: the held-out tasks of {last.suite} have been read {len(earlier)} of {budget} times, last for "
        f"{last.candidate} at {last.read_at}: hold out fresh tasks, or raise the rule's budget in the open"
    )


def _readings(record: Path) -> list[Reading]:
    if not record.exists():
        return []
    try:
        return msgspec.json.Decoder(Reading).decode_lines(record.read_bytes())
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{record} is damaged ({exc}): put it right, or hold out fresh tasks") from exc


def _append(record: Path, reading: Reading) -> None:
    try:
        file = os.open(record, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(file, msgspec.json.encode(reading) + b"\n")
            os.fsync(file)
        finally:
            os.close(file)
    except OSError as exc:
        raise StorageFault(f"{record}: {exc.strerror or exc}: a reading that cannot be recorded is not made") from exc

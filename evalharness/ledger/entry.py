"""What a line remembers: an entry per decision about a version, each naming the one before it by digest."""

from enum import StrEnum
from hashlib import sha256

import msgspec
from msgspec import Struct

from evalharness.model import Check, Decision, RunHeader

LEDGER_SCHEMA = 1


class Kind(StrEnum):
    """What an entry records."""

    PROMOTION = "promotion"  # a candidate, and what was decided about it: promoted or not
    ROLLBACK = "rollback"  # an earlier promoted version stands again
    BASELINE = "baseline"  # the standing version measured again


class RunRef(Struct, frozen=True, kw_only=True):
    """A run by its digests; `outcomes` is that of its outcome table, which is stored beside the entry.

    `trials` is the smallest number of measured trials that any task has; `owed` counts planned trials never attempted.
    """

    suite: str
    run_id: str
    digest: str
    outcomes: str
    tasks: int
    trials: int
    owed: int


class MeasuredRun(Struct, frozen=True, kw_only=True):
    """A run as a line takes it in: how entries refer to it, its header, and its outcome table as JSON."""

    ref: RunRef
    header: RunHeader
    table: bytes

    @property
    def whole_suite(self) -> bool:
        """Say whether every task of the suite was measured."""
        return self.ref.tasks == len(self.header.tasks) and self.ref.trials > 0


class Evidence(Struct, frozen=True, kw_only=True):
    """What one suite says of a candidate: the verdict, and the run that earned it."""

    run: RunRef
    verdict: str
    decision: Decision
    checks: tuple[Check, ...]
    false_block: float
    baseline_run: str
    baseline_fingerprint: str


class Entry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One entry of a line; `parent` is the digest of the entry before it.

    `override` says why a version was promoted against its verdict, `restores` which promotion a rollback goes back to,
    `measured` which runs a baseline rests on.
    """

    schema: int
    kind: Kind
    line: str
    parent: str | None
    version: str
    agent: str
    fingerprint: str
    commit: str | None = None
    evidence: tuple[Evidence, ...] = ()
    measured: tuple[RunRef, ...] = ()
    restores: str = ""
    intent: str = ""
    reason: str = ""
    override: str = ""
    who: str
    when: str

    @property
    def decision(self) -> Decision:
        """Block if any verdict blocks; promote if every one promotes and its run is complete; else inconclusive."""
        decisions = {each.decision if not each.run.owed else Decision.INCONCLUSIVE for each in self.evidence}
        if Decision.BLOCK in {each.decision for each in self.evidence}:
            return Decision.BLOCK
        return Decision.PROMOTE if decisions == {Decision.PROMOTE} else Decision.INCONCLUSIVE

    @property
    def promoted(self) -> bool:
        """Say whether the candidate became a version of the line, on its evidence or against it."""
        return self.kind is Kind.PROMOTION and (self.decision is Decision.PROMOTE or bool(self.override))

    @property
    def runs(self) -> tuple[RunRef, ...]:
        """Return every run that the entry rests on."""
        return (*(each.run for each in self.evidence), *self.measured)


class Stored(Struct, frozen=True):
    """An entry as it lies on disk: the digest on record, and the bytes that should have it."""

    digest: str
    content: bytes


def sealed(content: bytes) -> Stored:
    """Give bytes the digest that everything later names them by."""
    return Stored(sha256(content).hexdigest(), content)


def canonical_json(value: Struct) -> bytes:
    """Write a noun as JSON in the one way that digests are made of: sorted keys, no space."""
    return msgspec.json.encode(value, order="sorted")

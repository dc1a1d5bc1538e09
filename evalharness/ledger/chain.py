"""The logic of a line, without any storage: a chain that is checked entry by entry, and what it says.

An entry is refused where it would fork the chain, where its parent is missing, or where it makes no sense after what
came before it. The same checks read an old chain and admit a new entry.
"""

from collections.abc import Iterable
from hashlib import sha256

import msgspec
from msgspec import Struct

from evalharness.errors import ConfigError
from evalharness.ledger.entry import LEDGER_SCHEMA, Entry, Kind, RunRef, Stored

SHOWN = 12


class Link(Struct, frozen=True):
    """An entry of a chain, and its digest."""

    digest: str
    entry: Entry


class BaselineRun(Struct, frozen=True):
    """The run that a line offers as baseline; one that was not measured again is the run that earned the promotion."""

    version: str
    run: RunRef
    measured_again: bool


class Chain(Struct, frozen=True):
    """A line: its entries, oldest first."""

    name: str
    links: tuple[Link, ...] = ()

    @property
    def head(self) -> str | None:
        """Return the digest of the newest entry."""
        return self.links[-1].digest if self.links else None

    @property
    def standing(self) -> Link | None:
        """Return the promotion of the version that stands now: the last promoted one, or what a rollback restored."""
        for link in reversed(self.links):
            if link.entry.kind is Kind.ROLLBACK:
                return next(each for each in self.links if each.digest == link.entry.restores)
            if link.entry.promoted:
                return link
        return None

    @property
    def earned_by(self) -> frozenset[str]:
        """Return the ids of the runs that earned a promotion: none of them may serve as a baseline."""
        return frozenset(run.run_id for link in self.links if link.entry.promoted for run in link.entry.runs)

    @property
    def measured_again(self) -> bool:
        """Say whether the version that stands has a run fit to be its baseline."""
        standing = self.standing
        return standing is not None and any(
            link.entry.kind is Kind.BASELINE and link.entry.fingerprint == standing.entry.fingerprint
            for link in self.links
        )

    @property
    def refused(self) -> tuple[Link, ...]:
        """Return the candidates that were judged and not promoted since a version was last promoted."""
        newest = max((place for place, link in enumerate(self.links) if link.entry.promoted), default=-1)
        return tuple(link for link in self.links[newest + 1 :] if link.entry.kind is Kind.PROMOTION)

    @property
    def spent(self) -> float:
        """Bound the chance that at least one of the candidates refused since then was blocked by chance alone.

        It is the sum of `false_block` over their verdicts, each counted once, and at most 1.
        """
        budgets = {each.verdict: each.false_block for link in self.refused for each in link.entry.evidence}
        return min(sum(budgets.values()), 1.0)

    def promotion(self, version: str) -> Link | None:
        """Return the entry that promoted a version."""
        return next((link for link in self.links if link.entry.promoted and link.entry.version == version), None)

    def find(self, digest: str) -> Link | None:
        """Return the entry with this digest, or with a digest that begins so."""
        if len(digest) < SHOWN:
            return None
        return next((link for link in self.links if link.digest.startswith(digest)), None)

    def baseline(self, suite: str | None = None) -> BaselineRun:
        """Return the newest run of the standing version that may serve as baseline, else the one that earned it."""
        standing = self.standing
        if standing is None:
            raise ConfigError(f"line {self.name} has no promoted version, so it has no baseline")
        version = standing.entry.version
        again = [
            BaselineRun(version, run, measured_again=True)
            for link in reversed(self.links)
            if link.entry.kind is Kind.BASELINE and link.entry.fingerprint == standing.entry.fingerprint
            for run in link.entry.measured
        ]
        runs = [*again, *(BaselineRun(version, run, measured_again=False) for run in standing.entry.runs)]
        suites = sorted({each.run.suite for each in runs})
        if suite is None and len(suites) == 1:
            suite = suites[0]
        found = next((each for each in runs if each.run.suite == suite), None)
        if found is None:
            raise ConfigError(f"line {self.name}: {version} was measured on {', '.join(suites)}, not on '{suite}'")
        return found


def verified(name: str, stored: Iterable[Stored]) -> Chain:
    """Check a chain from its first entry on; the first one that is edited, forked or has no parent is named."""
    chain = Chain(name)
    for place, each in enumerate(stored, start=1):
        try:
            chain = extended(chain, each)
        except ConfigError as exc:
            raise ConfigError(f"line {name}: entry {place}{_named(each)} {exc}") from exc
    return chain


def admitted(chain: Chain, new: Stored) -> Link:
    """Check a new entry against the chain it is to extend."""
    try:
        return extended(chain, new).links[-1]
    except ConfigError as exc:
        raise ConfigError(f"line {chain.name}: the new entry{_named(new)} {exc}") from exc


def extended(chain: Chain, stored: Stored) -> Chain:
    """Return the chain with one more entry; a ConfigError says what is wrong with it."""
    found = sha256(stored.content).hexdigest()
    if found != stored.digest:
        raise ConfigError(
            f"was edited: its content has digest {found[:SHOWN]}, but {stored.digest[:SHOWN]} is on record"
        )
    entry = _decoded(stored.content)
    if entry.line != chain.name:
        raise ConfigError(f"belongs to line '{entry.line}'")
    _check_parent(chain, entry)
    _CHECKS[entry.kind](chain, entry)
    return Chain(chain.name, (*chain.links, Link(stored.digest, entry)))


class _Schema(Struct):
    schema: int


def _decoded(content: bytes) -> Entry:
    try:
        schema = msgspec.json.decode(content, type=_Schema).schema
        if schema > LEDGER_SCHEMA:
            raise ConfigError(f"was written by a newer evalh (schema {schema}): upgrade evalharness")
        return msgspec.json.decode(content, type=Entry)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(f"is damaged: {exc}") from exc


def _named(stored: Stored) -> str:
    """Name an entry by what it says of itself, as far as it can be read."""
    try:
        entry = msgspec.json.decode(stored.content, type=Entry)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return f" ({entry.kind} of {entry.version!r})"


def _check_parent(chain: Chain, entry: Entry) -> None:
    if entry.parent == chain.head:
        return
    if entry.parent is None:
        raise ConfigError(f"forks the line: it has no parent, but {len(chain.links)} entries come before it")
    if any(link.digest == entry.parent for link in chain.links):
        raise ConfigError(
            f"forks the line: its parent is {entry.parent[:SHOWN]}, but the head is {(chain.head or '')[:SHOWN]}"
        )
    gone = f"entry {len(chain.links)} was edited or replaced" if chain.links else "the beginning of the line is gone"
    raise ConfigError(f"names the parent {entry.parent[:SHOWN]}, which is missing: {gone}")


def _check_promotion(chain: Chain, entry: Entry) -> None:
    if not entry.evidence:
        raise ConfigError("has no verdict")
    known = chain.promotion(entry.version) if entry.promoted else None
    if known:
        raise ConfigError(f"promotes a version that {known.digest[:SHOWN]} has promoted already: give it its own name")


def _check_rollback(chain: Chain, entry: Entry) -> None:
    target = next((link for link in chain.links if link.digest == entry.restores), None)
    if target is None or not target.entry.promoted:
        raise ConfigError(f"goes back to {entry.restores[:SHOWN] or 'nothing'}, which promoted no version")
    if (target.entry.version, target.entry.fingerprint) != (entry.version, entry.fingerprint):
        raise ConfigError(f"goes back to {target.digest[:SHOWN]}, which promoted '{target.entry.version}'")


def _check_baseline(chain: Chain, entry: Entry) -> None:
    standing = chain.standing
    if standing is None or standing.entry.fingerprint != entry.fingerprint:
        raise ConfigError("is of an agent that does not stand on this line")
    earning = [run.run_id for run in entry.measured if run.run_id in chain.earned_by]
    if earning:
        raise ConfigError(f"rests on {earning[0]}, the run that earned a promotion: measure the version again")


_CHECKS = {Kind.PROMOTION: _check_promotion, Kind.ROLLBACK: _check_rollback, Kind.BASELINE: _check_baseline}

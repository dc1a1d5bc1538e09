"""A version line for people and programs: what stands, what was decided, by whom and why."""

from collections.abc import Iterator

import msgspec
from msgspec import Struct
from rich.text import Text

from evalharness.ledger.chain import SHOWN, Chain, Link
from evalharness.ledger.entry import Entry, Kind
from evalharness.model import Decision
from evalharness.report.console import STYLES, plain, printed


class ShownEntry(Struct, frozen=True, kw_only=True):
    """An entry with what is computed from it."""

    digest: str
    decision: Decision | None
    promoted: bool
    entry: Entry


class ShownLine(Struct, frozen=True, kw_only=True):
    """What `evalh line show --json` prints."""

    line: str
    head: str | None
    standing: ShownEntry | None
    refused_since: int
    spent_error: float
    measured_again: bool
    entries: tuple[ShownEntry, ...]


def shown(link: Link) -> ShownEntry:
    """Add to an entry what is computed from it."""
    entry = link.entry
    decision = entry.decision if entry.kind is Kind.PROMOTION else None
    return ShownEntry(digest=link.digest, decision=decision, promoted=entry.promoted, entry=entry)


def as_json(link: Link) -> str:
    """Write one entry as JSON."""
    return msgspec.json.encode(shown(link)).decode()


def line_as_json(chain: Chain) -> str:
    """Write a whole line as JSON."""
    standing = chain.standing
    content = ShownLine(
        line=chain.name,
        head=chain.head,
        standing=shown(standing) if standing else None,
        refused_since=len(chain.refused),
        spent_error=chain.spent,
        measured_again=chain.measured_again,
        entries=tuple(shown(link) for link in chain.links),
    )
    return msgspec.json.encode(content).decode()


def render_decision(link: Link, *, width: int = 80, colour: bool = False) -> str:
    """Write what became of a candidate: the decision, why, and what to do next."""
    entry = link.entry
    blocks = [
        _headline(entry),
        *(plain(each) for each in _reasons(entry)),
        plain(f"on line {entry.line} as entry {link.digest}"),
        plain(f"next: {_next(entry)}"),
    ]
    return printed(blocks, width=width, colour=colour)


def render(chain: Chain, *, width: int = 80, colour: bool = False) -> str:
    """Write a line, the newest entry first."""
    blocks = [*(plain(each) for each in _facts(chain))]
    for place in range(len(chain.links), 0, -1):
        link = chain.links[place - 1]
        blocks += [Text(""), *_entry(place, link)]
    return printed(blocks, width=width, colour=colour)


def _facts(chain: Chain) -> Iterator[str]:
    standing = chain.standing
    if standing is None:
        yield f"line {chain.name}: no version stands yet"
    else:
        entry = standing.entry
        yield f"line {chain.name}: {entry.version} stands (agent {entry.agent}, {entry.fingerprint[:SHOWN]})"
        again = "measured again" if chain.measured_again else f"not measured again yet: {_next(entry)}"
        yield f"baseline: {again}"
    candidates = f"{len(chain.refused)} candidate{'' if len(chain.refused) == 1 else 's'}"
    yield (
        f"since the last promotion: {candidates} refused; spent error: {chain.spent:.1%} (the chance that one of them "
        "was blocked though unchanged is at most that)"
    )
    yield f"entries: {len(chain.links)}, head {chain.head or 'none'}"


def _entry(place: int, link: Link) -> Iterator[Text]:
    entry = link.entry
    head = Text(f"{place}  {link.digest[:SHOWN]}  ")
    yield head.append_text(_headline(entry))
    yield plain(f"   {entry.when}, {entry.who}")
    if entry.intent:
        yield plain(f"   intent: {entry.intent}")
    yield from (plain(f"   {each}") for each in _reasons(entry))


def _headline(entry: Entry) -> Text:
    if entry.kind is Kind.ROLLBACK:
        return plain(f"ROLLBACK to {entry.version}")
    if entry.kind is Kind.BASELINE:
        return plain(f"BASELINE of {entry.version}")
    verdict = Text(entry.decision.upper(), style=STYLES[entry.decision])
    overridden = " (overridden: promoted)" if entry.override else ""
    return verdict.append_text(plain(f"{overridden} {entry.version}"))


def _reasons(entry: Entry) -> Iterator[str]:
    if entry.override:
        yield f"overridden: {entry.override}"
    if entry.reason:
        yield f"reason: {entry.reason}"
    for run in entry.measured:
        yield f"{run.suite}: run {run.run_id}, {run.tasks} tasks, {run.trials} trials each"
    for judged in entry.evidence:
        checks = [check for check in judged.checks if check.decision is judged.decision] or list(judged.checks)
        said = "; ".join(f"{check.rule}: {check.because}" for check in checks)
        owed = f"; incomplete: {judged.run.owed} trials are owed" if judged.run.owed else ""
        yield f"{judged.run.suite}: {judged.decision}: {said}{owed}"


def _next(entry: Entry) -> str:
    if entry.kind is Kind.PROMOTION and not entry.promoted:
        return "another candidate; or `--override --reason TEXT`, which is shown with the version forever"
    if entry.kind is not Kind.PROMOTION:
        return f"gate candidates against line:{entry.line}"
    trials = max(2 * run.trials for run in entry.runs)
    return (
        f"`evalh run SUITE --agent AGENT --trials {trials}`, then `evalh line baseline {entry.line} --run RUN`: the "
        "run that earned a promotion flatters the version and is never its baseline"
    )

"""Several candidates against one baseline as one HTML file: who may be promoted, and how each compares."""

from collections import Counter
from collections.abc import Sequence

from evalharness.model import Contender, Counts, Decision, Lineup, TaskPair
from evalharness.report import inert, numbers
from evalharness.report.charts import around_changes
from evalharness.report.evidence import ArmEvidence, ArmsEvidence
from evalharness.report.html import curves, origin
from evalharness.report.html_page import embedded, page
from evalharness.report.html_rows import ID_LENGTH, Arm, Row, Table, Word, arm, packed, tone
from evalharness.report.wording import CLASSES, ORDER

NO_EVIDENCE = ArmsEvidence()
NONE = Counts(passed=0, measured=0, planned=0)
MOST_CURVES = 4
RANK = {Decision.PROMOTE: 0, Decision.INCONCLUSIVE: 1, Decision.BLOCK: 2}


def render(lineup: Lineup, evidence: ArmsEvidence = NO_EVIDENCE) -> str:
    """Write the page; candidates stand in the order of their decision and change."""
    ordered = sorted(lineup.contenders, key=lambda each: (RANK[each.verdict.decision], -(each.delta.value or 0.0)))
    comparisons = [each.comparison for each in ordered]
    names = ["baseline", *_names(lineup, ordered)]
    sides = [comparisons[0].baseline, *(each.candidate for each in comparisons)]
    margin = ordered[0].verdict.policy.margin
    evidence = _ordered(evidence, [0, *(1 + lineup.contenders.index(each) for each in ordered)])
    return page(
        "several.html",
        contenders=ordered,
        baseline=comparisons[0].baseline,
        standings=list(zip(names, [lineup.baseline, *(each.standing for each in ordered)], strict=True)),
        said=_decided(ordered),
        margin=margin,
        axis=around_changes([each.delta for each in ordered], margin),
        names=names,
        sides=list(zip(names, sides, strict=True)),
        curves=curves(sides[:MOST_CURVES]),
        evidence=evidence,
        origins=[
            (name, origin(side, behind))
            for name, side, behind in zip(names, sides, evidence.arms or [ArmEvidence()] * len(names), strict=True)
        ],
        table=embedded(_table(ordered, names, evidence)),
        transcripts=embedded(packed(evidence)),
    )


def _ordered(evidence: ArmsEvidence, places: Sequence[int]) -> ArmsEvidence:
    """Put the arms in the order of the page."""
    return ArmsEvidence(
        arms=tuple(evidence.arms[place] for place in places) if evidence.arms else (),
        transcripts={
            task_id: tuple(sides[place] for place in places) for task_id, sides in evidence.transcripts.items()
        },
        commands=evidence.commands,
    )


def _names(lineup: Lineup, ordered: Sequence[Contender]) -> list[str]:
    """Name candidates by their agent, or by their run where agents share a name."""
    agents = [f"{each.standing.agent} {each.standing.version}".strip() for each in ordered]
    return agents if len(set(agents)) == len(lineup.contenders) else [each.standing.place for each in ordered]


def _decided(contenders: Sequence[Contender]) -> str:
    counted = {decision: sum(each.verdict.decision is decision for each in contenders) for decision in RANK}
    return ", ".join(f"{count} {numbers.HEADLINES[decision]}" for decision, count in counted.items() if count)


def _table(contenders: Sequence[Contender], names: Sequence[str], evidence: ArmsEvidence) -> Table:
    """Put every task in a row with all arms; its class is the gravest that any candidate gives it."""
    pairs: dict[str, list[TaskPair | None]] = {}
    for place, contender in enumerate(contenders):
        for task in contender.comparison.tasks:
            pairs.setdefault(task.task_id, [None] * len(contenders))[place] = task
    rows = [(task_id, own, _gravest(own)) for task_id, own in pairs.items()]
    rows.sort(key=lambda row: (ORDER.get(row[2].state, len(ORDER)), row[2].pvalue))
    tags = sorted({tag for _, _, gravest in rows for tag in gravest.tags})
    counted = Counter(gravest.state for _, _, gravest in rows)
    states = [state for state in CLASSES if counted[state]]
    sides = [contenders[0].comparison.baseline, *(each.comparison.candidate for each in contenders)]
    return Table(
        rows=[
            Row(
                inert.line(task_id, longest=ID_LENGTH),
                states.index(gravest.state),
                [tags.index(tag) for tag in gravest.tags],
                _arms(task_id, gravest, own, evidence),
                round(gravest.pvalue, 6),
                [],
                _said(own, names),
            )
            for task_id, own, gravest in rows
        ],
        words=[Word(*CLASSES[state], tone(state), counted[state]) for state in states],
        tags=[inert.line(tag, longest=ID_LENGTH) for tag in tags],
        places=[inert.line(side.place) for side in sides],
        arms=[inert.line(name, longest=ID_LENGTH) for name in names],
    )


def _gravest(own: Sequence[TaskPair | None]) -> TaskPair:
    return min((each for each in own if each), key=lambda each: (ORDER.get(each.state, len(ORDER)), each.pvalue))


def _arms(task_id: str, known: TaskPair, own: Sequence[TaskPair | None], evidence: ArmsEvidence) -> list[Arm]:
    counts = [known.baseline, *(each.candidate if each else NONE for each in own)]
    behind = evidence.arms or [ArmEvidence()] * len(counts)
    return [arm(task_id, counted, each) for counted, each in zip(counts, behind, strict=True)]


def _said(own: Sequence[TaskPair | None], names: Sequence[str]) -> str:
    """Say what each candidate makes of a task, and where it was not compared."""
    words = [CLASSES[each.state][0] if each else "not compared" for each in own]
    return inert.line("; ".join(f"{name}: {word}" for name, word in zip(names[1:], words, strict=True)))

"""What a grader is audited against: a second run of the same trials, or labels of people."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evalharness.auditing.labels import Label, is_labels, read_labels
from evalharness.errors import ConfigError, NotComparable
from evalharness.foreign import kind_of
from evalharness.outcomes import Outcomes, read
from evalharness.registry import suggestion

LISTED = 5
Key = tuple[str, int]


@dataclass(frozen=True, kw_only=True)
class Reference:
    """Which answers are right, by task and trial; `ratings` holds a row per rater where there are several."""

    place: str
    right: dict[Key, bool]
    ratings: tuple[tuple[float | None, ...], ...] = ()
    notes: tuple[str, ...] = field(default=())


def read_reference(place: str, run: Outcomes) -> Reference:
    """Read a run, or a file of labels, that says which answers of this run are right."""
    path = Path(place)
    if not path.is_file() or not (is_labels(path) or not _foreign(path)):
        return from_run(read(place), run)
    return from_labels(place, read_labels(path, single=_single(run)), run)


def from_run(other: Outcomes, run: Outcomes) -> Reference:
    """Take the outcomes of a second run of the same trials; refused where its answers are others."""
    if other.header.run_id == run.header.run_id:
        raise NotComparable(f"{other.place} is the run itself ({run.header.run_id}): judge it again with `evalh grade`")
    both = run.trials.merge(other.trials, on=["task_id", "trial"], suffixes=("", "_there"))
    if both.empty:
        raise NotComparable(f"{run.place} and {other.place} share no trial: a reference judges the same trials")
    both = both[both["cause"].isna() & (both["outcome"] != "error")]  # the others have no answer to judge
    digests = both[["output_digest", "output_digest_there"]]
    known = digests.notna().all(axis=1)
    differ = both[known & (digests["output_digest"] != digests["output_digest_there"])]
    if len(differ):
        first = differ.iloc[0]
        raise NotComparable(
            f"{other.place} judges other answers than those of {run.place} ({len(differ)} of {int(known.sum())} "
            f"trials, such as task '{first['task_id']}' trial {first['trial']}): make a reference with `evalh grade`"
        )
    measured = both[both["outcome_there"] != "error"]
    keys = zip(measured["task_id"].tolist(), measured["trial"].tolist(), strict=True)
    notes = (
        [] if known.all() else [f"that {other.place} judges the same answers is taken on trust: it keeps no digests"]
    )
    lost = len(both) - len(measured)
    return Reference(
        place=other.place,
        right=dict(zip(keys, (measured["outcome_there"] == "pass").tolist(), strict=True)),
        notes=(*notes, *([f"the reference could not judge {lost} answers"] if lost else [])),
    )


def from_labels(place: str, labels: Sequence[Label], run: Outcomes) -> Reference:
    """Take labels of people: the majority of an answer's raters; a tie is no label, and an unknown trial is refused."""
    known = set(zip(run.trials["task_id"].tolist(), run.trials["trial"].tolist(), strict=True))
    _check_known(labels, known, run)
    votes = {(each.task_id, each.trial): [said for said in each.said if said is not None] for each in labels}
    right = {key: 2 * sum(said) > len(said) for key, said in votes.items() if 2 * sum(said) != len(said)}
    ties = sum(1 for key, said in votes.items() if said and key not in right)
    if not right:
        raise ConfigError(f"{place}: holds no label: fill in the column `passed` with true or false")
    columns = zip(*(each.said for each in labels), strict=True)
    ratings = tuple(tuple(None if said is None else float(said) for said in column) for column in columns)
    return Reference(
        place=place,
        right=right,
        ratings=ratings if len(ratings) > 1 else (),
        notes=(f"{ties} answers on which the raters are split count as unlabelled",) if ties else (),
    )


def _check_known(labels: Sequence[Label], known: set[Key], run: Outcomes) -> None:
    strange = [each for each in labels if (each.task_id, each.trial) not in known]
    if not strange:
        return
    tasks = [str(each) for each in run.tasks.index]
    named = ", ".join(f"task '{each.task_id}' trial {each.trial}" for each in strange[:LISTED])
    more = f" and {len(strange) - LISTED} more" if len(strange) > LISTED else ""
    first = strange[0]
    near = "" if first.task_id in set(tasks) else suggestion(first.task_id, tasks)
    raise first.place.fault(f"no such trial in {run.place}: {named}{more}{near}")


def _single(run: Outcomes) -> bool:
    return bool(run.trials.empty or run.trials["trial"].max() == 1)


def _foreign(path: Path) -> bool:
    """Say whether a file is the log of another tool; a plain table is not, as its columns may be meant as labels."""
    try:
        return kind_of(path) != "table"
    except ConfigError:
        return path.suffix not in {".csv", ".jsonl"}

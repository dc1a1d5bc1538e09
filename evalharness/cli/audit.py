"""`evalh audit`: how far a run's grader can be trusted."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click
import msgspec
import numpy as np

from evalharness.auditing.audit import audit
from evalharness.auditing.reference import Key, read_reference
from evalharness.cli.options import JSON
from evalharness.cli.terminal import colour
from evalharness.errors import ConfigError
from evalharness.model import Outcome, Record
from evalharness.outcomes import read
from evalharness.report import audit as report
from evalharness.store import RunStore, is_run

SEED = 20
MOST_TRIES = 1000
Number = TypeVar("Number", int, float)


@click.command("audit", short_help="Say how far a run's grader can be trusted.")
@click.argument("run")
@click.option(
    "--reference",
    required=True,
    metavar="LABELS",
    help="What is right: a run of the same trials (`evalh grade` makes one), or a file of labels with the columns "
    "task_id, trial, passed (CSV, JSON or JSON lines; `passed_ann`, `passed_bob` for several raters).",
)
@click.option("--grader", metavar="NAME", help="Audit this grader alone (default: whether the trial passed).")
@click.option("--k", "ks", metavar="1,3,5", help="Correct pass@k and pass^k for these k (default: 1, 3, 5 if tried).")
@click.option(
    "--cost-ratio", metavar="1,4", default="1,4", show_default=True, help="What a wrong answer costs, in right ones."
)
@JSON
def command(run: str, reference: str, grader: str | None, ks: str | None, cost_ratio: str, as_json: bool) -> None:
    """Compare the grades of RUN with a reference: what a pass is worth, the grader's errors, and corrected numbers.

    Labels must be of answers picked at random, whatever their grade. The list at the end names the trials to look at
    first.
    """
    tried = None if ks is None else _numbers("--k", ks, int, lambda k: 1 <= k <= MOST_TRIES)
    costs = _numbers("--cost-ratio", cost_ratio, float, lambda cost: 0 <= cost < float("inf"))
    outcomes = read(run)
    found = audit(
        outcomes,
        read_reference(reference, outcomes),
        rng=np.random.default_rng(SEED),
        grader=grader,
        ks=tried,
        cost_ratios=costs,
        empty=empty_passes(Path(run)),
    )
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
    else:
        click.echo(report.render(found, colour=colour()), nl=False)


def empty_passes(run: Path) -> set[Key]:
    """Find trials that passed some grader with nothing to show: no text, no tool called, no file kept."""
    if not is_run(run):
        return set()
    store = RunStore(run)
    blank: dict[tuple[str, str], bool] = {}
    found = set()
    for record in store.records():
        if record.outcome is not Outcome.PASS and not any(grade.passed for grade in record.grades):
            continue
        output = (record.task_id, record.output_digest or str(record.trial))
        if output not in blank:
            blank[output] = _blank(store, record)
        if blank[output] and not store.kept(record.key) and not _acted(store, record):
            found.add((record.task_id, record.trial))
    return found


def _blank(store: RunStore, record: Record) -> bool:
    transcript = store.transcript(record)
    return transcript is not None and not transcript.final.strip()


def _acted(store: RunStore, record: Record) -> bool:
    transcript = store.transcript(record)
    return transcript is not None and any(message.tool_calls for message in transcript.messages)


def _numbers(option: str, text: str, kind: type[Number], fits: Callable[[Number], bool]) -> list[Number]:
    try:
        numbers = [kind(each) for each in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or not all(map(fits, numbers)):
        what = f"whole numbers from 1 to {MOST_TRIES}" if kind is int else "numbers from 0 up"
        raise ConfigError(f"{option} must be {what} with commas between them, but is '{text}'")
    return numbers

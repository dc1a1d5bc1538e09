"""`evalh compare`: runs side by side, a verdict for each candidate, and an exit code."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from evalharness.cli.allowing import allowances_of, allowing_options
from evalharness.cli.options import JSON, REPORTS
from evalharness.cli.terminal import colour
from evalharness.comparing import compare_runs, compare_several
from evalharness.errors import ConfigError
from evalharness.evidence import write_all
from evalharness.gate import PRESETS
from evalharness.model import Allowance
from evalharness.pages import several_page
from evalharness.redact import Redactor
from evalharness.report import check_suffixes, console, lineup, store
from evalharness.report.document import document

SEVERAL = {".md": lineup.as_markdown, ".json": lineup.as_json, ".html": several_page}


@click.command("compare", short_help="Compare runs: what changed, beyond noise, and where.")
@click.argument("baseline")
@click.argument("candidates", metavar="CANDIDATE...", nargs=-1, required=True)
@click.option(
    "--policy",
    metavar="FILE|PRESET",
    help=f"A preset ({', '.join(PRESETS)}) or a file with a `gate:` section (default: the baseline's).",
)
@allowing_options
@REPORTS
@JSON
def command(  # noqa: PLR0913 - one parameter per option
    *,
    baseline: str,
    candidates: tuple[str, ...],
    policy: str | None,
    allow_removed: tuple[str, ...],
    allow: tuple[str, ...],
    reason: str,
    reports: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Compare the run CANDIDATE with the run BASELINE, task by task; several candidates also with each other.

    Each is a run, another tool's log, or line:NAME for the baseline of a version line.

    Exits with 0 or 1 under a guard policy (1 only on evidence of harm), with 0, 1 or 3 where the policy certifies, and
    with 5 where the runs do not answer the same question. Of several candidates the worst counts.
    """
    check_suffixes(reports)
    allowances = allowances_of(allow, allow_removed, reason)
    if len(candidates) == 1:
        sys.exit(_one(baseline, candidates[0], policy, allowances, reports, as_json=as_json))
    sys.exit(_several(baseline, candidates, policy, allowances, reports, as_json=as_json))


def _one(
    baseline: str,
    candidate: str,
    policy: str | None,
    allowances: Sequence[Allowance],
    reports: tuple[Path, ...],
    *,
    as_json: bool,
) -> int:
    found = compare_runs(baseline, candidate, policy=policy, allowances=allowances)
    command = f"evalh compare {shlex.join((baseline, candidate))}"
    write_all(reports, found.comparison, found.verdict, commands=(command,))
    if as_json:
        click.echo(msgspec.json.encode(document(found.comparison, found.verdict)).decode())
    else:
        click.echo(console.render(found.comparison, found.verdict, colour=colour()), nl=False)
    return found.verdict.exit_code


def _several(
    baseline: str,
    candidates: tuple[str, ...],
    policy: str | None,
    allowances: Sequence[Allowance],
    reports: tuple[Path, ...],
    *,
    as_json: bool,
) -> int:
    for path in reports:
        if path.suffix not in SEVERAL:
            raise ConfigError(f"--report {path}: several candidates are reported as {' or '.join(sorted(SEVERAL))}")
    found = compare_several(baseline, candidates, policy=policy, allowances=allowances)
    for path in reports:
        store(path, Redactor.from_environment().clean_text(SEVERAL[path.suffix](found)))
    if as_json:
        click.echo(msgspec.json.encode(lineup.as_document(found)).decode())
    else:
        click.echo(lineup.as_text(found, width=100, colour=colour()), nl=False)
    return found.exit_code

"""`evalh compare`: two runs side by side, a verdict, and its exit code."""

import sys
from pathlib import Path

import click
import msgspec

from evalharness.cli.terminal import colour
from evalharness.compare import compare
from evalharness.gate import DEFAULT_PRESET, check_policy, judge
from evalharness.outcomes import read
from evalharness.policy import load_policy
from evalharness.report import check_endings, console, write
from evalharness.report.document import document


@click.command("compare", short_help="Compare runs: what changed, beyond noise, and where.")
@click.argument("baseline", type=click.Path(path_type=Path))
@click.argument("candidate", type=click.Path(path_type=Path))
@click.option(
    "--policy",
    metavar="FILE|PRESET",
    help="A preset (pr, release) or a file with a `gate:` section (default: the baseline's).",
)
@click.option(
    "--report",
    "reports",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Also write a report: .md or .json; may be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(baseline: Path, candidate: Path, policy: str | None, reports: tuple[Path, ...], as_json: bool) -> None:
    """Compare the run CANDIDATE with the run BASELINE, task by task.

    Exits with 0 or 1 under a guard policy (1 only on evidence of harm), with 0, 1 or 3 where the policy certifies.
    """
    check_endings(reports)
    before, after = read(baseline), read(candidate)
    chosen = load_policy(policy) if policy else before.header.policy or load_policy(DEFAULT_PRESET)
    check_policy(chosen)
    comparison = compare(before, after, chosen)
    verdict = judge(comparison, chosen)
    for path in reports:
        write(path, comparison, verdict)
    if as_json:
        click.echo(msgspec.json.encode(document(comparison, verdict)).decode())
    else:
        click.echo(console.render(comparison, verdict, colour=colour()), nl=False)
    sys.exit(verdict.exit_code)

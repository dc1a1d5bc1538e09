"""`evalh schema`: the JSON Schema of what people write and what runs hold."""

import click
import msgspec

from evalharness.exporters.runs_json import RunDocument
from evalharness.loading.definition import AgentFile
from evalharness.loading.suite_file import SuiteFile
from evalharness.model import Record, RunHeader
from evalharness.report.document import Document

NOUNS: dict[str, tuple[str, type[msgspec.Struct]]] = {
    "suite": ("evalh suite", SuiteFile),
    "agent": ("evalh agent", AgentFile),
    "record": ("evalh record: a line of trials.jsonl", Record),
    "run": ("evalh run header: run.json", RunHeader),
    "export": ("evalh run as one document: what `evalh export json` writes", RunDocument),
    "report": ("evalh report: what `evalh compare --json` prints", Document),
}


def schema(name: str) -> str:
    """Write the JSON Schema of a noun, ready to be a file."""
    title, noun = NOUNS[name]
    document = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **msgspec.json.schema(noun)}
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


@click.command("schema", short_help="Print the JSON Schema that editors use.")
@click.argument("name", metavar="NAME", type=click.Choice(list(NOUNS)))
def command(name: str) -> None:
    """Print the JSON Schema of NAME: suite, agent, record, run, export or report.

    An editor with a YAML language server completes and checks a suite that begins with
    `# yaml-language-server: $schema=FILE`, where FILE holds the output of `evalh schema suite`.
    """
    click.echo(schema(name), nl=False)

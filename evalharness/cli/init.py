"""`evalh init`: a suite, an agent and a policy that run at once, new or made from another tool's configuration."""

import shlex
import sys
from importlib.resources import files
from pathlib import Path

import click

from evalharness.adopt import inspect_task, promptfoo
from evalharness.adopt.adopted import Adopted
from evalharness.adopt.writing import AGENT, agent_files, contents
from evalharness.cli.schema import schema
from evalharness.errors import ConfigError
from evalharness.suite import load_suite
from evalharness.temporary import temporary_folder

SCAFFOLD = ("suite.yaml", "tasks.jsonl", "agent.yaml", "agent.py")
SCHEMAS = {".evalh/suite.json": "suite", ".evalh/agent.json": "agent"}
SHOWN = 40


@click.command("init", short_help="Write a suite, an agent and a policy that run at once.")
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(path_type=Path, file_okay=True))
@click.option(
    "--from",
    "source",
    metavar="FILE",
    help="Make them from promptfooconfig.yaml, or from an inspect task: task.py or task.py@NAME.",
)
def command(folder: Path, source: str | None) -> None:
    """Write a small suite with its gate, and an agent, into DIR (by default here), ready to run and to be changed.

    With --from, make them from another tool's configuration, and name what could not be taken over. Nothing that
    exists is overwritten.
    """
    if source is None:
        scaffold = files("evalharness.cli") / "scaffold"
        _keep(folder, {name: (scaffold / name).read_bytes() for name in SCAFFOLD})
        click.echo(_next_steps(folder, AGENT), err=True)
        return
    found = _adopted(source, folder)
    written = contents(found, Path(source).name)
    _check(written, source)
    _keep(folder, written)
    _say_lost(found)
    first = next(iter(agent_files(list(found.agents)).values()), None)
    click.echo(_next_steps(folder, first), err=True)


def _adopted(source: str, folder: Path) -> Adopted:
    """Read another tool's configuration."""
    path = source.partition("@")[0]
    if path.endswith(".py"):
        return inspect_task.adopted(source)
    if not Path(source).is_file():
        raise ConfigError(f"{source}: no such file: name a promptfoo configuration or an inspect task (task.py@NAME)")
    return promptfoo.adopted(Path(source), folder)


def _check(written: dict[str, bytes], source: str) -> None:
    """Load what is to be written, so that nothing is left behind that does not load."""
    with temporary_folder("init") as trial:
        for name, content in written.items():
            _write(trial / name, content)
        try:
            load_suite(trial / "suite.yaml")
        except ConfigError as exc:
            raise ConfigError(f"{source}: cannot be taken over: {str(exc).replace(f'{trial}/', '')}") from exc
        finally:  # what was imported from there is gone with it
            sys.path[:] = [each for each in sys.path if each != str(trial.resolve())]
            for name in written:
                sys.modules.pop(Path(name).stem if name.endswith(".py") else "", None)


def _say_lost(found: Adopted) -> None:
    """Name what was not taken over, and say how much was."""
    for lost in found.lost[:SHOWN]:
        click.echo(f"not taken over: {_plain(str(lost))}", err=True)
    if len(found.lost) > SHOWN:
        click.echo(f"not taken over: {len(found.lost) - SHOWN} more", err=True)
    agents = "1 agent" if len(found.agents) == 1 else f"{len(found.agents)} agents"
    tasks = "1 task" if len(found.rows) == 1 else f"{len(found.rows)} tasks"
    click.echo(
        f"{tasks}, {agents}, to look at: {len(found.lost)}",
        err=True,
    )


def _plain(text: str) -> str:
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def _keep(folder: Path, written: dict[str, bytes]) -> None:
    """Write files where none of them exists, and name them."""
    everything = written | {place: schema(name).encode() for place, name in SCHEMAS.items()}
    there = [name for name in everything if (folder / name).exists()]
    if there:
        raise ConfigError(f"{folder / there[0]}: exists already; name another folder: `evalh init DIR`")
    try:
        for name, content in everything.items():
            _write(folder / name, content)
    except OSError as exc:
        raise ConfigError(f"{exc.filename or folder}: cannot be written: {exc.strerror}") from exc
    for name in written:
        click.echo(folder / name)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        file.write(content)


def _next_steps(folder: Path, agent: str | None) -> str:
    enter = [] if folder == Path() else [f"cd {shlex.quote(str(folder))}"]
    if agent is None:
        steps = [
            *enter,
            "evalh validate suite.yaml",
            "write an agent (docs/agents.md), then: evalh run suite.yaml --agent FILE",
        ]
    else:
        steps = [*enter, f"evalh validate suite.yaml --agent {agent}", f"evalh run suite.yaml --agent {agent}"]
    return "\n".join(["", "next:", *(f"  {step}" for step in steps)])

"""The command `evalh`: one module per command, imported only when that command runs."""

import importlib
import os
import sys
from collections.abc import Iterable
from typing import Any

import click

from evalharness import __version__
from evalharness.cli.config import defaults
from evalharness.errors import ConfigError, EvalHarnessError

COMMANDS = {
    "run": "Run a suite against an agent, or resume a run directory.",
    "compare": "Compare runs: what changed, beyond noise, and where.",
    "gate": "Run a candidate against a baseline, confirm what looks broken, and decide.",
    "show": "Show a run: rates with intervals, slow and flaky tasks, errors.",
    "import": "Keep another tool's log as a run directory.",
    "export": "Write a run, a suite or a pack in the format of another tool.",
    "packs": "List, check and generate smoke packs.",
    "report": "Write a run, comparison, gate or version line as HTML, Markdown, JUnit or SARIF.",
    "promote": "Put a judged version on the version line.",
    "line": "Show, verify or roll back a version line, or record its baseline.",
    "merge": "Put the shards of a run together.",
    "runs": "List the runs of a folder, or clear old ones away.",
    "grade": "Judge a run's stored transcripts again, without the agent.",
    "audit": "Say how far a run's grader can be trusted.",
    "power": "Say how many tasks and trials it takes to see an effect.",
    "calibrate": "Say what a gate does: to the same agent, to faults, to past runs.",
    "validate": "Check a suite, and say what it costs and sees.",
    "init": "Write a suite, an agent and a policy that run at once.",
    "schema": "Print the JSON Schema that editors use.",
    "doctor": "Check this machine, and what evalh finds on it.",
    "demo": "Gate a real embedded model: a broken prompt, then an unchanged one.",
}
MODULES = {"import": "import_run"}  # a module cannot have a keyword's name


class LazyGroup(click.Group):
    """A group that knows its commands by name and summary, and imports one when it runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """List the commands in the order of a day's work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the command's module and return its `command`."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"evalharness.cli.{MODULES.get(cmd_name, cmd_name)}")
        command: click.Command = module.command
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        """Complete the name of a command without importing any."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - only a shell that completes pays for it

        names = [CompletionItem(name, help=said) for name, said in COMMANDS.items() if name.startswith(incomplete)]
        return names + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, naming the nearest one when it is unknown."""
        name = args[0]
        if name not in COMMANDS and not ctx.resilient_parsing:
            from difflib import get_close_matches  # noqa: PLC0415 - 3 ms that only a typing error pays for

            near = get_close_matches(name, COMMANDS, n=1)
            hint = f" (did you mean '{near[0]}'?)" if near else ""
            raise click.UsageError(f"no such command '{name}'{hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "EVALH", "max_content_width": 100},
    epilog="Exit codes: 0 done, or nothing stands against it; 1 block; 2 usage or configuration; 3 inconclusive, or a "
    "budget ended; 4 the harness failed; 5 not comparable; 130, 143 interrupted.",
)
@click.version_option(__version__, prog_name="evalh")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Is this version of the agent worse than the one we run, beyond noise, and where?

    Start with `evalh demo` (a real small model, no key) or `evalh init` (a suite of your own).
    """
    ctx.default_map = settings = defaults()
    _known("command", settings, list(COMMANDS))
    name = ctx.invoked_subcommand or ""
    command = cli.get_command(ctx, name) if name in settings else None
    if command is not None:
        below = command.list_commands(ctx) if isinstance(command, click.Group) else []
        options = [each.name for each in command.params if each.name]
        _known(f"option of evalh {name}", settings[name], [*options, *below])


def _known(kind: str, set_: Iterable[str], known: list[str]) -> None:
    """Refuse a setting that nothing would read: a misspelt budget must not be no budget."""
    for name in set_:
        if name not in known:
            from evalharness.registry import suggestion  # noqa: PLC0415 - only an error pays for it

            place = "evalh.toml or [tool.evalh] of pyproject.toml"
            raise ConfigError(f"{place}: unknown {kind} '{name}'{suggestion(name, known)}")


def main(args: list[str] | None = None) -> Any:
    """Run the command line and exit; an expected error is one line, a bug keeps its traceback and exits 4."""
    if os.getcwd() not in sys.path:  # noqa: PTH109 - extensions named `module:Class` live beside the user's files
        sys.path.insert(0, os.getcwd())  # noqa: PTH109
    try:
        return cli.main(args=args, prog_name="evalh")
    except EvalHarnessError as exc:
        click.echo(_without_secrets(f"error: {exc}"), err=True)
        sys.exit(exc.exit_code)
    except Exception:  # noqa: BLE001 - whatever else gets here is a bug of ours
        import traceback  # noqa: PLC0415 - only a bug pays for it

        click.echo(_without_secrets(traceback.format_exc()), err=True, nl=False)
        click.echo("error: this is a bug in evalh; the lines above say where", err=True)
        sys.exit(4)


def _without_secrets(text: str) -> str:
    from evalharness.redact import Redactor  # noqa: PLC0415 - only an error pays for it
    from evalharness.report.inert import lines  # noqa: PLC0415

    return lines(Redactor.from_environment().clean_text(text))  # messages name tasks, which may hold anything

"""What the commands say of themselves is in one voice."""

from collections.abc import Iterator

import pytest
from click import Command, Context, Group, Option

from evalharness.cli import COMMANDS, cli


def commands(command: Command, name: str) -> Iterator[tuple[str, Command]]:
    """Yield a command and those below it, with their names."""
    yield name, command
    for below, each in command.commands.items() if isinstance(command, Group) else ():
        yield from commands(each, f"{name} {below}")


def all_commands() -> Iterator[tuple[str, Command]]:
    for name in COMMANDS:
        command = cli.get_command(Context(cli), name)
        assert command
        yield from commands(command, name)


@pytest.mark.parametrize(("name", "command"), [pytest.param(*each, id=each[0]) for each in all_commands()])
def test_every_command_and_option_says_what_it_does_in_a_sentence(name, command):
    assert command.short_help
    assert command.short_help == COMMANDS.get(name, command.short_help)
    assert len(command.short_help) < 85
    helps = {option.name: option.help or "" for option in command.params if isinstance(option, Option)}
    assert [name for name, said in helps.items() if not said.endswith((".", ")"))] == []

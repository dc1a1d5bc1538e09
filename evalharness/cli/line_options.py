"""What the commands on a version line share: who acts, and how an entry reaches line and remote."""

import getpass
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

import click

from evalharness.errors import ConfigError, HarnessFault
from evalharness.git import git_text
from evalharness.ledger import Line
from evalharness.ledger.chain import SHOWN, Link
from evalharness.ledger.decisions import Act
from evalharness.ledger.storage import Make, Tables

PUSHES = 5
Command = TypeVar("Command", bound=Callable[..., object])


def acting_options(command: Command) -> Command:
    """Add what every command that extends a line takes."""
    push = click.option(
        "--push",
        is_flag=False,
        flag_value="origin",
        metavar="[REMOTE]",
        help="Fetch the line from this remote first, and push it afterwards (default remote: origin).",
    )
    who = click.option("--who", metavar="NAME", help="Who decides (default: git's user, else the login).")
    return push(who(command))


def act(line: Line, who: str | None, reason: str | None) -> Act:
    """Say who acts, when and why."""
    when = datetime.now(UTC).isoformat(timespec="seconds")
    return Act(who=who or _author(line), when=when, reason=(reason or "").strip())


def extend(line: Line, make: Make, tables: Tables, push: str | None) -> Link:
    """Append an entry and, if asked, push it; where a push loses the race, the entry is made again on top."""
    if push is None:
        return line.append(make, tables)
    for _ in range(PUSHES):
        line.sync(push)
        link = line.append(make, tables)
        if line.publish(push, link):
            return link
        click.echo(
            f"note: another entry reached {push} first: {link.digest[:SHOWN]} was taken back here, fetching and trying "
            "again on top of it",
            err=True,
        )
    raise HarnessFault(
        f"line {line.name}: {push} was faster {PUSHES} times: nothing was recorded; run the command again"
    )


def pushed(line: Line, link: Link, remote: str) -> bool:
    """Push an entry that is on the line already; False where the remote has another in its place."""
    line.sync(remote)
    return line.publish(remote, link)


def _author(line: Line) -> str:
    try:
        name, email = (git_text(line.root, "config", "--get", f"user.{part}") for part in ("name", "email"))
    except ConfigError:
        try:
            return getpass.getuser()
        except (KeyError, OSError):  # a container's user may have no name
            return "unknown"
    return f"{name} <{email}>"

"""`evalh packs`: small sets of questions, listed, checked and written by a model."""

import click
import msgspec
from msgspec import Struct

from evalharness.cli.listing import listing
from evalharness.cli.options import JSON
from evalharness.cli.packs_generate import generate
from evalharness.errors import ConfigError
from evalharness.packs.checking import Violation, check
from evalharness.packs.pack import bundled_packs, demanding, load_pack, pack_path
from evalharness.report.console import plain


class Listed(Struct, frozen=True, kw_only=True):
    """A bundled pack at a glance."""

    name: str
    languages: tuple[str, ...]
    items: int
    digest: str
    file: str


class Seen(Struct, frozen=True, kw_only=True):
    """A pack that was checked."""

    source: str
    file: str
    items: int
    recipes: dict[str, int]
    violations: list[Violation]


@click.group("packs", short_help="List, check and generate smoke packs.")
def command() -> None:
    """Look after smoke packs: small sets of questions with short answers, in the schema of TQB++."""


command.add_command(generate)


@command.command("list", short_help="List the packs that come with evalh.")
@JSON
def list_packs(*, as_json: bool) -> None:
    """List the packs that come with evalh: name, language, items, digest."""
    found = [_listed(name) for name in bundled_packs()]
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
        return
    click.echo(
        listing((each.name, f"{', '.join(each.languages)}  {each.items} items  {each.digest}") for each in found)
    )


def _listed(name: str) -> Listed:
    path = bundled_packs()[name]
    pack = load_pack(path)
    return Listed(name=name, languages=pack.languages, items=len(pack.items), digest=pack.digest, file=str(path))


@command.command("check", short_help="Name every violation in packs.")
@click.argument("sources", metavar="FILE|SUITE...", nargs=-1, required=True)
@click.option("--strict", is_flag=True, help="Demand what is only advised for packs of others.")
@JSON
def check_packs(sources: tuple[str, ...], *, strict: bool, as_json: bool) -> None:
    """Name every violation in packs (.json, .jsonl), or in the packs that suites read; exit 2 where there is one.

    That a context holds its label, and that a text is in the language it names, is demanded of bundled and generated
    packs, and advised elsewhere; `--strict` demands it everywhere.
    """
    seen = [_seen(source, strict=strict) for source in sources]
    if as_json:
        click.echo(msgspec.json.encode(seen).decode())
    else:
        for each in seen:
            _print(each)
    wrong = sum(not violation.advice for each in seen for violation in each.violations)
    if wrong:
        packs = ", ".join(each.source for each in seen if any(not found.advice for found in each.violations))
        raise ConfigError(plain(f"{packs}: {wrong} violation{'s' if wrong > 1 else ''}").plain)


def _seen(source: str, *, strict: bool) -> Seen:
    path = pack_path(source)
    checked = check(path, strict=strict or demanding(source, path))
    return Seen(
        source=source,
        file=str(path),
        items=len(checked.rows),
        recipes=checked.recipes,
        violations=checked.violations,
    )


def _print(seen: Seen) -> None:
    for each in seen.violations:
        named = f" ({each.id})" if each.id else ""
        level = "advice" if each.advice else "violation"
        click.echo(plain(f"{each.place}{named}: {level}: {each.rule}: {each.said}").plain)
    hashes = ", ".join(f"{count} by recipe '{recipe}'" for recipe, count in seen.recipes.items()) or "none verified"
    advice = sum(each.advice for each in seen.violations)
    wrong = len(seen.violations) - advice
    click.echo(plain(f"{seen.source}: {seen.items} items, hashes: {hashes}; {wrong} violations, {advice} advice").plain)

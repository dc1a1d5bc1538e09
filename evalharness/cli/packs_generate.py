"""`evalh packs generate`: a new pack, written by a model."""

import secrets
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from typing import Any

import click
import msgspec
from msgspec import Struct

from evalharness.cli.options import JSON
from evalharness.errors import BudgetEnded, ConfigError
from evalharness.packs.author import Author, LocalAuthor, ProviderAuthor, local_author
from evalharness.packs.checking import LANGUAGE
from evalharness.packs.draft import Draft, begun, drafting
from evalharness.packs.generate import Generation, Generator, examples_of
from evalharness.packs.item import DIFFICULTIES
from evalharness.packs.pack import Pack, bundled_packs, load_pack, pack_path
from evalharness.packs.request import CATEGORIES, Wanted
from evalharness.redact import Redactor
from evalharness.report.console import plain

LOCAL = "local"
INTERRUPTED = 130


class Options(Struct, frozen=True, kw_only=True):
    """What the command line says."""

    model: str
    language: str
    categories: tuple[str, ...]
    difficulties: tuple[str, ...]
    num: int
    context: str
    seed: int | None
    temperature: float
    out: Path
    against: tuple[str, ...]
    batch: int | None
    calls: int | None
    timeout: float
    max_tokens: int
    api_base: str | None
    as_json: bool


class Generated(Struct, frozen=True, kw_only=True):
    """What came of it."""

    file: str
    items: int
    wanted: int
    calls: int
    refused: dict[str, int]
    cost_usd: float | None
    seed: int


@click.command("generate", short_help="Write a new pack with a model.")
@click.option("--model", required=True, metavar="MODEL", help="Any litellm name, or `local` (the embedded model).")
@click.option("--language", required=True, metavar="TAG", help="Such as en, de, ja or zh-Hant.")
@click.option(
    "--category", "categories", multiple=True, metavar="TEXT", help="May be repeated (default: six common ones)."
)
@click.option(
    "--difficulty",
    "difficulties",
    multiple=True,
    type=click.Choice(["mixed", *DIFFICULTIES]),
    help="May be repeated (default: mixed).",
)
@click.option("--num", required=True, type=click.IntRange(1, 10_000), metavar="N", help="How many items.")
@click.option("--context", default="", metavar="TEXT", help="What the questions are to be about.")
@click.option("--seed", type=click.IntRange(0, 2**62), metavar="N", help="Random unless given; recorded.")
@click.option(
    "--temperature",
    type=click.FloatRange(0, 2),
    default=0.7,
    show_default=True,
    metavar="X",
    help="How freely the model writes.",
)
@click.option("--out", "-o", required=True, type=click.Path(path_type=Path), help="The .jsonl file; goes on if begun.")
@click.option("--against", multiple=True, metavar="FILE|SUITE", help="Repeat nothing of these packs either.")
@click.option("--batch", type=click.IntRange(1, 50), metavar="N", help="Items in a call: 5, locally 1.")
@click.option("--calls", type=click.IntRange(1), metavar="N", help="How many calls at most; several per item.")
@click.option(
    "--timeout",
    type=click.FloatRange(0.1),
    default=120.0,
    show_default=True,
    metavar="SECONDS",
    help="How long a call may take.",
)
@click.option(
    "--max-tokens",
    type=click.IntRange(16),
    default=4096,
    show_default=True,
    metavar="N",
    help="Tokens of an answer at most.",
)
@click.option("--api-base", metavar="URL", help="The server to ask, instead of the provider's.")
@JSON
def generate(**said: Any) -> None:
    """Write N items in a language, item by item, each checked before it is kept.

    A killed or ended generation goes on with the same command. Beside FILE.jsonl stands FILE.provenance.jsonl: how each
    item came to be, and every call with its cost.
    """
    options = msgspec.convert(said, Options)
    wanted = _wanted(options)
    try:
        with drafting(options.out, wanted) as draft:
            refused = _written(options, draft) if draft.owed(options.num) else Counter()
    except KeyboardInterrupt:
        click.echo("interrupted; every item that was accepted is kept, and the same command goes on", err=True)
        raise SystemExit(INTERRUPTED) from None
    _print(options, draft, refused)
    if draft.owed(options.num):
        have = f"{len(draft.items)} of {options.num} items"
        raise BudgetEnded(f"{options.out}: the calls are spent with {have}; the same command goes on")


def _written(options: Options, draft: Draft) -> Counter[str]:
    """Write what is owed, and count what was refused."""
    with _author(options) as author:
        generator = Generator(draft, author, _how(options, author))
        generator.run()
    return generator.refused


def _wanted(options: Options) -> Wanted:
    if not LANGUAGE.fullmatch(options.language):
        raise ConfigError(f"--language: '{options.language}' is no language tag such as 'en' or 'zh-Hant'")
    clean = Redactor.from_environment().clean_text
    categories = tuple(dict.fromkeys(each.strip() for each in options.categories)) or CATEGORIES
    if not all(categories):
        raise ConfigError("--category: name a category, such as 'geography'")
    chosen = () if "mixed" in options.difficulties else options.difficulties
    seed = options.seed
    if seed is None:  # a pack that was begun keeps the seed that it was begun with
        before = begun(options.out)
        seed = secrets.randbits(62) if before is None else before.seed
    return Wanted(
        model=clean(options.model),
        language=options.language,
        categories=tuple(clean(each) for each in categories),
        difficulties=tuple(dict.fromkeys(chosen)) or DIFFICULTIES,
        context=clean(options.context),
        temperature=options.temperature,
        seed=seed,
    )


@contextmanager
def _author(options: Options) -> Iterator[Author]:
    if options.model == LOCAL:
        with local_author(temperature=options.temperature, seconds=options.timeout) as author:
            yield author
        return
    provider = ProviderAuthor(
        model=options.model,
        temperature=options.temperature,
        max_tokens=options.max_tokens,
        seconds=options.timeout,
        options={"api_base": options.api_base} if options.api_base else {},
    )
    provider.check()
    yield provider


def _how(options: Options, author: Author) -> Generation:
    batch = options.batch or author.batch
    if isinstance(author, LocalAuthor):
        batch = 1
    known = _known(options)
    return Generation(
        num=options.num,
        calls=options.calls or 5 + author.patience * ceil(options.num / batch),
        batch=batch,
        examples=examples_of(_examples(options)),
        known=known,
        told=lambda said: click.echo(plain(said).plain, err=True),
    )


def _known(options: Options) -> tuple[Pack, ...]:
    """Load the packs that nothing is to be repeated of: the bundled one of the language, and those that are named."""
    bundled = [path for name, path in bundled_packs().items() if name.endswith(f"-{_own(options.language)}")]
    return tuple(load_pack(path) for path in [*bundled, *map(pack_path, options.against)])


def _examples(options: Options) -> list[Pack]:
    packs = bundled_packs()
    path = packs.get(f"smoke-{_own(options.language)}") or packs.get("smoke-en")
    return [load_pack(path)] if path else []


def _own(language: str) -> str:
    return language.partition("-")[0]


def _print(options: Options, draft: Draft, refused: Counter[str]) -> None:
    done = Generated(
        file=str(options.out),
        items=len(draft.items),
        wanted=options.num,
        calls=len(draft.calls),
        refused=dict(refused.most_common()),
        cost_usd=draft.cost_usd,
        seed=draft.wanted.seed,
    )
    if options.as_json:
        click.echo(msgspec.json.encode(done).decode())
        return
    cost = "unknown" if done.cost_usd is None else f"${done.cost_usd:.4f}"
    click.echo(plain(f"{done.file}: {done.items} of {done.wanted} items, {done.calls} calls, cost {cost}").plain)
    if done.refused:
        said = ", ".join(f"{rule} {count}" for rule, count in done.refused.items())
        click.echo(plain(f"refused: {said}").plain, err=True)

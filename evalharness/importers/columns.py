"""What the columns of a plain table mean: the names that tables use for the same thing."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from math import isfinite
from pathlib import Path
from typing import Any

import msgspec

from evalharness.importers.endings import PASSED
from evalharness.importers.source import fault
from evalharness.model import Usage

ALIASES: dict[str, tuple[str, ...]] = {
    "task": ("task_id", "case_id", "task", "id", "instance_id"),
    "verdict": ("passed", "resolved", "success", "correct", "reward", "score"),
    "score": ("score", "reward"),
    "status": ("status", "outcome"),
    "trial": ("trial", "epoch", "repeat", "run_index", "run", "run_id", "sample"),
    "agent": ("agent", "model", "provider"),
    "version": ("version", "agent_version"),
    "model": ("model",),
    "suite": ("benchmark", "suite", "dataset"),
    "cluster": ("cluster", "cluster_id"),
    "tags": ("tags",),
    "must_pass": ("must_pass",),
    "started_at": ("started_at", "date", "timestamp"),
    "cost_usd": ("cost_usd", "cost"),
    "input_tokens": ("input_tokens", "tokens_in", "prompt_tokens"),
    "output_tokens": ("output_tokens", "tokens_out", "completion_tokens"),
    "seconds": ("seconds", "duration_s", "duration", "latency_s"),
    "model_calls": ("model_calls", "n_calls"),
}
USED: dict[str, type[float]] = {
    "cost_usd": float,
    "seconds": float,
    "input_tokens": int,
    "output_tokens": int,
    "model_calls": int,
}
UNBELIEVABLE = 1e15


class Columns(msgspec.Struct, frozen=True):
    """Where in a row each meaning stands; meanings that the table does not have are left out."""

    at: dict[str, int]

    @classmethod
    def of(cls, names: Sequence[str]) -> "Columns":
        """Find the meanings of these names; the first name of a meaning that is there counts."""
        found = {
            meaning: names.index(alias)
            for meaning, aliases in ALIASES.items()
            if (alias := next((each for each in aliases if each in names), None))
        }
        return cls(found)

    def usable(self) -> bool:
        """Say whether rows name a task and a verdict."""
        return "task" in self.at and ("verdict" in self.at or "status" in self.at)

    def get(self, row: Sequence[str], meaning: str) -> str:
        """Return what a row says, or an empty text."""
        index = self.at.get(meaning)
        return "" if index is None else row[index]

    def tags(self, row: Sequence[str]) -> tuple[str, ...]:
        """Return the tags of a row's task: its own, its cluster, and `critical` where it must pass."""
        found = _split(self.get(row, "tags"))
        if cluster := self.get(row, "cluster"):
            found.append(f"cluster:{cluster}")
        if self.get(row, "must_pass").casefold() in PASSED:
            found.append("critical")
        return tuple(dict.fromkeys(found))


class Told(msgspec.Struct, frozen=True):
    """The rows of one run, column by column."""

    size: int
    columns: dict[str, Sequence[str]]

    @classmethod
    def of(cls, columns: Columns, rows: Sequence[Sequence[str]]) -> "Told":
        """Turn rows into columns, which a million rows go through five times as fast."""
        turned = list(zip(*rows, strict=True))
        return cls(len(rows), {meaning: turned[index] for meaning, index in columns.at.items()} if rows else {})

    def texts(self, meaning: str) -> Iterable[str]:
        """Return a text per row; empty ones where the table does not have the meaning."""
        return self.columns.get(meaning) or repeat("", self.size)

    def usages(self, path: Path) -> Iterator[Usage]:
        """Return what each row says was used."""
        columns = [self._numbers(name, path, kind) for name, kind in USED.items()]
        if not any(name in self.columns for name in USED):
            return repeat(Usage(), self.size)
        return (
            Usage(cost_usd=cost, seconds=seconds, input_tokens=read, output_tokens=written, model_calls=calls)
            for cost, seconds, read, written, calls in zip(*columns, strict=True)
        )

    def _numbers(self, meaning: str, path: Path, kind: type[float]) -> Iterable[Any]:
        if meaning not in self.columns:
            return repeat(None, self.size)
        try:
            column = self.columns[meaning]
            cells = (each.removeprefix("$") for each in column) if meaning == "cost_usd" else column
            found = [float(each) if each else None for each in cells]
        except ValueError as exc:
            raise fault(path, f"the column for {meaning} holds something that is no number: {exc}") from exc
        if kind is float and _believable(found):
            return found
        return [kind(each) if each is not None and 0 <= each < UNBELIEVABLE else None for each in found]


def _believable(numbers: Sequence[float | None]) -> bool:
    """Say at once of many numbers that all are what something can cost or last; a NaN shows in their sum."""
    known = [each for each in numbers if each is not None]
    return not known or (isfinite(sum(known)) and min(known) >= 0 and max(known) < UNBELIEVABLE)


def _split(said: str) -> list[str]:
    """Read tags: a JSON list, a JSON object as `key:value`, or words between commas, semicolons or bars."""
    if said[:1] in ("[", "{"):
        try:
            found = msgspec.json.decode(said, type=list[str] | dict[str, str | int | float | bool])
        except msgspec.DecodeError:
            return [said]
        return found if isinstance(found, list) else [f"{key}:{value}" for key, value in found.items()]
    return [each.strip() for each in said.replace(";", ",").replace("|", ",").split(",") if each.strip()]

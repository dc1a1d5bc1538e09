"""What the columns of a plain table mean: the names that tables use for the same thing."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from evalharness.importers.source import fault
from evalharness.importers.verdicts import PASSED
from evalharness.model import Usage

ALIASES: dict[str, tuple[str, ...]] = {
    "task": ("task_id", "case_id", "task", "id", "instance_id"),
    "verdict": ("passed", "resolved", "success", "correct", "reward", "score"),
    "score": ("score", "reward"),
    "status": ("status", "outcome"),
    "trial": ("trial", "epoch", "repeat", "run_index", "run", "run_id"),
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

    def usage(self, row: Sequence[str], path: Path) -> Usage:
        """Return what a row says was used."""
        return Usage(
            input_tokens=self._whole(row, "input_tokens", path),
            output_tokens=self._whole(row, "output_tokens", path),
            cost_usd=self._number(row, "cost_usd", path),
            seconds=self._number(row, "seconds", path),
            model_calls=self._whole(row, "model_calls", path),
        )

    def _whole(self, row: Sequence[str], meaning: str, path: Path) -> int | None:
        number = self._number(row, meaning, path)
        return None if number is None else int(number)

    def _number(self, row: Sequence[str], meaning: str, path: Path) -> float | None:
        said = self.get(row, meaning)
        if not said:
            return None
        try:
            number = float(said)
        except ValueError as exc:
            raise fault(path, f"'{said}' in the column for {meaning} is no number") from exc
        return number if 0 <= number < 1e15 else None


def _split(said: str) -> list[str]:
    """Read tags: a JSON list, a JSON object as `key:value`, or words between commas, semicolons or bars."""
    if said[:1] in ("[", "{"):
        try:
            found = msgspec.json.decode(said, type=list[str] | dict[str, str | int | float | bool])
        except msgspec.DecodeError:
            return [said]
        return found if isinstance(found, list) else [f"{key}:{value}" for key, value in found.items()]
    return [each.strip() for each in said.replace(";", ",").replace("|", ",").split(",") if each.strip()]

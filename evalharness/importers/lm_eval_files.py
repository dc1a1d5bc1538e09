"""The files of lm-eval: `results_DATE.json` and a `samples_TASK_DATE.jsonl` for each task, in a folder per model."""

import re
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from evalharness.importers.look import look
from evalharness.importers.source import document, lines, text

SAMPLES = re.compile(r"samples_(.+?)_(\d{4}-\d\d-\d\dT.+)\.jsonl")
RESULTS = re.compile(r"results_(\d{4}-\d\d-\d\dT.+)\.json")


TOLD = frozenset(
    {"doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics"}
    | {"doc_hash", "prompt_hash", "target_hash"}
)


class Sample(Struct):
    """One document after one filter; `values` are all keys of the line."""

    doc_id: int | str = ""
    filter: str = "none"
    metrics: list[str] = []
    doc_hash: str | None = None
    filtered_resps: Any = None
    values: dict[str, Any] = {}


class Counted(Struct):
    """How many documents a task has, and how many were used."""

    original: int | None = None
    effective: int | None = None


class Config(Struct):
    """How the model was run."""

    model: str | None = None
    model_args: Any = None


class Results(Struct):
    """The tool's own summary."""

    results: dict[str, dict[str, Any]] = {}
    versions: dict[str, Any] = {}
    higher_is_better: dict[str, dict[str, bool | None] | None] = {}
    n_samples: dict[str, Counted] = field(default_factory=dict, name="n-samples")
    config: Config = field(default_factory=Config)
    model_name: str | None = None
    lm_eval_version: str | None = None


def samples_files(path: Path) -> list[Path]:
    """List the samples of a folder, or of the run that a results file or a samples file belongs to."""
    if path.is_dir():
        return sorted(path.rglob("samples_*.jsonl"))
    if match := RESULTS.fullmatch(path.name):
        return sorted(path.parent.glob(f"samples_*_{match[1]}.jsonl"))
    return [path] if look(path).form == "lines" else []


def judged(samples: Path) -> list[tuple[str, str]]:
    """List the pairs of metric and filter; old versions only have a number for each metric."""
    named = dict.fromkeys((metric, each.filter) for each in lines(samples, Sample) for metric in each.metrics)
    return list(
        named
        or dict.fromkeys(
            (name, text(row.get("filter", "none")))
            for row in lines(samples, dict[str, Any])
            for name, value in row.items()
            if name not in TOLD and isinstance(value, int | float)
        )
    )


def task_of(samples: Path) -> str:
    """Return the task that a samples file is named after."""
    match = SAMPLES.fullmatch(samples.name)
    return match[1] if match else samples.name.partition(".")[0]


def results_of(samples: Path) -> Results:
    """Read the results beside a samples file; nothing where there are none."""
    match = SAMPLES.fullmatch(samples.name)
    beside = samples.with_name(f"results_{match[2]}.json") if match else None
    return document(beside, Results) if beside and beside.is_file() else Results()


def model_of(results: Results, samples: Path) -> str:
    """Name the model: as the results do, else by the folder, which the tool names after it."""
    return results.model_name or results.config.model or samples.resolve().parent.name

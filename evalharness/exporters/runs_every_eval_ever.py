"""every_eval_ever: a folder laid out like its datastore, with the aggregate and a line per trial.

The schema (0.3) has no number of a repetition: it stands in the metadata of each line as `trial`. A trial that
measured nothing is a line with its cause as `error`, and does not count in the score.
"""

import re
from collections import defaultdict
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

import evalharness
from evalharness.errors import ConfigError
from evalharness.exporters import Taken
from evalharness.exporters.every_eval_ever_lines import Whose, instance
from evalharness.exporters.otlp_spans import moment
from evalharness.exporters.runs import ToldRun, one_line
from evalharness.model import Outcome, RunHeader
from evalharness.stats.estimate import pass_rate
from evalharness.stats.results import Estimate
from evalharness.text import as_json

SECOND = 1_000_000_000
NOBODY = "unspecified"
UNSAFE = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f-\x9f\s]+')


@dataclass(frozen=True)
class EveryEvalEverExporter:
    """An aggregate and its file of instances, in the folder `data/SUITE/DEVELOPER/MODEL`."""

    takes: ClassVar[Taken] = "run"

    def write(self, source: ToldRun, path: Path) -> None:
        """Write the instances one by one, then the aggregate that counts them."""
        header = source.header
        whose = _whose(source)
        name = UUID(bytes=sha256(header.run_id.encode()).digest()[:16], version=4)
        place = Path("data", *_folders(whose), f"{name}_samples.jsonl")
        (path / place).parent.mkdir(parents=True)
        counts: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
        digest, rows = sha256(), 0
        with (path / place).open("wb") as file:
            for each in source.trials():
                line = one_line(instance(whose, each)) + b"\n"
                file.write(line)
                digest.update(line)
                rows += 1
                measured = each.record.outcome is not Outcome.ERROR
                counts[each.record.task_id][0] += each.record.outcome is Outcome.PASS
                counts[each.record.task_id][1] += measured
        if not rows:
            raise ConfigError(f"run {header.run_id} has no trial: every_eval_ever holds no empty evaluations")
        detailed = {
            "format": "jsonl",
            "file_path": place.as_posix(),
            "hash_algorithm": "sha256",
            "checksum": digest.hexdigest(),
            "total_rows": rows,
        }
        told = _aggregate(header, whose, list(counts.values())) | {"detailed_evaluation_results": detailed}
        (path / place).with_name(f"{name}.json").write_bytes(as_json(told) + b"\n")


def _whose(run: ToldRun) -> Whose:
    """Name the model by what the agent was told to use, by what the first trial used, or by the agent."""
    header = run.header
    asked = header.agent.definition.options.get("model")
    first = next(run.trials(), None)
    model = asked if isinstance(asked, str) else first.record.model if first else None
    model = "/".join(part for part in (model or header.agent.name).split("/") if part.strip()) or NOBODY
    suite = "/".join(part for part in header.suite.name.split("/") if part.strip()) or NOBODY
    return Whose(
        evaluation_id=f"{suite}/{model}/{_unix(header)}/{header.run_id}",
        model_id=model,
        suite=suite,
        tags={task_id: entry.tags for task_id, entry in header.tasks.items() if entry.tags},
    )


def _unix(header: RunHeader) -> str:
    return str((moment(header.started_at) or 0) // SECOND)


def _folders(whose: Whose) -> tuple[str, ...]:
    developer, slash, model = whose.model_id.partition("/")
    parts = (whose.suite, developer, model) if slash else (whose.suite, NOBODY, developer)
    return tuple(_folder(part) for part in parts)


def _folder(name: str) -> str:
    """Make a portable name of a folder; the datastore keeps `data` for itself."""
    safe = UNSAFE.sub("_", name)[:100].strip(". ") or NOBODY
    return f"{safe}_" if safe == "data" else safe


def _aggregate(header: RunHeader, whose: Whose, counts: list[list[int]]) -> dict[str, Any]:
    tool = str(header.options.get("imported", {}).get("tool") or f"evalharness {evalharness.__version__}").split()
    rate = pass_rate([passed for passed, _ in counts], [measured for _, measured in counts]) if counts else None
    model = {"name": whose.model_id, "id": whose.model_id}
    return {
        "schema_version": Whose.SCHEMA,
        "evaluation_id": whose.evaluation_id,
        "evaluation_timestamp": header.started_at,
        "retrieved_timestamp": _unix(header),
        "source_metadata": {
            "source_name": "evalharness",
            "source_type": "evaluation_run",
            "source_organization_name": NOBODY,
            "evaluator_relationship": "other",
        },
        "eval_library": {"name": tool[0], "version": tool[1] if len(tool) > 1 else "unknown"},
        "model_info": model
        | ({} if "/" in whose.model_id else {"developer": NOBODY})
        | {
            "additional_details": {
                "deployment_type": "unknown",
                "model_availability": "unknown",
                "agent": header.agent.name,
                "agent_version": header.agent.version,
            }
        },
        "evaluation_results": [_result(whose, rate)] if rate and rate.value is not None else [],
    }


def _result(whose: Whose, rate: Estimate) -> dict[str, Any]:
    return {
        "evaluation_result_id": whose.result_id,
        "evaluation_name": whose.suite,
        "source_data": {"dataset_name": whose.suite, "source_type": "other"},
        "metric_config": {
            "evaluation_description": "The mean of the tasks' pass rates; a trial passes or fails.",
            "metric_id": "pass_rate",
            "metric_name": "Pass rate",
            "metric_kind": "pass_rate",
            "metric_unit": "proportion",
            "lower_is_better": False,
            "score_type": "continuous",
            "min_score": 0,
            "max_score": 1,
        },
        "score_details": {"score": rate.value, "uncertainty": {"num_samples": rate.n} | _interval(rate)},
    }


def _interval(rate: Estimate) -> dict[str, Any]:
    """Return the interval; one task has none."""
    if rate.low is None or rate.high is None:
        return {}
    bounds = {"lower": rate.low, "upper": rate.high}
    return {"confidence_interval": bounds | {"confidence_level": rate.level, "method": rate.method}}

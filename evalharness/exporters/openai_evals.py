"""OpenAI Evals: samples and a registry, as `oaieval MODEL NAME --registry_path PATH` wants them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from evalharness.exporters import Taken
from evalharness.exporters.lines import write_lines, write_yaml
from evalharness.exporters.questions import Question, file_name, questions
from evalharness.model import Suite


@dataclass(frozen=True)
class OpenAIEvalsExporter:
    """A folder to use as a registry: `evals/NAME.yaml` and `data/NAME/samples.jsonl`; answers match by their start."""

    takes: ClassVar[Taken] = "suite"

    def write(self, source: Suite, path: Path) -> None:
        """Write samples and registry."""
        name = file_name(source.name)
        samples = f"{name}/samples.jsonl"
        write_lines(path / "data" / samples, [sample(each) for each in questions(source, format="OpenAI Evals")])
        split = f"{name}.dev.v0"
        registry = {
            name: {"id": split, "metrics": ["accuracy"], "description": f"The suite {source.name}, from evalh."},
            split: {"class": "evals.elsuite.basic.match:Match", "args": {"samples_jsonl": samples}},
        }
        write_yaml(path / "evals" / f"{name}.yaml", registry)


def sample(question: Question) -> dict[str, Any]:
    """Write one question; `ideal` is a list where several answers are right."""
    return {"input": [{"role": "user", "content": question.prompt}], "ideal": question.ideal}

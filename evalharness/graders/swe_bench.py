"""Grader for patches: SWE-bench's own harness, run as a command, says whether they resolve an instance."""

import json
import secrets
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from evalharness.errors import ConfigError, Unmeasured
from evalharness.graders.answers import shortened, verdict
from evalharness.model import Grade, Task, Transcript
from evalharness.workspaces import Completed, Workspace
from evalharness.workspaces.process import run_command

NAME = "evalh"
MODULE = "swebench.harness.run_evaluation"
PATIENCE = 1800.0  # seconds beyond the tests' own: images are pulled or built before them
_ITS_OWN = {
    ">>>>> Patch Apply Failed": "the patch does not apply",
    ">>>>> Tests Timed Out": "its tests ran out of time",
}


class Report(msgspec.Struct):
    """What is needed of the harness's report."""

    resolved_ids: list[str] = []
    unresolved_ids: list[str] = []
    empty_patch_ids: list[str] = []
    infra_failure_ids: list[str] = []
    error_ids: list[str] = []


@dataclass(frozen=True, kw_only=True)
class SweBench:
    """Pass when the patch that is the final answer resolves the instance that the task's id names.

    `dataset` and `split` are what the harness is told; `command` is its start, by default the module of the package
    `swebench` in evalh's own Python. The harness tests the patch in containers of its own and needs Docker. What it
    calls a failure of its infrastructure, and an error without a patch that does not apply, measured nothing.
    """

    dataset: str = "SWE-bench/SWE-bench_Verified"
    split: str = "test"
    seconds: float = 1800.0
    command: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.seconds < 1:
            raise ValueError(f"seconds: {self.seconds} is less than 1")

    def grade(self, task: Task, transcript: Transcript, workspace: Workspace) -> Grade:
        """Hand the patch in and read the report."""
        if not transcript.final.strip():
            return verdict("swe_bench", False, "no patch")
        with tempfile.TemporaryDirectory(prefix="evalh-swe-bench-") as name:
            folder = Path(name)
            ended = self._evaluated(task.id, transcript.final, folder)
            return _judged(task.id, folder, ended)

    def _evaluated(self, instance: str, patch: str, folder: Path) -> Completed:
        said = {"instance_id": instance, "model_name_or_path": NAME, "model_patch": patch}
        (folder / "predictions.jsonl").write_text(json.dumps(said) + "\n", encoding="utf-8")
        words = [*(self.command or (sys.executable, "-m", MODULE))]
        words += ["--dataset_name", self.dataset, "--split", self.split, "--instance_ids", instance]
        words += ["--predictions_path", "predictions.jsonl", "--run_id", f"{NAME}-{secrets.token_hex(6)}"]
        words += ["--max_workers", "1", "--timeout", str(int(self.seconds)), "--report_dir", "report"]
        return run_command(words, cwd=folder, timeout=self.seconds + PATIENCE)


def _judged(instance: str, folder: Path, ended: Completed) -> Grade:
    report = _report(folder)
    if report is None:
        raise _fault(ended)
    if instance in report.infra_failure_ids:
        raise Unmeasured("swe_bench:infrastructure", instance)
    if instance in report.resolved_ids:
        return verdict("swe_bench", True, "")
    if instance in report.unresolved_ids:
        return verdict("swe_bench", False, "not resolved")
    if instance in report.empty_patch_ids:
        return verdict("swe_bench", False, "no patch")
    for reason in _reasons(folder):
        return verdict("swe_bench", False, reason)
    raise Unmeasured("swe_bench:error", _tail(ended))


def _report(folder: Path) -> Report | None:
    """Read the report of the whole run, wherever this version of the harness leaves it."""
    for file in sorted([*folder.glob("report/*.json"), *folder.glob("*.json")]):
        try:
            found: dict[str, Any] = msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
            if "resolved_ids" in found:
                return msgspec.convert(found, Report)
        except msgspec.MsgspecError:
            continue
    return None


def _reasons(folder: Path) -> Iterator[str]:
    """Find in the harness's log why a patch was never tested, where that is the patch's own doing."""
    for file in sorted(folder.glob("logs/**/run_instance.log")):
        text = file.read_text(encoding="utf-8", errors="replace")
        yield from (reason for mark, reason in _ITS_OWN.items() if mark in text)


def _fault(ended: Completed) -> Exception:
    if b"No module named" in ended.stderr and b"swebench" in ended.stderr:
        return ConfigError("SWE-bench's harness is not installed: run `pip install swebench`")
    if ended.stopped:
        return Unmeasured(f"swe_bench:{ended.stopped}", "the harness was stopped")
    return Unmeasured(f"swe_bench:exit:{ended.exit_code}", _tail(ended))


def _tail(ended: Completed) -> str:
    words = " ".join((ended.stdout[-500:] + b" " + ended.stderr[-1000:]).decode("utf-8", "replace").split())
    return shortened(words[-200:])

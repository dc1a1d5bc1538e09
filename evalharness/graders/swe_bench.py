"""Grader for patches: SWE-bench's own harness, run as a command, says whether they resolve an instance."""

import contextlib
import json
import re
import secrets
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import msgspec

from evalharness.errors import ConfigError, Unmeasured
from evalharness.graders.answers import shortened, verdict
from evalharness.model import Grade, Task, Transcript
from evalharness.tasksets.source import Fields, found, records
from evalharness.temporary import temporary_folder
from evalharness.workspaces import Completed, Workspace
from evalharness.workspaces.process import run_command

NAME = "evalh"
MODULE = "swebench.harness.run_evaluation"
PATIENCE = 1800.0  # seconds beyond the tests' own: images are pulled or built before them
_OUT_OF_TIME = "its tests ran out of time"
_ITS_OWN = {
    ">>>>> Patch Apply Failed": "the patch does not apply",
    ">>>>> Tests Timed Out": _OUT_OF_TIME,  # up to swebench 3
    "Test timed out after": _OUT_OF_TIME,
    "kill -TERM": _OUT_OF_TIME,  # where the image has no `kill`, all that is left of it is a traceback
}
_NO_DOCKER = (b"Cannot connect to the Docker daemon", b"Error while fetching server API version")
_ERROR = re.compile(r"[\w.]*(Error|NotFound|Exception): ")


class Report(msgspec.Struct):
    """What is needed of the harness's report."""

    resolved_ids: list[str] = []
    unresolved_ids: list[str] = []
    empty_patch_ids: list[str] = []
    infra_failure_ids: list[str] = []
    error_ids: list[str] = []
    failure_reasons: dict[str, str] = {}


@dataclass(frozen=True, kw_only=True)
class SweBench:
    """Pass when the patch that is the final answer resolves the instance that the task's id names.

    `dataset` is a file of instances, seen from the suite's folder or from EVALH_DATA, or else the name of one on the
    hub, of which `split` is taken. `command` is the start of the harness, by default the module of the package
    `swebench` in evalh's own Python. It tests the patch in a container of its own and needs Docker.

    The harness's finding stands: unresolved is a fail, also where it suspects its surroundings, since a patch can eat
    the memory and print whatever it likes. What could not be tested, and not by the patch's doing, measured nothing.
    """

    dataset: str = "SWE-bench/SWE-bench_Verified"
    split: str = "test"
    seconds: float = 1800.0
    command: tuple[str, ...] = ()
    folder: str = "."

    def __post_init__(self) -> None:
        if self.seconds < 1:
            raise ValueError(f"seconds: {self.seconds} is less than 1")

    def grade(self, task: Task, transcript: Transcript, workspace: Workspace) -> Grade:
        """Hand the patch in and read the report."""
        if not transcript.final.strip():
            return verdict("swe_bench", False, "no patch")
        with temporary_folder("swe-bench") as folder:
            ended = self._evaluated(task.id, transcript.final, folder)
            return _judged(task.id, folder, ended)

    def _evaluated(self, instance: str, patch: str, folder: Path) -> Completed:
        said = {"instance_id": instance, "model_name_or_path": NAME, "model_patch": patch}
        (folder / "predictions.jsonl").write_text(json.dumps(said) + "\n", encoding="utf-8")
        run_id = f"{NAME}-{secrets.token_hex(6)}"
        words = [*(self.command or (sys.executable, "-m", MODULE))]
        words += ["--dataset_name", self._dataset(instance, folder), "--split", self.split, "--instance_ids", instance]
        words += ["--predictions_path", "predictions.jsonl", "--run_id", run_id]
        words += ["--max_workers", "1", "--timeout", str(int(self.seconds)), "--report_dir", "report"]
        ended = run_command(words, cwd=folder, timeout=self.seconds + PATIENCE)
        if ended.stopped:
            _remove(f"sweb.eval.{instance.lower()}.{run_id}", folder)
        return ended

    def _dataset(self, instance: str, folder: Path) -> str:
        """Say where the harness finds the instance: alone in a file, where we have it, so that nothing is fetched."""
        file = found(self.dataset, Path(self.folder), what="SWE-bench")
        if file is None:
            return self.dataset
        known = _instances(file)
        if instance not in known:
            raise ConfigError(f"SWE-bench: {file} has no instance {instance}")
        (folder / "instances.json").write_text(json.dumps([known[instance]]), encoding="utf-8")
        return "instances.json"


@lru_cache(maxsize=4)
def _instances(file: Path) -> dict[str, Fields]:
    return {str(each.get("instance_id")): each for each in records(file)}


def _judged(instance: str, folder: Path, ended: Completed) -> Grade:
    report = _report(folder)
    if report is None:
        raise _fault(ended)
    suspicion = report.failure_reasons.get(instance, "")
    if instance in report.resolved_ids:
        return verdict("swe_bench", True, "")
    if instance in report.unresolved_ids:
        return verdict("swe_bench", False, f"not resolved{f' (perhaps {suspicion})' if suspicion else ''}")
    if instance in report.empty_patch_ids:
        return verdict("swe_bench", False, "no patch")
    for reason in _reasons(folder):
        return verdict("swe_bench", False, reason)
    if instance in report.infra_failure_ids:
        raise Unmeasured("swe_bench:infrastructure", suspicion or instance)
    raise Unmeasured("swe_bench:error", _error(folder) or _tail(ended))


def _report(folder: Path) -> Report | None:
    """Read the report of the whole run, wherever this version of the harness leaves it."""
    for file in sorted([*folder.glob("report/*.json"), *folder.glob("*.json")]):
        try:
            said = msgspec.json.decode(file.read_bytes())
            if isinstance(said, dict) and "resolved_ids" in said:
                return msgspec.convert(said, Report)
        except msgspec.MsgspecError:
            continue
    return None


def _logs(folder: Path) -> Iterator[str]:
    for file in sorted(folder.glob("logs/**/run_instance.log")):
        yield file.read_text(encoding="utf-8", errors="replace")


def _reasons(folder: Path) -> Iterator[str]:
    """Find in the harness's log why a patch was never tested, where that is the patch's own doing."""
    for text in _logs(folder):
        yield from (reason for mark, reason in _ITS_OWN.items() if mark in text)


def _error(folder: Path) -> str:
    """Find the last error that the harness logged."""
    errors = [line for text in _logs(folder) for line in text.splitlines() if _ERROR.match(line)]
    return shortened(errors[-1]) if errors else ""


def _fault(ended: Completed) -> Exception:
    if b"No module named" in ended.stderr and b"swebench" in ended.stderr:
        return ConfigError("SWE-bench's harness is not installed: run `pip install swebench`")
    if ended.stopped:
        return Unmeasured(f"swe_bench:{ended.stopped}", "the harness was stopped")
    if any(mark in ended.stderr for mark in _NO_DOCKER):
        return Unmeasured("docker", _tail(ended))
    return Unmeasured(f"swe_bench:exit:{ended.exit_code}", _tail(ended))


def _remove(container: str, folder: Path) -> None:
    """Remove what a harness that was stopped has left running."""
    with contextlib.suppress(OSError):
        run_command(("docker", "rm", "--force", container), cwd=folder, timeout=60)


def _tail(ended: Completed) -> str:
    words = " ".join((ended.stdout[-500:] + b" " + ended.stderr[-1000:]).decode("utf-8", "replace").split())
    return shortened(words[-200:])

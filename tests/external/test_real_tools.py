"""The examples, run by the real tools where they are installed."""

import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.running import ROOT, evalh, lines

EXAMPLES = ROOT / "examples"


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not on PATH")


def example(name: str, tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLES / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "runs")))


def records(run: Path) -> list[dict]:
    return [json.loads(line) for line in lines(run)]


def outcomes(run: Path) -> Counter:
    return Counter((each["task_id"], each["outcome"]) for each in records(run))


@needs("inspect")
def test_inspect_runs_repeats_and_is_gated(tmp_path):
    folder = example("external-inspect", tmp_path)
    done = evalh("run", "suite.yaml", "-a", "changed.yaml", "-k", "2", "-o", "run", cwd=folder)
    assert done.returncode == 0, done.stderr
    found = outcomes(folder / "run")
    assert found["crash-at-payment", "fail"] == 2
    assert sum(found.values()) == 10
    first = records(folder / "run")[0]
    assert first["model"] == "mockllm/model"
    assert first["grades"][0]["grader"] == "match"
    assert "transcript" in first
    gate = ["--candidate", "changed.yaml", "--baseline", "agent.yaml", "--trials", "5"]
    gated = evalh("gate", "suite.yaml", *gate, cwd=folder)
    assert gated.returncode == 1, gated.stderr
    assert gated.stdout.startswith("BLOCK")


@needs("promptfoo")
def test_promptfoo_runs_repeats_and_takes_the_agents_prompt(tmp_path):
    folder = example("external-promptfoo", tmp_path)
    done = evalh("run", "suite.yaml", "-a", "agent.yaml", "-k", "2", "-o", "run", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert set(outcomes(folder / "run").values()) == {2}
    hard = next(each for each in records(folder / "run") if each["task_id"] == "crash [payment]")
    assert [each["grader"] for each in hard["grades"]] == ["contains-any", "latency"]
    assert hard["usage"]["cost_usd"] == 0.0001
    (folder / "last.yaml").write_text("use: external\noptions: {prompt: prompts/last.txt}\n")
    evalh("run", "suite.yaml", "-a", "last.yaml", "-k", "1", "--tag", "hard", "-o", "last", cwd=folder)
    digests = {each.get("output_digest") for each in (hard, records(folder / "last")[0])}
    assert len(digests) == 2  # another prompt, another answer
    assert len(records(folder / "last")) == 1


@pytest.fixture
def python(monkeypatch):
    """The example says `python`: the one that runs these tests, without plugins of theirs."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")


@pytest.mark.usefixtures("python")
def test_pytest_runs_its_tests_by_their_node_ids(tmp_path):
    folder = example("external-pytest", tmp_path)
    source = folder / "agent.py"
    source.write_text(source.read_text().replace('"charged", ', ""))
    done = evalh("run", "suite.yaml", "-a", "agent.yaml", "-k", "1", "-o", "run", cwd=folder)
    assert done.returncode == 0, done.stderr
    test = "test_triage.py::test_a_message_reaches_its_team"
    assert outcomes(folder / "run") == {
        (f"{test}[double charge]", "fail"): 1,
        (f"{test}[password]", "pass"): 1,
        (f"{test}[crash]", "pass"): 1,
        ("test_triage.py::TestMixed::test_a_crash_with_an_invoice_is_technical", "pass"): 1,
    }


@pytest.mark.usefixtures("python")
def test_a_test_that_one_revision_lacks_is_an_error_of_that_task_alone(tmp_path):
    folder = example("external-pytest", tmp_path)
    suite = folder / "suite.yaml"
    listed = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "test_triage.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.partition("\n\n")[0]
    ids = [*listed.splitlines()[:1], "test_triage.py::test_gone"]
    head, _, rest = suite.read_text().partition("  list: ")
    suite.write_text(f"{head}  ids: {json.dumps(ids)}\n{rest.partition(chr(10))[2]}")
    evalh("run", "suite.yaml", "-a", "agent.yaml", "-k", "1", "-o", "run", cwd=folder)
    found = {each["task_id"]: each for each in records(folder / "run")}
    assert found[ids[0]]["outcome"] == "pass"
    assert (found[ids[1]]["outcome"], found[ids[1]]["cause"][:9]) == ("error", "external:")
    assert "test_gone" in found[ids[1]]["detail"]


@needs("promptfoo")
def test_a_budget_in_dollars_holds_though_a_call_has_many_trials(tmp_path):
    folder = example("external-promptfoo", tmp_path)
    options = ["-k", "8", "-o", "run", "--budget-usd", "0.0012"]  # a trial costs 0.0001
    done = evalh("run", "suite.yaml", "-a", "agent.yaml", *options, cwd=folder)
    assert done.returncode == 3, done.stderr
    assert 8 <= len(records(folder / "run")) <= 12
    assert evalh("run", "run", cwd=folder).returncode == 0
    assert set(outcomes(folder / "run").values()) == {8}


@needs("inspect")
def test_a_sample_that_errors_is_an_error_of_that_trial(tmp_path):
    folder = example("external-inspect", tmp_path)
    source = folder / "triage.py"
    broken = "        if 'refund' in text:\n            raise ConnectionError('gone')\n"
    source.write_text(source.read_text().replace("        found = sorted", f"{broken}        found = sorted"))
    evalh("run", "suite.yaml", "-a", "agent.yaml", "-k", "1", "-o", "run", "--attempts", "1", cwd=folder)
    found = {each["task_id"]: each for each in records(folder / "run")}
    assert {name: each["outcome"] for name, each in found.items() if name != "refund"} == dict.fromkeys(
        ("double-charge", "password", "crash", "crash-at-payment"), "pass"
    )
    assert (found["refund"]["outcome"], found["refund"]["cause"]) == ("error", "ConnectionError")

"""External suites of harbor: its job folders as it was seen to leave them, and harbor itself where it is installed."""

import json
import shutil
import subprocess

import pytest

from evalharness.external.reading import told
from evalharness.model import External
from evalharness.store import RunStore
from tests.external.harbor_job import put_job, result
from tests.running import evalh
from tests.workspaces.test_task_folders import harbor_task, put

HARBOR = External(command=("harbor",), reads="harbor", batch=20)


def read(out):
    return {
        task: [(each.record.outcome, each.record.cause) for each in trials]
        for task, trials in told(out, HARBOR, {}).items()
    }


def test_a_task_with_a_name_of_its_own_is_known_by_the_folder_that_harbor_is_asked_for(tmp_path):
    put_job(tmp_path, [result(("named", "birds/named-word"), 1, rewards={"reward": 1.0})])
    assert read(tmp_path) == {"named": [("pass", None)]}


def test_a_task_of_a_package_is_asked_for_by_its_whole_name(tmp_path):
    package = result("word", 1, rewards={"reward": 1.0}, task_id={"org": "birds", "name": "word", "ref": "1"})
    put_job(tmp_path, [package])
    assert read(tmp_path) == {"birds/word": [("pass", None)]}


def test_trials_of_a_job_that_harbor_gave_up_are_still_owed(tmp_path):
    trials = [
        result("word", 1, rewards={"reward": 1.0}),
        result("stuck", 2, exception="CancelledError"),
        result("slow", 3, exception="AgentTimeoutError"),  # its tests were running
        result("late", 4, rewards={"reward": 0.0}, exception="AgentTimeoutError"),
    ]
    put_job(tmp_path, trials, finished=False)
    assert read(tmp_path) == {"word": [("pass", None)], "late": [("fail", "limit:AgentTimeoutError")]}


def test_tests_that_gave_no_reward_are_a_fail_and_a_container_that_was_not_built_is_an_error(tmp_path):
    trials = [
        result("mute", 1, exception="RewardFileNotFoundError"),
        result("stuck", 2, exception="VerifierTimeoutError"),
        result("unbuilt", 3, exception="RuntimeError"),
        result("slow", 4, rewards={"reward": 1.0}, exception="AgentTimeoutError"),
    ]
    put_job(tmp_path, trials)
    assert read(tmp_path) == {
        "mute": [("fail", "RewardFileNotFoundError")],
        "stuck": [("fail", "VerifierTimeoutError")],
        "unbuilt": [("error", "RuntimeError")],
        "slow": [("pass", None)],
    }


def test_tests_of_terminal_bench_without_a_verdict_are_a_fail_as_well(tmp_path):
    said = {"done": (True, "unset"), "mute": (None, "parse_error"), "stuck": (None, "test_timeout"), "odd": (None, "x")}
    trials = [
        {"task_id": task, "trial_name": f"{task}.1-of-1.r", "is_resolved": resolved, "failure_mode": mode}
        for task, (resolved, mode) in said.items()
    ]
    whole = {"results": trials, "accuracy": 0.25, "n_resolved": 1, "n_unresolved": 3, "resolved_ids": ["done"]}
    put(tmp_path, {"2026-11-23__01-44-19/results.json": json.dumps(whole)})
    found = told(tmp_path, External(command=("tb",), reads="terminal_bench", batch=20), {})
    assert {task: (each[0].record.outcome, each[0].record.cause) for task, each in found.items()} == {
        "done": ("pass", None),
        "mute": ("fail", "parse_error"),
        "stuck": ("fail", "test_timeout"),
        "odd": ("error", "x"),
    }


STEPS = [
    {"step_id": 1, "source": "user", "message": "Write heron."},
    {
        "step_id": 2,
        "source": "agent",
        "message": [{"type": "text", "text": "I write it."}],
        "tool_calls": [{"tool_call_id": "c1", "function_name": "shell", "arguments": {"line": "echo heron"}}],
        "observation": {"results": [{"source_call_id": "c1", "content": "heron\n"}]},
        "metrics": {"prompt_tokens": 100},
    },
    {"step_id": 3, "source": "agent", "message": "Written."},
]


def test_a_trajectory_becomes_the_transcript_and_the_tests_last_words_the_detail(tmp_path):
    used = {"n_input_tokens": 120, "n_cache_tokens": 20, "n_output_tokens": 30, "cost_usd": 0.002}
    trial = result("word", 1, rewards={"reward": 0.0}, agent_result=used)
    folder = put_job(tmp_path, [trial]) / trial["trial_name"]
    (folder / "agent" / "trajectory.json").write_text(json.dumps({"schema_version": "ATIF-v1.8", "steps": STEPS}))
    (folder / "agent" / "oracle.txt").write_text("5\n")
    (folder / "verifier" / "test-stdout.txt").write_text("1 failed\nin 2 s\n")
    (found,) = told(tmp_path, HARBOR, {})["word"]
    assert (found.record.detail, found.record.usage.cost_usd) == ("1 failed in 2 s", 0.002)
    said = found.transcript
    assert (said.final, said.logs) == ("Written.", "5")
    assert [each.role for each in said.messages] == ["user", "assistant", "tool", "assistant"]
    assert said.messages[1].tool_calls[0].arguments == {"line": "echo heron"}


@pytest.mark.parametrize("garbage", ["{", '{"steps": 3}', '{"steps": [{}]}', "[" * 5000])
def test_an_agent_that_writes_garbage_for_its_trajectory_keeps_its_verdict(tmp_path, garbage):
    trial = result("word", 1, rewards={"reward": 0.0})
    folder = put_job(tmp_path, [trial]) / trial["trial_name"]
    (folder / "agent" / "trajectory.json").write_text(garbage)
    (folder / "agent" / "link.txt").symlink_to("/etc/hostname")
    assert read(tmp_path) == {"word": [("fail", None)]}
    assert told(tmp_path, HARBOR, {})["word"][0].transcript is None


SUITE = """
name: birds
trials: 2
tasks:
  use: external
  command:
    - harbor
    - run
    - --path=tasks
    - --include-task-name={id}
    - --n-attempts={trials}
    - --n-concurrent={workers}
    - --agent={agent.agent}
    - --jobs-dir={out}
    - --yes
  reads: harbor
  ids: [word, named, empty]
limits: {seconds: 200}
"""


def works() -> str | None:
    """Say why harbor cannot be run here; it needs an image that its containers can start from, and bash in it."""
    if shutil.which("harbor") is None:
        return "harbor is not on PATH"
    found = subprocess.run(["docker", "image", "inspect", "evalh/toy:1"], capture_output=True, check=False)
    return "no docker, or no image evalh/toy:1" if found.returncode else None


@pytest.fixture
def birds(tmp_path):
    if shutil.which("docker") is None or (reason := works()):
        pytest.skip("docker is not on PATH" if shutil.which("docker") is None else reason)
    for name in ("word", "named", "empty"):
        harbor_task(tmp_path / "tasks" / name, "evalh/toy:1")
    put(tmp_path / "tasks" / "named", {"task.toml": '[task]\nname = "birds/other"\n'})
    put(tmp_path / "tasks" / "empty", {"solution/solve.sh": "true\n"})
    put(tmp_path, {"suite.yaml": SUITE, "oracle.yaml": "use: external\noptions: {agent: oracle}\n"})
    return tmp_path


def test_harbor_itself_runs_repeats_and_agrees_with_the_task_set(birds):
    done = evalh("run", "suite.yaml", "-a", "oracle.yaml", "-o", "run", "--workers", 3, cwd=birds)
    assert done.returncode == 0, done.stderr
    found = sorted((each.task_id, each.trial, each.outcome) for each in RunStore(birds / "run").records())
    wanted = [("empty", "fail"), ("named", "pass"), ("word", "pass")]
    assert found == [(task, trial, outcome) for task, outcome in wanted for trial in (1, 2)], done.stderr
    own = "tasks: {use: 'evalharness.tasksets.harbor:load', options: {path: tasks}}\n"
    put(birds, {"own.yaml": f"{own}workspace: {{use: task_container, options: {{engine: docker}}}}\n"})
    put(birds, {"solve.yaml": "use: 'evalharness.tasksets.harbor:Solution'\n"})
    done = evalh("run", "own.yaml", "-a", "solve.yaml", "-o", "own", "-k", 1, "--workers", 2, cwd=birds)
    assert sorted((each.task_id, each.outcome) for each in RunStore(birds / "own").records()) == wanted, done.stderr

import json

import pytest

from evalharness.errors import ConfigError
from evalharness.executors.threads import ThreadExecutor
from evalharness.model import AgentDefinition, Outcome
from evalharness.regrade import regrade
from evalharness.runner import Pace, run
from evalharness.runs import begin
from evalharness.store import RunStore
from evalharness.suite import load_suite


def suite_file(folder, *, graders, prompt="what is it?", **more):
    tasks = [{"id": "a", "prompt": prompt, "expected": "Oslo"}, {"id": "b", "prompt": "and this?", "expected": "Rome"}]
    said = {"name": "cities", "tasks": tasks, "trials": 2, "graders": graders, **more}
    (folder / "suite.yaml").write_text(json.dumps(said))
    return load_suite(folder / "suite.yaml")


@pytest.fixture
def measured(tmp_path):
    suite = suite_file(tmp_path, graders=[{"use": "exact_match"}])
    answers = {"a": "it is oslo", "b": [{"crash": "out of memory"}]}
    definition = AgentDefinition(name="agent", use="scripted", options={"answers": answers})
    arm = begin(suite, definition, out=tmp_path / "run")
    with arm.store.writer() as writer:
        run(arm.owed(), job=arm.job(), executor=ThreadExecutor(), writer=writer, pace=Pace())
    return arm.store


def outcomes(store):
    return {(record.task_id, record.trial): record.outcome for record in store.records()}


def test_stored_answers_are_judged_by_the_graders_of_today_into_a_sibling(tmp_path, measured):
    before = (measured.path / "trials.jsonl").read_bytes()
    suite = suite_file(tmp_path, graders=[{"use": "contains", "options": {"ignore_case": True}}])
    after = regrade(measured, suite)
    assert outcomes(after)["a", 1] is Outcome.PASS
    assert outcomes(measured)["a", 1] is Outcome.FAIL
    assert (measured.path / "trials.jsonl").read_bytes() == before
    assert after.path.parent == measured.path.parent
    assert after.header.options["graded_from"] == measured.header.run_id


def test_a_trial_without_an_answer_is_carried_over_as_it_is(tmp_path, measured):
    after = regrade(measured, suite_file(tmp_path, graders=[{"use": "contains"}]))
    crashed = [record for record in after.records() if record.task_id == "b"]
    assert {record.outcome for record in crashed} == {Outcome.FAIL}
    assert len(crashed) == 2


def test_transcripts_and_plan_go_along(tmp_path, measured):
    after = RunStore(regrade(measured, suite_file(tmp_path, graders=[{"use": "contains"}])).path)
    record = next(record for record in after.records() if record.task_id == "a")
    assert after.transcript(record).final == "it is oslo"
    assert after.planned() == measured.planned()


def test_other_questions_are_refused(tmp_path, measured):
    changed = suite_file(tmp_path, graders=[{"use": "contains"}], prompt="something else?")
    with pytest.raises(ConfigError, match="task 'a' is not the one"):
        regrade(measured, changed)


def test_artifacts_are_there_again_for_a_grader_that_looks_at_files(tmp_path):
    check = {"use": "command", "options": {"command": ["grep", "-q", "done", "out.txt"], "trust": "local"}}
    suite = suite_file(tmp_path, graders=[{"use": "contains"}], artifacts=["*.txt"])
    script = tmp_path / "agent.sh"
    script.write_text("#!/bin/sh\necho done > out.txt\necho Oslo Rome\n")
    script.chmod(0o755)
    definition = AgentDefinition(name="agent", use="command", options={"command": "./agent.sh"}, place=str(tmp_path))
    arm = begin(suite, definition, out=tmp_path / "run")
    with arm.store.writer() as writer:
        run(arm.owed(), job=arm.job(), executor=ThreadExecutor(), writer=writer, pace=Pace())
    after = regrade(arm.store, suite_file(tmp_path, graders=[check], artifacts=["*.txt"]))
    assert set(outcomes(after).values()) == {Outcome.PASS}

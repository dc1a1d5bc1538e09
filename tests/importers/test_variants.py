"""What other versions and layouts of known formats hold, and summaries that contradict their trials."""

import pytest

from evalharness.errors import ConfigError
from evalharness.foreign import source
from evalharness.importers import Transcribing
from tests.foreign_logs import faults, loaded, outcomes, written

PASS, FAIL = ("pass", None), ("fail", None)


def harbor(task, rewards):
    return {"task_name": task, "agent_info": {"name": "a"}, "verifier_result": {"rewards": rewards}}


def test_lm_eval_samples_that_name_no_metric_have_a_run_for_each_number(tmp_path):
    rows = [{"doc_id": n, "doc": {}, "resps": [], "acc": float(n % 2), "acc_norm": 1.0} for n in range(4)]
    file = written(tmp_path / "samples_arc_2024-03-01T10-00-00.1.jsonl", rows)
    assert list(outcomes(f"{file}::arc:acc,none").values()) == [FAIL, PASS, FAIL, PASS]
    assert set(outcomes(f"{file}::arc:acc_norm,none").values()) == {PASS}


def test_an_lm_eval_metric_of_which_less_is_better_is_no_verdict(tmp_path):
    rows = [{"doc_id": 1, "doc": {}, "resps": [], "filter": "none", "metrics": ["err"], "err": 1.0}]
    written(tmp_path / "samples_t_2025-03-01T10-00-00.1.jsonl", rows)
    results = {"results": {}, "configs": {}, "versions": {}, "higher_is_better": {"t": {"err": False}, "g": None}}
    written(tmp_path / "results_2025-03-01T10-00-00.1.json", results)
    with pytest.raises(ConfigError, match="less is better"):
        loaded(tmp_path)


def test_one_question_asserted_upon_in_two_ways_is_two_promptfoo_tests(tmp_path):
    def row(value, success, index):
        case = {"vars": {"q": "x"}, "assert": [{"type": "equals", "value": value}]}
        return {"promptIdx": 0, "testIdx": index, "testCase": case, "provider": {"id": "p"}, "success": success}

    rows = [row("y", True, 0), row("z", False, 1), row("y", False, 2)]
    file = written(tmp_path / "out.json", {"results": {"version": 3, "results": rows}})
    found = outcomes(file)
    assert len({task for task, _ in found}) == 2
    assert sorted(found.values()) == [FAIL, FAIL, PASS]
    assert sorted(trial for _, trial in found) == [1, 1, 2]


def test_a_harbor_summary_that_contradicts_a_trial_is_reported(tmp_path):
    for n, reward in enumerate((1.0, 0.0)):
        written(tmp_path / f"t__{n}" / "result.json", harbor("t", {"reward": reward}) | {"trial_name": f"t__{n}"})
    stats = {"evals": {"a__m__d": {"reward_stats": {"reward": {"1.0": ["t__0", "t__1"]}}}}}
    written(tmp_path / "result.json", {"n_total_trials": 2, "stats": stats})
    assert faults(tmp_path) == ["the job's summary has another reward for 1 trials (first: t__1)"]


def test_hal_tasks_on_no_list_are_judged_by_their_raw_result_and_contradictions_are_reported(tmp_path):
    told = {
        "config": {},
        "results": {"successful_tasks": ["a"], "failed_tasks": ["b"]},
        "raw_eval_results": {"a": {"score": True}, "b": {"score": True}, "c": "ERROR: no docker"},
    }
    file = written(tmp_path / "x_UPLOAD.json", told)
    assert outcomes(file) == {("a", 1): PASS, ("b", 1): FAIL, ("c", 1): ("error", "ERROR: no docker")}
    assert faults(file) == ["its lists contradict the raw results of 1 tasks (first: b)"]


def test_hal_raw_results_of_swe_bench_are_its_report(tmp_path):
    raw = {"total_instances": 3, "submitted_ids": ["x", "y", "z"], "resolved_ids": ["x"], "unresolved_ids": ["y"]}
    raw |= {"error_ids": ["z"], "completed_ids": ["x", "y"]}
    file = written(tmp_path / "x_UPLOAD.json", {"results": {}, "raw_eval_results": raw})
    assert outcomes(file) == {("x", 1): PASS, ("y", 1): FAIL, ("z", 1): ("error", "error")}
    file = written(tmp_path / "y_UPLOAD.json", {"results": {}, "raw_eval_results": {"resolved_ids": 3}})
    with pytest.raises(ConfigError, match="resolved_ids"):
        loaded(file)


def test_a_folder_of_swe_bench_models_holds_a_run_for_each(tmp_path):
    for model, instance in (("m1", "a"), ("m1", "b"), ("m2", "a")):
        report = {instance: {"patch_exists": True, "resolved": instance == "a"}}
        written(tmp_path / "run" / model / instance / "report.json", report)
    assert outcomes(f"{tmp_path / 'run'}::m1") == {("a", 1): PASS, ("b", 1): FAIL}
    assert outcomes(f"{tmp_path}::run/m2") == {("a", 1): PASS}
    assert outcomes(tmp_path / "run" / "m1") == outcomes(f"{tmp_path / 'run'}::m1")


def test_deepeval_counts_of_failed_cases_are_compared(tmp_path):
    cases = [{"input": "q", "success": True}, {"input": "r", "success": False}]
    told = {"testCases": cases, "metricsScores": [], "testPassed": 1, "testFailed": 0}
    assert faults(written(tmp_path / "run.json", told)) == ["it counts 0 failed test cases, and holds 1"]


def test_an_aggregate_of_every_eval_ever_that_contradicts_its_instances_is_reported(tmp_path):
    rows = [
        {"evaluation_id": "e", "sample_id": str(n), "model_id": "m", "evaluation": {"score": n, "is_correct": bool(n)}}
        for n in range(2)
    ]
    written(tmp_path / "rows.jsonl", rows)
    aggregate = {"evaluation_id": "e", "detailed_evaluation_results": {"file_path": "rows.jsonl"}}
    file = written(tmp_path / "e.json", aggregate | {"evaluation_results": [{"score_details": {"score": 0.9}}]})
    assert faults(file) == ["its score is 0.9, but its instances give 0.5"]
    file = written(tmp_path / "e.json", aggregate | {"evaluation_results": [{"score_details": {"score": 0.5}}]})
    assert faults(file) == []


def test_an_aggregate_may_be_the_mean_of_samples_that_were_tried_unequally_often(tmp_path):
    rows = [
        {"evaluation_id": "e", "sample_id": name, "model_id": "m", "evaluation": {"score": n, "is_correct": bool(n)}}
        for name, n in (("a", 1), ("a", 1), ("a", 1), ("b", 0))
    ]
    written(tmp_path / "rows.jsonl", rows)
    told = {"evaluation_id": "e", "detailed_evaluation_results": {"file_path": "rows.jsonl"}}
    file = written(tmp_path / "e.json", told | {"evaluation_results": [{"score_details": {"score": 0.5}}]})
    assert not any("score" in each for each in faults(file))


def test_a_tau_bench_trial_without_a_reward_measured_nothing(tmp_path):
    rows = [{"task_id": 0, "reward": None, "info": None, "traj": [], "trial": 0}]
    assert outcomes(written(tmp_path / "r.json", rows)) == {("0", 1): ("error", "no reward")}


def test_an_answer_of_every_eval_ever_may_be_one_text(tmp_path):
    row = {"evaluation_id": "e", "sample_id": "s", "model_id": "m", "output": {"raw": "four"}}
    found = source(str(written(tmp_path / "r.jsonl", [row | {"evaluation": {"score": 1.0, "is_correct": True}}])))
    assert isinstance(found.importer, Transcribing)
    assert [said.final for _, said in found.importer.transcripts(found.path, found.run)] == ["four"]

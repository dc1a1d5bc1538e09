"""Formats told apart by looking inside, and their states mapped by what they mean."""

import pytest

from evalharness.errors import ConfigError
from evalharness.foreign import kind_of
from tests.foreign_logs import faults, loaded, outcomes, written

PASS, FAIL = ("pass", None), ("fail", None)


def tau2(*simulations):
    info = {
        "num_trials": 1,
        "agent_info": {"implementation": "llm_agent", "llm": "m"},
        "environment_info": {"domain_name": "air"},
    }
    return {"info": info, "tasks": [], "simulations": list(simulations)}


@pytest.mark.parametrize(
    ("reason", "reward", "expected"),
    [
        ("user_stop", 1.0, PASS),
        ("agent_stop", 0.5, FAIL),
        ("user_stop", 0.9999999, PASS),
        ("max_steps", 0.0, ("fail", "max_steps")),
        ("agent_error", None, ("fail", "agent_error")),
        ("context_window_exceeded", None, ("fail", "context_window_exceeded")),
        ("infrastructure_error", 0.0, ("error", "infrastructure_error")),
        ("user_error", 0.0, ("error", "user_error")),
        ("user_stop", None, ("error", "user_stop")),
        ("sunspots", None, ("error", "sunspots")),
    ],
)
def test_the_end_of_a_tau2_simulation_says_whose_doing_it_was(tmp_path, reason, reward, expected):
    simulation = {
        "id": "x",
        "task_id": "7",
        "trial": 0,
        "termination_reason": reason,
        "reward_info": {"reward": reward},
    }
    file = written(tmp_path / "results.json", tau2(simulation))
    assert kind_of(file) == "tau2_bench"
    assert outcomes(file) == {("7", 1): expected}


def test_both_layouts_of_tau2_read_alike(tmp_path):
    simulations = [
        {
            "id": f"s{n}",
            "task_id": str(n // 2),
            "trial": n % 2,
            "termination_reason": "user_stop",
            "reward_info": {"reward": n % 2},
        }
        for n in range(4)
    ]
    one = written(tmp_path / "one.json", tau2(*simulations))
    folder = tmp_path / "folder"
    written(folder / "results.json", tau2() | {"simulation_index": [{}] * 5})
    for each in simulations:
        written(folder / "simulations" / f"{each['id']}.json", each)
    assert outcomes(folder) == outcomes(one) == outcomes(folder / "results.json")
    assert "1 of the simulations in its index are missing" in faults(folder)


def test_a_tau_bench_exception_measured_nothing(tmp_path):
    results = [
        {"task_id": 0, "reward": 0.0, "info": {"error": "RateLimitError: slow down"}, "traj": [], "trial": 0},
        {"task_id": 0, "reward": 1.0, "info": {}, "traj": [{"role": "assistant", "content": "done"}], "trial": 1},
    ]
    found = outcomes(written(tmp_path / "r.json", results))
    assert found == {("0", 1): ("error", "RateLimitError: slow down"), ("0", 2): PASS}


@pytest.mark.parametrize(
    ("resolved", "mode", "expected"),
    [
        (True, "agent_timeout", PASS),
        (False, "agent_timeout", ("fail", "agent_timeout")),
        (False, "unset", FAIL),
        (None, "parse_error", ("error", "parse_error")),
        (None, "unknown_agent_error", ("error", "unknown_agent_error")),
    ],
)
def test_a_terminal_bench_verdict_counts_and_none_is_an_error(tmp_path, resolved, mode, expected):
    trial = {"task_id": "t", "trial_name": "t.2-of-5.x", "is_resolved": resolved, "failure_mode": mode}
    assert outcomes(written(tmp_path / "results.json", trial)) == {("t", 2): expected}


def test_terminal_bench_plans_what_its_metadata_say(tmp_path):
    trial = {"task_id": "t", "trial_name": "t.1-of-2.x", "is_resolved": True, "failure_mode": "unset"}
    written(
        tmp_path / "results.json", {"results": [trial], "accuracy": 1.0, "n_resolved": 2, "resolved_ids": ["t", "u"]}
    )
    written(
        tmp_path / "run_metadata.json", {"task_ids": ["t", "u"], "n_attempts": 2, "agent_name": "a", "model_name": "m"}
    )
    foreign = loaded(tmp_path)
    assert foreign.header.agent.name == "a/m"
    assert foreign.planned == {"t": 2, "u": 2}
    said = " ".join(foreign.header.options["faults"])
    assert "it counts 2 resolved trials, but 1 are" in said
    assert "1 of 2 tasks have no trial" in said


def harbor(task, rewards=None, exception=None, agent="a"):
    return {
        "task_name": task,
        "trial_name": f"{task}__x",
        "agent_info": {"name": agent, "version": "1", "model_info": {"name": "m"}},
        "verifier_result": {"rewards": rewards} if rewards is not None else None,
        "exception_info": {"exception_type": exception, "exception_message": ""} if exception else None,
        "started_at": "2026-01-01T00:00:00Z",
        "finished_at": "2026-01-01T00:00:05Z",
    }


def test_a_harbor_job_has_a_run_per_agent(tmp_path):
    trials = [
        harbor("t", {"reward": 1.0}),
        harbor("u", {"reward": 0}, "AgentTimeoutError"),
        harbor("v", None, "DockerError"),
        harbor("w", {"a": 1, "b": 0}),
        harbor("t", {"score": 1}, agent="b"),
    ]
    written(tmp_path / "result.json", {"n_total_trials": 6, "stats": {}})
    for number, each in enumerate(trials):
        written(tmp_path / f"trial-{number}" / "result.json", each)
    assert kind_of(tmp_path) == "harbor"
    assert outcomes(f"{tmp_path}::a/m") == {
        ("t", 1): PASS,
        ("u", 1): ("fail", "limit:AgentTimeoutError"),
        ("v", 1): ("error", "DockerError"),
        ("w", 1): ("error", "several rewards"),
    }
    assert loaded(f"{tmp_path}::b/m").records[0].usage.seconds == 5
    assert "1 of 6 trials of the job have no result" in faults(f"{tmp_path}::b/m")


@pytest.mark.parametrize(
    ("rewards", "exception", "expected"),
    [
        ({"reward": 0}, "ApiRateLimitError", ("error", "ApiRateLimitError")),  # harbor grades what a provider broke
        ({"reward": 1}, "NonZeroAgentExitCodeError", ("error", "NonZeroAgentExitCodeError")),
        ({"reward": 0}, "VerifierTimeoutError", ("error", "VerifierTimeoutError")),
        (None, "RewardFileNotFoundError", ("error", "RewardFileNotFoundError")),
        ({"reward": 1}, "AgentTimeoutError", PASS),
        (None, "AgentTimeoutError", ("fail", "limit:AgentTimeoutError")),
        ({"reward": 0}, "AgentSafetyRefusalError", FAIL),
        (None, "CancelledError", ("error", "CancelledError")),
    ],
)
def test_a_harbor_reward_counts_where_harbor_says_it_is_valid(tmp_path, rewards, exception, expected):
    assert outcomes(written(tmp_path / "result.json", harbor("t", rewards, exception))) == {("t", 1): expected}


def test_harbor_steps_tell_what_broke_and_what_was_used(tmp_path):
    steps = [{"agent_result": {"n_input_tokens": 5, "cost_usd": 0.5}}, {"agent_result": {"n_input_tokens": 7}}]
    broken = {"exception_info": {"exception_type": "SSHAccessError", "exception_message": "lost"}}
    whole = written(tmp_path / "a.json", harbor("t", {"reward": 1}) | {"step_results": steps})
    assert outcomes(whole) == {("t", 1): PASS}
    assert (loaded(whole).records[0].usage.input_tokens, loaded(whole).records[0].usage.cost_usd) == (12, 0.5)
    torn = written(tmp_path / "b.json", harbor("t", {"reward": 1}) | {"step_results": [*steps, broken]})
    assert outcomes(torn) == {("t", 1): ("error", "SSHAccessError")}


def test_deepeval_numbers_of_cases_name_no_task(tmp_path):
    cases = [
        {"name": f"test_case_{number}", "input": "a question", "success": passed, "metricsData": []}
        for number, passed in enumerate((True, False))
    ]
    run = {"testCases": cases, "metricsScores": []}
    assert outcomes(written(tmp_path / "run.json", run)) == {("a question", 1): PASS, ("a question", 2): FAIL}
    assert len(outcomes(written(tmp_path / "kept.json", {"testRunData": run}))) == 2


def test_lm_eval_filters_and_metrics_are_runs_and_documents_pair_by_content(tmp_path):
    def line(doc_id, chosen, acc, em):
        return {
            "doc_id": doc_id,
            "doc": {},
            "resps": [],
            "filtered_resps": ["x"],
            "filter": chosen,
            "metrics": ["acc", "em"],
            "doc_hash": f"hash{doc_id}",
            "acc": acc,
            "em": em,
        }

    samples = [line(doc, chosen, float(doc == 0), 1.0) for doc in (0, 1) for chosen in ("strict", "loose")]
    file = written(tmp_path / "samples_gsm_2026-01-01T00-00-00.0.jsonl", samples)
    results = {"gsm": {"acc,strict": 0.9}}
    written(
        tmp_path / "results_2026-01-01T00-00-00.0.json",
        {
            "results": results,
            "configs": {},
            "versions": {"gsm": 3},
            "n-samples": {"gsm": {"effective": 3}},
            "model_name": "m",
        },
    )
    with pytest.raises(ConfigError, match=r"holds 4 runs.*gsm:acc,strict"):
        outcomes(tmp_path)
    assert outcomes(f"{tmp_path}::gsm:acc,loose") == {("hash0", 1): PASS, ("hash1", 1): FAIL}
    assert outcomes(f"{file}::gsm:em,strict")["hash1", 1] == PASS
    assert faults(f"{file}::gsm:acc,strict") == [
        "it counts 3 documents, and holds 2",
        "its acc is 0.9, but its documents give 0.5",
    ]


def test_promptfoo_v2_has_no_failure_reason(tmp_path):
    def row(question, success, **more):
        base = {"provider": {"id": "p"}, "prompt": {"raw": f"{question}?", "label": "{{q}}?"}, "vars": {"q": question}}
        return base | {"success": success, "score": float(success), "gradingResult": {"pass": success}} | more

    rows = [row("a", True), row("a", False, error="no"), row("b", False, error="API error: 500", gradingResult=None)]
    stats = {"successes": 2, "failures": 2}
    file = written(tmp_path / "out.json", {"results": {"version": 2, "results": rows, "stats": stats, "table": {}}})
    found = loaded(file)
    assert sorted(str(each.outcome) for each in found.records) == ["error", "fail", "pass"]
    assert len(found.header.tasks) == 2
    assert "it counts 2 successes, and holds 1" in found.header.options["faults"]


def test_promptfoo_prompts_of_one_provider_are_runs(tmp_path):
    rows = [
        {
            "provider": "p",
            "promptId": prompt,
            "promptIdx": 0,
            "testCase": {"vars": {"q": 1}},
            "success": True,
            "score": 1,
        }
        for prompt in ("x", "y")
    ]
    file = written(tmp_path / "out.jsonl", rows)
    assert list(outcomes(f"{file}::p#2").values()) == [PASS]


def test_swe_bench_reports_of_instances(tmp_path):
    reports = {
        "a": {"resolved": True, "patch_exists": True},
        "b": {"resolved": False, "patch_exists": True},
        "c": {"resolved": False, "patch_is_None": True},
        "d": {"resolved": False, "infra_failure": True, "infra_failure_reason": "image"},
    }
    for name, each in reports.items():
        written(tmp_path / name / "report.json", {name: each})
    assert outcomes(tmp_path) == {
        ("a", 1): PASS,
        ("b", 1): FAIL,
        ("c", 1): ("fail", "empty patch"),
        ("d", 1): ("error", "image"),
    }


def test_swe_bench_lists_that_exclude_each_other_are_a_fault(tmp_path):
    report = {
        "submitted_instances": 4,
        "resolved_instances": 1,
        "total_instances": 4,
        "completed_ids": ["a", "b"],
        "resolved_ids": ["a", "b"],
        "unresolved_ids": ["b"],
        "infra_failure_ids": ["c"],
        "submitted_ids": ["a", "b", "c", "d"],
    }
    file = written(tmp_path / "m.run.json", report)
    assert outcomes(file) == {
        ("a", 1): PASS,
        ("b", 1): ("error", "contradictory"),
        ("c", 1): ("error", "infra_failure"),
        ("d", 1): ("error", "not completed"),
    }
    assert len(faults(file)) == 2


def test_openai_evals_metrics_and_errors(tmp_path):
    lines = [
        {"spec": {"eval_name": "e", "completion_fns": ["f"]}},
        {"sample_id": "a", "type": "metrics", "data": {"score": 1}},
        {"sample_id": "b", "type": "error", "data": {"type": "Timeout"}},
        {"sample_id": "c", "type": "sampling", "data": {"prompt": "p", "sampled": ["s"]}},
        {"final_report": {"accuracy": 0.5}},
    ]
    file = written(tmp_path / "e.jsonl", lines)
    assert outcomes(file) == {("a", 1): PASS, ("b", 1): ("error", "Timeout"), ("c", 1): ("error", "no verdict")}
    assert faults(file) == ["its accuracy is 0.5, but its samples give 1"]


def test_hal_lists_and_raw_results(tmp_path):
    raw = {
        "results": {"accuracy": 0.9},
        "raw_eval_results": {"a": {"reward": 1}, "b": False, "c": {"mood": "good"}, "d": [1]},
    }
    found = written(tmp_path / "raw_UPLOAD.json", raw)
    assert [each[0] for each in outcomes(found).values()] == ["pass", "fail", "error", "error"]
    assert faults(found) == ["its accuracy is 0.9, but its tasks give 0.5"]
    lists = {"results": {"successful_tasks": ["a", 1], "failed_tasks": ["b", 1]}, "raw_eval_results": None}
    assert outcomes(written(tmp_path / "lists_UPLOAD.json", lists)) == {
        ("a", 1): PASS,
        ("b", 1): FAIL,
        ("1", 1): ("error", "contradictory"),
    }


def test_pytest_json_states(tmp_path):
    tests = [
        {"nodeid": word, "outcome": word, "call": {"duration": 2}} for word in ("passed", "failed", "error", "xfailed")
    ]
    file = written(
        tmp_path / "report.json", {"tests": tests, "summary": {"passed": 2}, "exitcode": 1, "created": 1.7e9}
    )
    assert [each[0] for each in outcomes(file).values()] == ["pass", "fail", "error", "error"]
    assert faults(file) == ["it counts 2 passed, and holds 1"]
    assert loaded(file).header.started_at.startswith("2023-11-14")


def test_deepeval_cases_of_one_input_are_trials(tmp_path):
    broken = {"name": "m", "success": False, "error": "judge is down"}
    cases = [
        {"name": "case", "input": "q", "success": True, "metricsData": [{"name": "m", "score": 0.9, "success": True}]},
        {
            "name": "case",
            "input": "q",
            "success": False,
            "metricsData": [{"name": "m", "score": 0.1, "success": False}],
        },
        {"name": "case", "input": "q", "success": False, "metricsData": [broken]},
        {"name": "other", "input": "r", "success": None},
    ]
    file = written(tmp_path / "test_run_1.json", {"testCases": cases, "metricsScores": [], "testPassed": 1})
    assert outcomes(file) == {
        ("case", 1): PASS,
        ("case", 2): FAIL,
        ("case", 3): ("error", "judge is down"),
        ("other", 1): ("error", "no verdict"),
    }


def test_every_eval_ever_instances_and_aggregate(tmp_path):
    def instance(sample, correct, **more):
        base = {"schema_version": "0.2.1", "evaluation_id": "e", "model_id": "org/m", "evaluation_name": "gsm"}
        verdict = {"evaluation": {"score": float(correct), "is_correct": correct}}
        return (
            base | verdict | {"sample_id": sample, "interaction_type": "single_turn", "output": {"raw": ["x"]}} | more
        )

    lines = [instance("a", True), instance("a", False), instance("b", False, error="timeout")]
    file = written(tmp_path / "i.jsonl", lines)
    details = {"file_path": "far/away/i.jsonl", "total_rows": 4}
    aggregate = written(
        tmp_path / "a.json", {"evaluation_id": "e", "evaluation_results": [], "detailed_evaluation_results": details}
    )
    assert outcomes(file) == {("a", 1): PASS, ("a", 2): FAIL, ("b", 1): ("error", "timeout")}
    assert outcomes(aggregate) == outcomes(file)
    assert "it counts 4 rows, and holds 3" in faults(aggregate)
    assert loaded(file).header.agent.name == "org/m"


def test_junit_repetitions_are_trials_and_errors_measured_nothing(tmp_path):
    cases = (
        '<testcase classname="c" name="t" time="1.5"/><testcase classname="c" name="t"><failure/></testcase>'
        '<testcase classname="c" name="u"><error type="IOError"/></testcase>'
    )
    file = tmp_path / "j.xml"
    file.write_text(f'<testsuites tests="9"><testsuite name="s">{cases}</testsuite></testsuites>')
    assert outcomes(file) == {("c.t", 1): PASS, ("c.t", 2): FAIL, ("c.u", 1): ("error", "error: IOError")}
    assert "it counts 9 tests, and holds 3" in faults(file)


def test_one_test_in_two_junit_suites_is_two_tasks(tmp_path):
    file = tmp_path / "j.xml"
    suites = "".join(f'<testsuite name="{name}"><testcase name="t"/></testsuite>' for name in ("x", "y"))
    file.write_text(f"<testsuites>{suites}</testsuites>")
    assert outcomes(file) == {("x: t", 1): PASS, ("y: t", 1): PASS}


def instance(sample, correct, *, result=None, error=None, score=None, **metadata):
    return {
        "evaluation_id": "e",
        "model_id": "a/m",
        "evaluation_name": "arith",
        "evaluation_result_id": result,
        "sample_id": sample,
        "evaluation": {"score": float(correct) if score is None else score, "is_correct": correct},
        "error": error,
        "metadata": metadata,
    }


def test_every_eval_ever_has_a_run_per_result_and_errors_belong_to_all(tmp_path):
    rows = [
        instance("q", True, result="match", epoch="1"),
        instance("q", False, result="f1", epoch="1"),
        instance("q", False, error="RateLimit", epoch="2"),
    ]
    file = written(tmp_path / "x_samples.jsonl", rows)
    late = ("error", "RateLimit")
    assert outcomes(f"{file}::a/m/arith#match") == {("q", 1): PASS, ("q", 2): late}
    assert outcomes(f"{file}::a/m/arith#f1") == {("q", 1): FAIL, ("q", 2): late}
    assert outcomes(written(tmp_path / "y_samples.jsonl", rows[::2])) == {("q", 1): PASS, ("q", 2): late}


def test_every_eval_ever_scores_that_contradict_their_verdict_are_reported(tmp_path):
    rows = [instance("q", True, score=0.5, tags='["x"]'), instance("r", True)]
    found = loaded(written(tmp_path / "x_samples.jsonl", rows))
    assert found.header.options["faults"] == ["1 of 2 instances have a score that is not their verdict's (1 or 0)"]
    assert found.header.tasks["q"].tags == ("x",)

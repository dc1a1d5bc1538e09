"""A cache of answers: what is found again, what is not, and what never gets into it."""

import json
import multiprocessing
from pathlib import Path

import pytest

from evalharness.loading.definition import load_agent
from evalharness.model import Trial
from evalharness.redact import Redactor
from evalharness.running.response_cache import Memory, ResponseCache
from evalharness.running.trial import TrialJob
from evalharness.runs import begin
from evalharness.suite import load_suite
from tests.agents.test_model_agent import answer
from tests.running import evalh, lines, tasks, write_suite
from tests.servers import Reply, serving

TASK, OTHER = tasks(2)
REQUEST = {"model": "openai/m", "messages": [{"role": "user", "content": "?"}], "temperature": 0.5}


def memory(folder, *, task=TASK, number=1, seed=7, attempt=1, secrets=()):
    trial = Trial(task=task, number=number, seed=seed, attempt=attempt)
    return Memory(ResponseCache(folder), trial, Redactor.of(secrets))


def kept(folder, content=b'"Rome"', request=REQUEST, **trial):
    one = memory(folder, **trial)
    one.add(one.key(request), content)
    one.keep()


def found(folder, request=REQUEST, **trial):
    one = memory(folder, **trial)
    return one.find(one.key(request))


def test_the_same_request_of_the_same_trial_is_found(tmp_path):
    kept(tmp_path)
    assert found(tmp_path) == b'"Rome"'
    assert found(tmp_path, attempt=2) == b'"Rome"'
    assert found(tmp_path, {**REQUEST, "api_key": "another", "timeout": 3}) == b'"Rome"'


@pytest.mark.parametrize("other", [{"task": OTHER}, {"number": 2}, {"seed": 8}, {"request": {**REQUEST, "top_p": 1}}])
def test_anything_else_is_not(tmp_path, other):
    kept(tmp_path)
    assert found(tmp_path, **other) is None


def test_equal_requests_of_one_trial_have_answers_of_their_own(tmp_path):
    one = memory(tmp_path)
    assert one.key(REQUEST) != one.key(REQUEST)


def test_what_an_attempt_got_is_kept_only_when_it_ends_well(tmp_path):
    one = memory(tmp_path)
    one.add(one.key(REQUEST), b"x")
    assert found(tmp_path) is None


def test_an_answer_with_a_secret_in_it_is_not_kept(tmp_path):
    kept(tmp_path, b'"hunter2-hunter2"', secrets=["hunter2-hunter2"])
    assert not [each for each in tmp_path.rglob("*") if each.is_file()]


def writing(folder, number):
    for index in range(40):
        kept(Path(folder), b"%d" % number * 5000, number=index + 1)


def test_several_processes_may_write_the_same_entries(tmp_path):
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=writing, args=(tmp_path, number)) for number in range(3)]
    for process in processes:
        process.start()
    processes[0].kill()
    for process in processes:
        process.join()
    for index in range(40):
        content = found(tmp_path, number=index + 1)
        assert content
        assert len(set(content)) == 1
        assert len(content) == 5000


def run(folder, url, out, *options):
    write_suite(folder)
    write_model(folder, url)
    return evalh("run", "suite.yaml", "-a", "agent.yaml", "-o", out, "-k", 2, *options, cwd=folder)


def write_model(folder, url):
    agent = {"use": "model", "options": {"model": "openai/tiny", "api_base": f"{url}/v1", "extra": {"api_key": "none"}}}
    (folder / "agent.yaml").write_text(json.dumps(agent))


def usages(run_folder):
    return [json.loads(line)["usage"] for line in lines(run_folder)]


def test_a_second_run_with_the_same_seed_asks_for_nothing_and_says_so(tmp_path):
    with serving(answer=answer) as server:
        first = run(tmp_path, server.url, "one", "--seed", 3, "--cache", "kept")
        assert first.returncode == 0, first.stderr
        assert len(server.asked) == 6
        again = run(tmp_path, server.url, "two", "--seed", 3, "--cache", "kept")
        assert (again.returncode, len(server.asked)) == (0, 6)
        run(tmp_path, server.url, "three", "--seed", 4, "--cache", "kept")
        assert len(server.asked) == 12
    was, now = usages(tmp_path / "one"), usages(tmp_path / "two")
    assert [each.get("cached_calls") for each in was] == [None] * 6
    assert [each["cached_calls"] for each in now] == [1] * 6
    assert {each["input_tokens"] for each in now} == {12}
    compared = evalh("compare", "three", "two", cwd=tmp_path)
    assert "the candidate ran with --cache: 6 of its trials were answered from it" in " ".join(compared.stdout.split())


def test_a_damaged_entry_is_asked_for_again(tmp_path):
    with serving(answer=answer) as server:
        run(tmp_path, server.url, "one", "--seed", 3, "--cache", "kept")
        for entry in (tmp_path / "kept").rglob("*.json"):
            entry.write_bytes(entry.read_bytes()[:20])
        assert run(tmp_path, server.url, "two", "--seed", 3, "--cache", "kept").returncode == 0
        assert len(server.asked) == 12


def test_a_cache_without_a_seed_or_a_place_is_refused(tmp_path):
    done = run(tmp_path, "http://127.0.0.1:9", "one", "--cache", "kept")
    assert (done.returncode, "--cache needs --seed" in done.stderr) == (2, True)
    (tmp_path / "file").write_text("")
    done = run(tmp_path, "http://127.0.0.1:9", "one", "--cache", "file/in", "--seed", 1)
    assert (done.returncode, "name a folder that can be written" in done.stderr) == (2, True)
    assert not (tmp_path / "one").exists()


def test_a_resumed_run_keeps_to_its_own_cache(tmp_path):
    with serving(Reply(status=400)) as server:
        run(tmp_path, server.url, "one", "--seed", 3, "--cache", "kept")
    done = evalh("run", "one", "--cache", "other", cwd=tmp_path)
    assert (done.returncode, "is a run already" in done.stderr) == (2, True)


@pytest.mark.parametrize(("role", "used"), [("run", True), ("gate", False), ("confirm", False)])
def test_what_a_gate_runs_has_no_cache_whatever_its_options_say(tmp_path, role, used):
    write_suite(tmp_path)
    write_model(tmp_path, "http://127.0.0.1:9")
    suite, definition = load_suite(str(tmp_path / "suite.yaml")), load_agent(str(tmp_path / "agent.yaml"))
    options = {"cache": str(tmp_path / "kept")}
    arm = begin(suite, definition, out=tmp_path / "out", role=role, options=options)
    job = arm.job()
    assert isinstance(job, TrialJob)
    assert (job.cache is not None) is used


def test_a_gate_asks_for_every_trial_although_its_baseline_was_answered_from_a_cache(tmp_path):
    with serving(answer=answer) as server:
        for out in ("one", "two"):
            assert run(tmp_path, server.url, out, "--seed", 3, "--cache", "kept").returncode == 0
        asked = len(server.asked)
        gate = ["gate", "suite.yaml", "--candidate", "agent.yaml", "--baseline", "two", "-k", 2, "--seed", 3]
        done = evalh(*gate, "--out", "gated", cwd=tmp_path, env={"EVALH_CACHE": "kept", "EVALH_RUN_CACHE": "kept"})
        assert "not reused (it ran with --cache" in " ".join((done.stdout + done.stderr).split())
        trials = [each for arm in (tmp_path / "runs").iterdir() for each in usages(arm)]
        assert len(trials) >= 2 * asked
        assert len(server.asked) - asked == len(trials)
        assert not any(each.get("cached_calls") for each in trials)
        refused = evalh(*gate, "--cache", "kept", cwd=tmp_path)
        assert (refused.returncode, "No such option" in refused.stderr) == (2, True)

"""A provider that fails, as a whole run sees it; a real server on loopback."""

import json
import threading
from collections import Counter

import pytest

from tests.running import evalh, write_suite
from tests.servers import HANGS_UP, NEVER, Reply, serving

YES = Reply.json({"final": "yes"})
BUSY = Reply(status=429, headers={"Retry-After": "0.3"})


def records(folder, answer, *options, more=""):
    """Run three tasks against a server that answers by `answer(task, number of this request for it)`."""
    seen: Counter[str] = Counter()
    lock = threading.Lock()

    def reply(asked):
        task = asked.json()["task_id"]
        with lock:
            seen[task] += 1
        return answer(task, seen[task])

    write_suite(folder, more=more)
    with serving(answer=reply) as server:
        done = evalh("run", "suite.yaml", "-a", f"{server.url}/ask", "-o", "run", *options, cwd=folder)
    lines = (folder / "run" / "trials.jsonl").read_text().splitlines()
    return done, [json.loads(line) for line in lines]


@pytest.mark.parametrize("fault", [Reply(status=500), Reply(status=503), HANGS_UP])
def test_a_fault_that_passes_costs_an_attempt_and_no_trial(tmp_path, fault):
    done, found = records(tmp_path, lambda task, number: fault if (task, number) == ("t1", 1) else YES)
    assert done.returncode == 0, done.stderr
    assert [(each["outcome"], each.get("attempt", 1)) for each in found if each["task_id"] == "t1"] == [
        ("error", 1),
        ("pass", 2),
    ]
    assert len(found) == 4


def test_a_limit_of_the_provider_is_waited_out_and_costs_no_attempt(tmp_path):
    done, found = records(tmp_path, lambda task, number: BUSY if (task, number) == ("t1", 1) else YES)
    assert done.returncode == 0, done.stderr
    assert [each["outcome"] for each in found] == ["pass"] * 3
    (held,) = [each["usage"] for each in found if each["task_id"] == "t1"]
    assert held["held_back"] == 1
    assert held["working_seconds"] < held["seconds"] - 0.2


def test_a_server_that_never_answers_is_the_agents_limit(tmp_path):
    done, found = records(
        tmp_path, lambda task, number: NEVER if task == "t1" else YES, more="limits: {seconds: 0.3}\n"
    )
    assert done.returncode == 0
    assert {each["task_id"]: each.get("cause") for each in found} == {"t0": None, "t1": "limit:seconds", "t2": None}


def test_garbage_is_a_wrong_answer_and_ends_nothing(tmp_path):
    garbage = Reply(body=b"\xff\xfe{\xe2\x80\xa8 \x00", headers={"Content-Type": "text/plain"})
    done, found = records(tmp_path, lambda task, number: garbage if task == "t1" else YES)
    assert done.returncode == 0
    assert {each["task_id"]: each["outcome"] for each in found} == {"t0": "pass", "t1": "fail", "t2": "pass"}


def test_a_key_that_is_refused_is_nobodys_answer(tmp_path):
    done, found = records(tmp_path, lambda task, number: Reply(status=401))
    assert done.returncode == 4
    assert "nothing was measured: status:401 x3" in done.stderr
    assert {each["outcome"] for each in found} == {"error"}
    assert len(found) == 3

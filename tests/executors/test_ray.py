import json
import random
import re
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import psutil
import pytest

from evalharness.errors import ConfigError
from evalharness.executors import Executor
from evalharness.model import Extension, Limits, Outcome, Task, Trial
from evalharness.redact import Redactor
from evalharness.registry import build
from evalharness.runner import Pace, run
from evalharness.running.planning import Owed
from evalharness.running.trial import TrialJob
from evalharness.store import RunStore
from tests.running import environment, evalh_process, header, planned, tasks, write_agent, write_suite

ray = pytest.importorskip("ray", reason="ray is not installed (pip install 'evalharness[ray]')")

from evalharness.executors.ray import RayExecutor  # noqa: E402 - only where ray is
from tests.executors.ray_jobs import SMALL, Acting  # noqa: E402

pytestmark = pytest.mark.filterwarnings("default")  # Ray's own are no faults of ours
PATIENCE = 90.0
SECRET = "sk-4f9a8b7c6d5e4f3a2b1c"


def trial(task_id, *, seconds=30.0):
    return Trial(task=Task(id=task_id, prompt="", limits=Limits(seconds=seconds)), number=1, seed=1)


@contextmanager
def executing(cluster, folder, *, workers=2, abandon=False, **options):
    executor = RayExecutor(address=cluster.address, **options)
    executor.open(Acting(str(folder)), workers=workers)
    try:
        yield executor
    except BaseException:
        executor.close(abandon=True)
        raise
    executor.close(abandon=abandon)


def taken(executor, number):
    """Take what comes back, handing in again what is owed again."""
    found, deadline = [], time.monotonic() + PATIENCE
    while len(found) < number and time.monotonic() < deadline:
        finished = executor.next(1.0)
        if finished and finished.record is None:
            executor.submit(finished.trial)
        elif finished:
            found.append(finished)
    return {finished.trial.task.id: finished for finished in found}


def test_what_is_submitted_comes_back_from_both_nodes_whole(cluster, tmp_path):
    with executing(cluster, tmp_path, workers=2) as executor:
        assert isinstance(executor, Executor)
        deadline = time.monotonic() + PATIENCE
        while not all(slot.open for slot in vars(executor)["_slots"]) and time.monotonic() < deadline:
            assert executor.next(0.1) is None
        for index in range(12):
            executor.submit(trial(f"sleep-0.1-{index}"))
        executor.submit(trial("long-0"))
        found = taken(executor, 13)
        assert executor.next(0.0) is None
    assert len(found) == 13
    assert {each.record.outcome for each in found.values()} == {Outcome.PASS}
    assert len({each.record.host for each in found.values()}) == 2
    assert len(found["long-0"].frame) == 200_000


def test_a_node_takes_no_more_workers_than_it_may(cluster, tmp_path):
    with executing(cluster, tmp_path, workers=6, per_node=2) as executor:
        for index in range(12):
            executor.submit(trial(f"sleep-0.3-{index}"))
        found = taken(executor, 12)
        assert len(executor._slots) == 4
    processes = {Path(name).name.split(".")[-2] for name in map(str, tmp_path.iterdir())}
    assert len(found) == 12
    assert 2 <= len(processes) <= 4


def test_what_has_not_been_handed_out_can_be_dropped(cluster, tmp_path):
    with executing(cluster, tmp_path, workers=1) as executor:
        first, second = trial("sleep-0.5"), trial("sleep-0.1")
        executor.submit(first)
        executor.submit(second)
        assert not executor.cancel(first.key)
        assert executor.cancel(second.key)
        assert not executor.cancel(second.key)
        assert list(taken(executor, 1)) == ["sleep-0.5"]
        assert executor.next(0.5) is None


def test_an_agent_that_hangs_is_cut_at_its_limit_and_its_neighbours_go_on(cluster, tmp_path):
    with executing(cluster, tmp_path) as executor:
        executor.submit(trial("hang-1", seconds=0.5))
        for index in range(6):
            executor.submit(trial(f"sleep-0.2-{index}"))
        found = taken(executor, 7)
        assert executor.next(0.0) is None
    assert found.pop("hang-1").record.cause == "limit:seconds"
    assert {each.record.outcome for each in found.values()} == {Outcome.PASS}
    assert len(list(tmp_path.iterdir())) == 7  # none of them twice


def test_a_worker_that_dies_owes_its_trial_again_and_one_trial_cannot_go_on_doing_it(cluster, tmp_path):
    with executing(cluster, tmp_path) as executor:
        for name in ("die-1", "die-9", "sleep-0.1", "hold-1"):
            executor.submit(trial(name, seconds=0.5))
        found = taken(executor, 4)
    causes = {name: each.record.cause for name, each in found.items()}
    assert causes == {"die-1": None, "die-9": "worker:died", "sleep-0.1": None, "hold-1": None}
    assert {each.record.attempt for each in found.values()} == {1}


def test_a_bug_in_a_worker_is_raised_where_the_run_is_led(cluster, tmp_path):
    with pytest.raises(LookupError, match="ours"), executing(cluster, tmp_path) as executor:
        executor.submit(trial("bug-ours"))
        executor.next(PATIENCE)


def test_what_cannot_be_made_ready_is_said_before_the_first_trial(cluster, tmp_path):
    with pytest.raises(ConfigError, match="the agent is not there"):
        RayExecutor(address=cluster.address).open(Acting(str(tmp_path), openable=False), workers=2)


def said(done):
    """Return what a command said on stderr, without the progress of a busy machine."""
    return [line for line in done.stderr.splitlines() if "trials ·" not in line]


def acting_run(folder, *, source, number, seconds=30.0):
    """Make a run of a function agent that runs in its worker."""
    folder.mkdir()
    (folder / "acting_on_ray.py").write_text(source)
    agent = build(
        "agent",
        Extension(use="function", options={"call": "acting_on_ray:answer", "folder": str(folder), "isolation": "none"}),
    )
    of = tasks(number, seconds=seconds)
    store = RunStore.create(folder / "run", header(of), planned(of))
    return store, TrialJob(agent=agent, workspace=Extension(use="local"), redactor=Redactor.of(())), of


def test_a_node_that_is_killed_costs_no_trial_and_no_attempt_and_its_place_is_taken_by_the_next(cluster, tmp_path):
    source = "import os, time\n\ndef answer(task):\n    time.sleep(0.4)\n    return 'yes'\n"
    store, job, of = acting_run(tmp_path / "project", source=source, number=40)
    victim = cluster.add_node(**SMALL)
    cluster.wait_for_nodes()
    owed = Owed(store.planned(), store.records(), {task.id: task for task in of}, run_seed=7, arm="")
    executor, sizes, events = RayExecutor(address=cluster.address), [], []

    def listen(tally):
        sizes.append(len(executor._slots))
        if tally.measured >= 8 and not events:
            cluster.remove_node(victim, allow_graceful=False)
            events.append(len(sizes))
        if len(events) == 1 and sizes[-1] < 3:
            events.append(len(sizes))
            events.append(cluster.add_node(**SMALL))

    with store.writer() as writer:
        run(owed, job=job, executor=executor, writer=writer, pace=Pace(workers=3), listener=listen)
    with suppress(Exception):
        cluster.remove_node(events[2])
    records = list(store.records())
    assert sorted(record.task_id for record in records) == sorted(task.id for task in of)
    assert {(record.outcome, record.attempt) for record in records} == {(Outcome.PASS, 1)}
    assert all(store.transcript(record).final == "yes" for record in records)
    assert (sizes[0], min(sizes[1:]), sizes[-1]) == (3, 2, 3)


def processes(*command):
    found = []
    for each in psutil.process_iter():
        with suppress(psutil.Error):
            found += [each.pid] if each.cmdline() == list(command) else []
    return found


def test_closing_waits_for_what_runs_unless_it_is_abandoned(cluster, tmp_path):
    before = set(Path(tempfile.gettempdir()).glob("evalh-worker-*"))
    unheard = f"{600 + random.SystemRandom().random():.9f}"
    with executing(cluster, tmp_path, abandon=True) as executor:
        executor.submit(trial(f"spawn-{unheard}"))
        deadline = time.monotonic() + PATIENCE
        while len(processes("sleep", unheard)) < 2 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert len(processes("sleep", unheard)) == 2
    assert processes("sleep", unheard) == []
    left = set(Path(tempfile.gettempdir()).glob("evalh-worker-*")) - before
    assert left == set()
    with executing(cluster, tmp_path) as executor:
        executor.submit(trial("sleep-1"))
        begun = time.monotonic()
    assert time.monotonic() - begun > 0.9


def test_the_command_sends_an_agents_folder_and_leaves_no_secret_in_the_clusters_files(cluster, tmp_path):
    write_suite(tmp_path, 4)
    source = """
import os
from pathlib import Path

def answer(task):
    print(os.environ["SUPPORT_API_KEY"])
    elsewhere = Path(__file__).parent != Path(Path(__file__).with_name("home.txt").read_text())
    return "yes" if elsewhere and os.environ["SUPPORT_API_KEY"] else "no " + os.environ["SUPPORT_API_KEY"]
"""
    agent = write_agent(tmp_path, source)
    (tmp_path / "home.txt").write_text(str(tmp_path))
    done = evalh_process(
        *("run", "suite.yaml", "-a", agent.name, "-o", "run", "--executor", "ray", "--json", "-j", "2"),
        *("--ray-address", cluster.address, "--ray-env", "SUPPORT_API_KEY"),
        cwd=tmp_path,
        env=environment(SUPPORT_API_KEY=SECRET),
    )
    assert (done.returncode, json.loads(done.stdout)["passed"]) == (0, 4), done.stderr
    progress = re.compile(r"\d+/4 trials")  # a busy machine takes long enough to say how far it is
    told = [line for line in said(done) if not progress.match(line)]
    assert told == ["run: 4 trials owed", "hint: `evalh show run`"]
    session = Path(cluster.head_node.get_session_dir_path())
    for file in (each for each in [*session.rglob("*"), *tmp_path.rglob("*")] if each.is_file()):
        assert SECRET.encode() not in file.read_bytes(), file
        assert b"an agent says what nobody may read" not in file.read_bytes() or file.suffix != ".out", file


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--ray-address", "127.0.0.1:1"], "no Ray cluster can be used at '127.0.0.1:1'"),
        (["--ray-env", "NOT_SET_ANYWHERE"], "NOT_SET_ANYWHERE is not set here"),
    ],
)
def test_a_wrong_option_is_named_and_leaves_no_run_behind(tmp_path, options, said):
    write_suite(tmp_path)
    agent = write_agent(tmp_path, "def answer(task):\n    return 'yes'\n")
    done = evalh_process(
        *("run", "suite.yaml", "-a", agent.name, "-o", "run", "--executor", "ray"), *options, cwd=tmp_path
    )
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


def test_without_ray_the_extra_is_named(tmp_path):
    code = (
        "import sys; sys.modules['ray'] = None\n"
        "from evalharness.model import Extension; from evalharness.registry import build\n"
        "build('executor', Extension(use='ray'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment(), check=False)
    assert (
        "ConfigError: the executor 'ray' needs Ray, which is not installed: run `pip install 'evalharness[ray]'`"
        in (done.stderr)
    )


def test_a_cluster_of_our_own_is_started_quietly_and_ended(tmp_path):
    write_suite(tmp_path)
    agent = write_agent(tmp_path, "def answer(task):\n    return 'yes'\n")
    done = evalh_process(
        *("run", "suite.yaml", "-a", agent.name, "-o", "run", "--executor", "ray", "-j", "2"), cwd=tmp_path
    )
    assert said(done) == ["run: 3 trials owed", "hint: `evalh show run`"]
    assert done.stdout == "run: 3 of 3 trials passed\n"
    assert msgspec.json.decode((tmp_path / "run" / "run.json").read_bytes())["options"]["executor"] == "ray"

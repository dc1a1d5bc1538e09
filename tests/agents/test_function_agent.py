import os
import re
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from evalharness.agents import host_process, hosts, wire
from evalharness.agents.function import FunctionAgent
from evalharness.errors import AgentFault, ConfigError, Displaced, LimitReached, Unmeasured
from evalharness.model import Extension, Transcript, UnmeasuredRules
from evalharness.registry import build
from evalharness.workspaces.local import LocalWorkspaces

PATIENCE = 60.0
SOURCE = '''
import asyncio, ctypes, os, signal, subprocess, sys, threading, time
from evalharness.errors import Unmeasured
from evalharness.model import Message, Transcript, Usage

CLIENT = None

def echo(task, seed):
    return f"{task.id} {seed}"

def upper(prompt):
    return prompt.upper()

def place(task, workspace):
    workspace.write("left.txt", b"x")
    return workspace.location

def where(task):
    return "\\n".join([os.getcwd(), *sys.path, str(os.getpid())])

def crash(task):
    raise ValueError("no \\ud800 way")

def busy(task):
    raise Unmeasured("status:429", "slow down", retry_after=3.5)

def stop(task):
    sys.exit(3)

def interrupt(task):
    raise KeyboardInterrupt

def prints(task):
    for _ in range(16384):
        os.write(1, b"\\xff\\xe2\\x80\\xa8" * 16384)
    return "quiet"

def huge(task):
    return "x" * (65 * 1024 * 1024)

def odd(task):
    return Transcript(final=None)

def rich(task):
    return Transcript(final="\\u2028", messages=(Message(role="assistant", content="hi"),), usage=Usage(cost_usd=0.5))

async def waits(task):
    await asyncio.sleep(0.05)
    return "done"

async def together(task, seed):
    """Come back when eight trials are under way at once."""
    open(f"arrived-{seed}", "w").close()
    while sum(name.startswith("arrived") for name in os.listdir()) < 8:
        await asyncio.sleep(0.01)
    return "done"

async def client(task):
    """Keep what belongs to one event loop from trial to trial, as a module-level client does."""
    global CLIENT
    CLIENT = CLIENT or asyncio.get_running_loop().create_future()
    try:
        await asyncio.wait_for(asyncio.shield(CLIENT), 0.01)
    except TimeoutError:
        pass
    return str(id(CLIENT.get_loop() is asyncio.get_running_loop() and CLIENT))

def acts(task):
    act = task.prompt
    if act == "segv":
        ctypes.string_at(0)
    elif act == "exit":
        os._exit(3)
    elif act == "spin":
        while True:
            pass
    elif act == "hold":  # holds the interpreter's lock, as a busy loop in C does
        ctypes.PyDLL(None).sleep(1000)
    elif act == "garbage":
        for descriptor in range(3, 1024):
            try:
                os.write(descriptor, b"x" * 100)
            except OSError:
                pass
    elif act == "close":
        os.closerange(3, 1024)
    elif act == "fork":
        if os.fork() == 0:
            time.sleep(1000)
    elif act == "spawn":
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
        return str(child.pid)
    else:
        time.sleep(0.2)
    return "fine"

async def blocks(task):
    if task.prompt == "block":
        time.sleep(1000)
    await asyncio.sleep(0.1)
    return "fine"
'''


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "acting.py").write_text(SOURCE)
    return tmp_path


@pytest.fixture
def opened(folder):
    def make(name, *, workers=1, **options):
        return FunctionAgent(call=f"acting:{name}", folder=str(folder), **options).open(workers=workers)

    return make


@pytest.fixture(autouse=True)
def forget():
    yield
    sys.modules.pop("acting", None)


isolations = pytest.mark.parametrize("isolation", ["host", "none"])


@isolations
@pytest.mark.parametrize(
    ("options", "answer"),
    [
        ({"name": "echo"}, "italy 5"),
        ({"name": "upper", "takes": "prompt"}, "WHAT IS THE CAPITAL OF ITALY?"),
        ({"name": "waits"}, "done"),
    ],
)
def test_a_function_gets_what_it_asks_for(opened, task, workspace, isolation, options, answer):
    with opened(**options, isolation=isolation) as agent:
        assert agent.run(task(), workspace, seed=5).final == answer


@isolations
def test_a_transcript_comes_back_whole(opened, task, workspace, isolation):
    with opened("rich", isolation=isolation) as agent:
        transcript = agent.run(task(), workspace, seed=1)
    assert isinstance(transcript, Transcript)
    assert (transcript.final, transcript.usage.cost_usd) == ("\u2028", 0.5)


@isolations
def test_a_workspace_is_the_same_on_both_sides(opened, task, workspace, isolation):
    with opened("place", isolation=isolation) as agent:
        assert agent.run(task(), workspace, seed=1).final == workspace.location
    assert workspace.find("*") == ["left.txt"]


def test_a_folder_is_made_only_for_functions_that_use_it(opened, task):
    with LocalWorkspaces().fresh() as workspace, opened("echo") as agent:
        agent.run(task(), workspace, seed=1)
        assert not Path(workspace.folder).exists()


def test_a_host_has_a_process_a_folder_and_a_path_of_its_own(opened, task, workspace, folder):
    with opened("where") as agent:
        cwd, first, *_, pid = agent.run(task(), workspace, seed=1).final.split("\n")
    assert (cwd, first) == (str(folder), str(folder))
    assert int(pid) != os.getpid()


@pytest.mark.parametrize(
    ("name", "fault", "cause"),
    [("crash", AgentFault, "exception:ValueError"), ("stop", AgentFault, "exception:SystemExit")],
)
def test_a_host_survives_what_its_function_raises(opened, task, workspace, name, fault, cause):
    with opened(name) as agent:
        for _ in range(2):
            with pytest.raises(fault) as caught:
                agent.run(task(), workspace, seed=1)
            assert caught.value.cause == cause


def test_faults_of_others_keep_cause_and_pause(opened, task, workspace):
    with opened("busy") as agent, pytest.raises(Unmeasured) as caught:
        agent.run(task(), workspace, seed=1)
    assert (caught.value.cause, caught.value.detail, caught.value.retry_after) == ("status:429", "slow down", 3.5)


def test_an_interrupt_inside_measured_nothing(opened, task, workspace):
    with opened("interrupt") as agent, pytest.raises(Unmeasured, match="interrupted"):
        agent.run(task(), workspace, seed=1)


def test_an_agents_own_rules_hold_in_a_host(opened, task, workspace):
    rules = UnmeasuredRules(exceptions=("ValueError",))
    with opened("crash", unmeasured=rules) as agent, pytest.raises(Unmeasured, match="exception:ValueError"):
        agent.run(task(), workspace, seed=1)


def test_a_function_may_print_a_gigabyte_of_anything(opened, task, workspace):
    with opened("prints") as agent:
        assert agent.run(task(seconds=PATIENCE), workspace, seed=1).final == "quiet"


@pytest.mark.parametrize(("name", "cause"), [("huge", "limit:output"), ("odd", "answer:type")])
def test_an_answer_that_is_none_is_the_agents_fail(opened, task, workspace, name, cause):
    """Used to: the parent could not read it, ended the host, and tried again for ever."""
    with opened(name) as agent, pytest.raises(AgentFault) as caught:
        agent.run(task(), workspace, seed=1)
    assert caught.value.cause == cause


@isolations
def test_a_client_of_one_event_loop_stays_usable_from_trial_to_trial(opened, task, workspace, isolation):
    with opened("client", isolation=isolation) as agent:
        assert len({agent.run(task(), workspace, seed=1).final for _ in range(3)}) == 1


def test_async_trials_wait_side_by_side(opened, task, workspace):
    with opened("together", workers=8) as agent, ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda seed: agent.run(task(seconds=PATIENCE), workspace, seed=seed).final, range(8))
        assert list(answers) == ["done"] * 8


def verdicts(agent, task, *prompts):
    """Run these prompts side by side, each as a task of its own; displaced ones again, as a run does."""
    found: dict[str, str] = {}

    def one(index, prompt):
        mine = task(prompt, seconds=1.0)
        mine = type(mine)(
            **{**{name: getattr(mine, name) for name in mine.__struct_fields__}, "id": f"{prompt}-{index}"}
        )
        with LocalWorkspaces().fresh() as workspace:
            while True:
                try:
                    found[mine.id] = agent.run(mine, workspace, seed=1).final
                except Displaced:
                    continue
                except (AgentFault, LimitReached) as exc:
                    found[mine.id] = exc.cause
                return

    threads = [threading.Thread(target=one, args=each, daemon=True) for each in enumerate(prompts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    return [found.get(f"{prompt}-{index}") for index, prompt in enumerate(prompts)]


@pytest.mark.parametrize(
    ("act", "cause"),
    [
        ("segv", "signal:11"),
        ("exit", "exit:3"),
        ("spin", "limit:seconds"),
        ("hold", "limit:seconds"),
        ("garbage", "signal:9"),
    ],
)
def test_who_takes_a_host_down_is_blamed_and_its_neighbours_are_not(opened, task, act, cause):
    """Used to: whoever was late first was blamed for a neighbour that held the interpreter."""
    with opened("acts", workers=4) as agent:
        assert verdicts(agent, task, act, "", "", "") == [cause, "fine", "fine", "fine"]


def test_a_function_that_blocks_its_event_loop_is_blamed_and_its_neighbours_are_not(opened, task):
    with opened("blocks", workers=4) as agent:
        assert verdicts(agent, task, "block", "", "", "") == ["limit:seconds", "fine", "fine", "fine"]


def test_a_host_whose_pipes_are_closed_is_replaced(opened, task):
    with opened("acts", workers=1) as agent:
        [cause] = verdicts(agent, task, "close")
        assert cause != "fine"
        assert verdicts(agent, task, "") == ["fine"]


def test_a_task_that_was_too_slow_runs_alone_from_then_on(opened, task, workspace, monkeypatch):
    started = []
    monkeypatch.setattr(
        hosts, "Host", lambda *args, **options: started.append(1) or host_process.Host(*args, **options)
    )
    with opened("acts") as agent:
        for expected in (2, 3):  # the second in place of the first, the third beside it
            with pytest.raises(LimitReached):
                agent.run(task("spin", seconds=0.2), workspace, seed=1)
            with LocalWorkspaces().fresh() as other:
                agent.run(type(task())(id="other", prompt=""), other, seed=1)
            assert len(started) == expected


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone(pid):
    deadline = time.monotonic() + PATIENCE
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not alive(pid)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_what_a_function_starts_ends_with_its_host(opened, task, workspace):
    with opened("acts") as agent:
        pid = int(agent.run(task("spawn"), workspace, seed=1).final)
        assert alive(pid)
    assert gone(pid)


def test_a_function_that_forks_is_answered_for_once(opened, task, workspace):
    with opened("acts") as agent:
        assert agent.run(task("fork"), workspace, seed=1).final == "fine"
        assert agent.run(task(""), workspace, seed=1).final == "fine"


def descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts descriptors in /proc")
def test_hosts_leave_no_descriptors_threads_or_processes_behind(opened, task, workspace):
    def once():
        with opened("acts") as agent:
            with pytest.raises(AgentFault):
                agent.run(task("exit"), workspace, seed=1)
            agent.run(task(""), workspace, seed=1)

    once()
    deadline = time.monotonic() + PATIENCE
    before, threads = descriptors(), threading.active_count()
    for _ in range(3):
        once()
    while (descriptors() > before or threading.active_count() > threads) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert descriptors() <= before
    assert threading.active_count() <= threads


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("nowhere:f", "No module named 'nowhere'"),
        ("acting:nothing", "has no attribute 'nothing'"),
        ("broken:f", "SystemExit"),
    ],
)
def test_a_function_that_cannot_be_imported_is_named(folder, call, says):
    (folder / "broken.py").write_text("import sys\nsys.exit('not today')\n")
    agent = FunctionAgent(call=call, folder=str(folder))
    with pytest.raises(ConfigError, match=re.escape(says)), agent.open(workers=1):
        pass


def test_an_import_that_kills_its_process_is_named(folder):
    (folder / "broken.py").write_text("import os\nprint('bye', flush=True)\nos._exit(9)\n")
    agent = FunctionAgent(call="broken:f", folder=str(folder))
    with pytest.raises(ConfigError, match="ended before it was ready: bye"), agent.open(workers=1):
        pass


def test_an_import_that_hangs_is_named(folder, monkeypatch):
    monkeypatch.setattr(hosts, "START_SECONDS", 0.5)
    (folder / "broken.py").write_text("import time\ntime.sleep(1000)\n")
    agent = FunctionAgent(call="broken:f", folder=str(folder))
    with pytest.raises(ConfigError, match="its import hangs"), agent.open(workers=1):
        pass


@pytest.mark.parametrize("options", [{"python": "/nowhere/python"}, {"folder": "/nowhere"}])
def test_a_host_that_cannot_start_is_named(folder, options):
    """Used to: a traceback that called it a bug."""
    agent = FunctionAgent(**{"call": "acting:echo", "folder": str(folder), **options})
    with pytest.raises(ConfigError, match="cannot be started"), agent.open(workers=1):
        pass


def test_two_revisions_may_define_the_same_module_differently(tmp_path, task, workspace):
    answers = []
    for name in ("before", "after"):
        revision = tmp_path / name
        revision.mkdir()
        (revision / "acting.py").write_text("import parts\n\ndef answer(task):\n    return parts.NAME\n")
        (revision / "parts.py").write_text(f"NAME = {name!r}\n")
        with FunctionAgent(call="acting:answer", folder=str(revision)).open(workers=1) as agent:
            answers.append(agent.run(task(), workspace, seed=1).final)
    assert answers == ["before", "after"]


def test_in_this_process_two_revisions_of_a_module_are_refused(tmp_path):
    """Used to: the second revision was measured with the code of the first."""
    for name in ("before", "after"):
        revision = tmp_path / name
        revision.mkdir()
        (revision / "acting.py").write_text("def answer(task):\n    return ''\n")
    agents = [
        FunctionAgent(call="acting:answer", folder=str(tmp_path / name), isolation="none")
        for name in ("before", "after")
    ]
    with agents[0].open(workers=1):
        pass
    with pytest.raises(ConfigError, match="use `isolation: host`"), agents[1].open(workers=1):
        pass


@pytest.mark.parametrize("call", ["", "module", "a:b:c"])
def test_a_call_is_a_module_and_a_function(call):
    with pytest.raises(ConfigError, match="call must be 'module:function'"):
        build("agent", Extension(use="function", options={"call": call}))


def test_a_message_of_no_length_of_ours_is_refused(tmp_path):
    file = tmp_path / "pipe"
    file.write_bytes(b"x" * 100)
    with file.open("rb") as pipe, pytest.raises(ValueError, match="a message of"):
        wire.read_message(pipe)

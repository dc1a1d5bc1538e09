"""Task folders as harbor and terminal-bench write them, in real containers where the machine has an engine."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from evalharness.errors import ConfigError
from evalharness.graders.harbor import reward_in
from evalharness.model import Outcome, Transcript
from evalharness.running.judging import build_grader, graded
from evalharness.store import RunStore
from evalharness.suite import load_suite
from evalharness.tasksets.harbor import load
from evalharness.workspaces.task_container import TaskContainers
from tests.running import evalh

CHECK = """
if [ "$(cat /app/answer.txt)" = "$(cat /tests/wanted.txt)" ]; then echo 1; else echo 0; fi > /logs/verifier/reward.txt
"""


HEADING = 'echo "==== short test summary info ===="'


def put(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def harbor_task(folder, image="localhost/evalh-busybox", *, test=CHECK):
    put(
        folder,
        {
            "instruction.md": "Write the word of word.txt into /app/answer.txt.\n",
            "task.toml": '[metadata]\ndifficulty = "easy"\ncategory = "files"\ntags = ["a", "b"]\n'
            "[agent]\ntimeout_sec = 30.0\n[verifier]\ntimeout_sec = 20.0\n",
            "environment/Dockerfile": f"FROM {image}\nWORKDIR /app\nCOPY word.txt /app/word.txt\n",
            "environment/word.txt": "heron\n",
            "tests/test.sh": test,
            "tests/wanted.txt": "heron\n",
            "solution/solve.sh": "cat word.txt > /app/answer.txt\n",
        },
    )


def says(folder, text):
    (folder / "task.toml").write_text(f"{text}\n")


def terminal_task(folder, image="localhost/evalh-busybox"):
    put(
        folder,
        {
            "task.yaml": "instruction: |-\n  Make /srv/done.\ndifficulty: hard\nmax_agent_timeout_sec: 40\n",
            "Dockerfile": f"FROM {image}\nWORKDIR /srv\n",
            "run-tests.sh": "sh $TEST_DIR/outputs.sh\ntrue\n",
            "tests/outputs.sh": f"{HEADING}\ntest -f /srv/done && echo PASSED a.py::b || echo FAILED a.py::b - no\n",
            "solution.sh": "touch done\n",
        },
    )


def suite(folder):
    (folder / "suite.yaml").write_text(
        "tasks: {use: 'evalharness.tasksets.harbor:load', options: {path: tasks}}\nworkspace: {use: task_container}\n"
    )
    return folder / "suite.yaml"


def test_both_forms_become_tasks_with_their_own_tests_limits_and_tags(tmp_path):
    harbor_task(tmp_path / "tasks" / "word")
    terminal_task(tmp_path / "tasks" / "done")
    done, word = load_suite(suite(tmp_path)).tasks
    assert (word.prompt, word.limits.seconds) == ("Write the word of word.txt into /app/answer.txt.", 30)
    assert word.tags == ("difficulty:easy", "category:files", "tag:a", "tag:b")
    assert word.fields["environment"]["dockerfile"] == "tasks/word/environment/Dockerfile"
    assert (done.prompt, done.limits.seconds, done.tags) == ("Make /srv/done.", 40, ("difficulty:hard",))
    assert {task.graders[0].options["reward"] for task in (word, done)} == {"file", "pytest"}
    assert "wanted" not in json.dumps([word.fields, done.fields])


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('env = {A = "x\\ny"}', "cannot hold line breaks"),
        ('env = {"A B" = "x"}', "'A B': engines cannot be told this name"),
        ("memory_mb = -5", "memory: '-5m' is no size"),
        ("cpus = -1", "cpus: -1 is not above 0"),
        ('cpus = "many"', "many"),
    ],
)
def test_an_environment_that_no_container_can_have_is_refused_before_the_run(tmp_path, line, said):
    harbor_task(tmp_path / "tasks" / "word")
    says(tmp_path / "tasks" / "word", f"[environment]\n{line}")
    with pytest.raises(ConfigError, match="word: ") as caught:
        load("tasks", folder=tmp_path)
    assert said in str(caught.value)


def test_a_change_of_environment_or_tests_changes_the_task_and_a_change_of_place_does_not(tmp_path):
    for name in ("one", "two"):
        harbor_task(tmp_path / name / "tasks" / "word")
    one, two = (load("tasks", folder=tmp_path / name) for name in ("one", "two"))
    assert one == two
    (tmp_path / "two" / "tasks" / "word" / "tests" / "wanted.txt").write_text("egret\n")
    assert load("tasks", folder=tmp_path / "two")[0]["graders"] != one[0]["graders"]
    (tmp_path / "one" / "tasks" / "word" / "environment" / "word.txt").write_text("egret\n")
    assert load("tasks", folder=tmp_path / "one")[0]["environment"] != one[0]["environment"]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda task: (task / "task.toml").write_text("= ="), "is no task of harbor"),
        (lambda task: (task / "instruction.md").unlink(), "is no task of harbor"),
        (lambda task: (task / "environment" / "Dockerfile").unlink(), "has no environment/Dockerfile"),
        (lambda task: (task / "tests").rename(task / "checks"), "has no folder of tests"),
        (lambda task: task.rename(task.parent.parent / "elsewhere"), "holds no task folders"),
        (lambda task: says(task, '[[steps]]\nname = "one"'), "has several steps"),
        (lambda task: says(task, "[verifier.environment]\ncpus = 1"), "want a container of their own"),
        (lambda task: says(task, '[environment]\nos = "windows"'), "another system than Linux"),
        (lambda task: says(task, '[environment]\nnetwork_mode = "allowlist"'), "a network of some hosts"),
        (lambda task: says(task, '[agent]\nnetwork_mode = "no-network"'), "want different networks"),
        (lambda task: says(task, '[verifier]\nuser = "judge"'), "want another user"),
        (lambda task: says(task, '[environment.healthcheck]\ncommand = "true"'), "waits for a service"),
        (lambda task: says(task, "[environment]\ngpus = 1"), "wants a GPU"),
        (lambda task: put(task, {"environment/Dockerfile": "FROM a\nUSER agent\n"}), "its user is agent"),
    ],
)
def test_a_folder_that_is_no_task_is_named(tmp_path, spoil, said):
    harbor_task(tmp_path / "tasks" / "word")
    spoil(tmp_path / "tasks" / "word")
    with pytest.raises(ConfigError, match=said):
        load("tasks", folder=tmp_path)


def test_a_user_of_an_earlier_stage_or_root_is_no_fault(tmp_path):
    harbor_task(tmp_path / "tasks" / "word")
    for text in ("FROM a AS b\nUSER agent\nFROM b2\n", "FROM a\nUSER agent\nRUN x\nUSER root\n", "FROM a\nuser 0\n"):
        put(tmp_path / "tasks" / "word", {"environment/Dockerfile": text})
        assert len(load("tasks", folder=tmp_path)) == 1


DETAILS = """
[environment]
memory_mb = 512
cpus = 1
network_mode = "no-network"
[verifier]
env = {WANTED = "${A_WORD_OF_THE_HOST}", OTHER = "plain"}
"""
ECHO = 'if [ "$WANTED-$OTHER" = "heron-plain" ]; then echo 1; else echo 0.5; fi > /logs/verifier/reward.txt'


def test_what_a_task_says_of_its_container_and_tests_is_kept(tmp_path):
    harbor_task(tmp_path / "tasks" / "word")
    (tmp_path / "tasks" / "word" / "task.toml").write_text(DETAILS)
    (task,) = load_suite(suite(tmp_path)).tasks
    made = TaskContainers(network="allow", folder=str(tmp_path)).for_task(task)
    assert (made.memory, made.cpus, made.network) == ("512m", 1, "none")
    assert task.limits.seconds == 600
    (tmp_path / "tasks" / "word" / "task.toml").write_text('[verifier]\nenvironment_mode = "separate"\n')
    with pytest.raises(ConfigError, match="want a container of their own"):
        load_suite(tmp_path / "suite.yaml")


def test_tests_are_told_their_variables_and_give_half_a_reward(tmp_path, image, monkeypatch):
    harbor_task(tmp_path / "tasks" / "word", test=ECHO)
    (tmp_path / "tasks" / "word" / "task.toml").write_text(DETAILS.replace("cpus = 1\n", ""))
    monkeypatch.setenv("A_WORD_OF_THE_HOST", "egret")
    half, _ = outcomes(tmp_path, NOTHING, "half")
    assert (half["word"].outcome, half["word"].score) == (Outcome.FAIL, 0.5)
    monkeypatch.setenv("A_WORD_OF_THE_HOST", "heron")
    whole, _ = outcomes(tmp_path, NOTHING, "whole")
    assert whole["word"].outcome is Outcome.PASS


def test_missing_folders_are_one_line(tmp_path, monkeypatch):
    monkeypatch.delenv("EVALH_DATA", raising=False)
    with pytest.raises(ConfigError, match="task folders are missing: no "):
        load("tasks", folder=tmp_path)


@pytest.mark.parametrize("options", [{"image": "a"}, {"dockerfile": "a"}, {"setup": "a"}])
def test_what_tasks_say_is_not_said_for_all(options):
    with pytest.raises(ValueError, match="are said by the tasks"):
        TaskContainers(**options)


SOLVE = {"use": "evalharness.tasksets.harbor:Solution"}
NOTHING = {"use": "scripted", "options": {"answers": {"*": "done"}}}


def outcomes(folder, agent, name):
    (folder / f"{name}.yaml").write_text(json.dumps(agent))
    options = ["--agent", f"{name}.yaml", "--out", name, "--attempts", 1, "--workers", 2]
    done = evalh("run", suite(folder), *options, cwd=folder)
    return {record.task_id: record for record in RunStore(folder / name).records()}, done


def test_solutions_pass_and_idleness_fails(tmp_path, image):
    harbor_task(tmp_path / "tasks" / "word")
    terminal_task(tmp_path / "tasks" / "done")
    solved, done = outcomes(tmp_path, SOLVE, "solved")
    assert {name: record.outcome for name, record in solved.items()} == {
        "word": Outcome.PASS,
        "done": Outcome.PASS,
    }, (done.stderr, solved)
    idle, _ = outcomes(tmp_path, NOTHING, "idle")
    assert (idle["word"].outcome, idle["done"].outcome) == (Outcome.FAIL, Outcome.FAIL)
    assert idle["word"].grades[0].reason.startswith("reward 0")


@pytest.mark.parametrize(
    ("left", "expected"),  # as harbor 0.24 read the same files
    [
        (b"reward.txt\n1\n", 1),
        (b"reward.txt\n+1.\n", 1),  # as Python reads numbers
        (b"reward.txt\n.5", 0.5),
        (b'reward.json\n{"reward": 1, "style": 0}', 1),
        (b'reward.json\n{"speed": 1, "style": 0.25}', 0.25),  # both have to be full
        (b"reward.json\n0.5", 0.5),
        (b"reward.json\n{}", None),
        (b"reward.json\n[1]", None),
        (b'reward.json\n{"reward": "1"}', None),
        (b'reward.json\n{"reward": 1, "style": NaN}', None),  # VerifierOutputParseError, as the next three
        (b"reward.json\n1e999", None),
        (b"reward.txt\nnan", None),
        (b"reward.txt\npassed", None),
        (b"reward.txt\n", None),  # RewardFileEmptyError
        (b"reward.txt", None),  # a folder of that name
        (b"", None),  # RewardFileNotFoundError
    ],
)
def test_a_reward_is_read_as_harbor_reads_it(left, expected):
    assert reward_in(left) == expected


LEFT = {
    "echo now; exit 3": ("fail", 0, "no reward: the tests left none; exit code 3: now"),
    "mkdir /logs/verifier/reward.txt": ("fail", 0, "no reward: the tests left 'reward.txt'"),
    "echo 0 > /logs/verifier/reward.txt; echo 1 > /logs/verifier/reward.json": ("pass", 1, ""),  # JSON goes first
    "#!/bin/cat\necho 1 > /logs/verifier/reward.txt": ("fail", 0, "no reward"),  # its first line says what runs it
}


def judged(folder, workspace, test):
    """Judge a workspace by a task whose tests are these."""
    harbor_task(folder / "tasks" / "word", test=test)
    (task,) = load_suite(suite(folder)).tasks
    return graded(task, Transcript(final=""), workspace, tuple(map(build_grader, task.graders)))


def containers(folder):
    """The containers of the one task there is."""
    harbor_task(folder / "tasks" / "word")
    (task,) = load_suite(suite(folder)).tasks
    return TaskContainers(network="none", folder=str(folder)).for_task(task)


@pytest.mark.usefixtures("image")
def test_tests_that_leave_no_reward_are_a_fail_with_what_they_left(tmp_path):
    with containers(tmp_path).fresh() as workspace:
        for test, expected in LEFT.items():
            found = judged(tmp_path, workspace, f"{test}\n")
            assert (found.outcome, found.score) == expected[:2], (test, found)
            assert found.grades[0].reason.startswith(expected[2]), test


DETAILED = """
[environment]
workdir = "/srv/deep"
[environment.env]
PLACE = "${NOWHERE_ON_THIS_HOST:-/srv/deep/answer.txt}"
[solution.env]
WORD = "heron"
"""


def test_a_task_says_where_it_works_and_what_its_container_and_its_solution_are_told(tmp_path, image):
    check = 'if [ "$(cat $PLACE)" = heron ]; then echo 1; else echo 0; fi > /logs/verifier/reward.txt'
    harbor_task(tmp_path / "tasks" / "word", test=check)
    put(
        tmp_path / "tasks" / "word",
        {
            "task.toml": DETAILED,
            "environment/Dockerfile": "FROM localhost/evalh-busybox\nRUN mkdir -p /srv/deep\nWORKDIR /app\n",
            "solution/solve.sh": ". /solution/part.sh\n",  # by the name that harbor gives the folder
            "solution/part.sh": "echo $WORD > answer.txt\n",
        },
    )
    found, done = outcomes(tmp_path, SOLVE, "solved")
    assert found["word"].outcome is Outcome.PASS, (found, done.stderr)


SUMMARIES = {  # as terminal-bench 0.2.18 judged them
    f"{HEADING}; echo PASSED a::b; exit 1": "pass",
    f"{HEADING}; echo PASSED a::b; echo FAILED a::c - no; exit 0": "fail",
    f"{HEADING}; echo 'SKIPPED [1] a.py:3: why'; echo XFAIL a::b": "pass",
    f"{HEADING}; echo 'PASSED a::b'; echo 'ERROR a::c'": "fail",
    f"echo PASSED a::b; {HEADING}; echo FAILED a::b": "fail",
    "echo PASSED a::b; exit 0": "fail",  # parse_error: no summary
    "true": "fail",
}


@pytest.mark.usefixtures("image")
def test_tests_of_terminal_bench_are_judged_by_the_summary_that_pytest_prints(tmp_path):
    terminal_task(tmp_path / "tasks" / "done", "localhost/evalh-busybox")
    (task,) = load_suite(suite(tmp_path)).tasks
    grader = build_grader(task.graders[0])
    with TaskContainers(network="none", folder=str(tmp_path)).for_task(task).fresh() as workspace:
        for script, outcome in SUMMARIES.items():
            put(tmp_path / "tasks" / "done", {"run-tests.sh": f"{script}\n"})
            found = graded(task, Transcript(final=""), workspace, (grader,))
            assert found.outcome == outcome, (script, found)


@pytest.mark.parametrize(
    ("line", "said"), [("parser_name: swebench", "read by 'swebench'"), ("run_tests_in_same_shell: true", "own shell")]
)
def test_a_task_of_terminal_bench_that_is_judged_otherwise_is_refused(tmp_path, line, said):
    terminal_task(tmp_path / "tasks" / "done")
    file = tmp_path / "tasks" / "done" / "task.yaml"
    file.write_text(file.read_text() + f"{line}\n")
    with pytest.raises(ConfigError, match=said):
        load("tasks", folder=tmp_path)


def test_a_variable_that_the_host_lacks_measures_nothing_and_is_named(tmp_path, image):
    harbor_task(tmp_path / "tasks" / "word")
    (tmp_path / "tasks" / "word" / "task.toml").write_text('[verifier.env]\nKEY = "${NOWHERE_ON_THIS_HOST}"\n')
    found, _ = outcomes(tmp_path, SOLVE, "solved")
    assert (found["word"].outcome, found["word"].cause) == (Outcome.ERROR, "harbor:variable")
    assert "NOWHERE_ON_THIS_HOST" in found["word"].detail


SABOTAGE = {
    "removes the programs": "rm -rf /bin",
    "makes its shell mute": "rm /bin/sh; ln -s /bin/true /bin/sh",
    "makes the workspace a file": "cd /; rm -rf /workspace; echo x > /workspace",
    "makes the workspace a link": "cd /; rm -rf /workspace; ln -s /nowhere /workspace",
    "puts a file where rewards go": "rm -rf /logs; echo x > /logs",
    "puts a link where tests go": "ln -s /nowhere /tests",
    "ends it as if it were killed": "rm /bin/sleep; printf '#!/bin/sh\\nexit 137\\n' > /bin/sleep; chmod +x /bin/sleep",
    "kills whatever it can": "kill -9 -1; kill -9 1",
}


@pytest.mark.usefixtures("image")
@pytest.mark.parametrize("what", SABOTAGE)
def test_an_agent_that_breaks_its_container_fails_and_is_never_missing(tmp_path, what):
    with containers(tmp_path).fresh() as workspace:
        for line in (SABOTAGE[what], "true"):
            with suppress(FileNotFoundError):  # the second line, where there is no shell any more
                workspace.run(["sh", "-c", line], timeout=20)
        found = judged(tmp_path, workspace, CHECK)
    assert (found.outcome, found.cause) == (Outcome.FAIL, None), found
    assert found.grades[0].reason


@pytest.mark.usefixtures("image")
def test_a_container_that_is_taken_away_before_its_tests_measures_nothing(tmp_path, container_engine):
    with containers(tmp_path).fresh() as workspace:
        workspace.run(["true"], timeout=20)
        container_engine.call("rm", "--force", workspace.name)
        found = judged(tmp_path, workspace, CHECK)
    assert (found.outcome, found.cause) == (Outcome.ERROR, "container_lost")


@pytest.mark.usefixtures("image")
def test_a_container_that_is_killed_from_outside_measures_nothing(tmp_path, container_engine):
    with containers(tmp_path).fresh() as workspace, ThreadPoolExecutor(1) as pool:
        workspace.run(["touch", "/usr/a"], timeout=20)
        running = pool.submit(judged, tmp_path, workspace, "touch /workspace/begun; sleep 30\n")
        while not workspace.find("begun"):
            time.sleep(0.2)
        container_engine.call("kill", workspace.name)
        found = running.result()
    assert (found.outcome, found.cause) == (Outcome.ERROR, "container_lost")


FORGER = """
def answer(task, workspace):
    line = "mkdir -p /logs/verifier /tests; echo 1 > /logs/verifier/reward.txt; echo > /tests/wanted.txt"
    line += "; ls -R / | grep -c wanted.txt"
    return workspace.run(["sh", "-c", line], timeout=20).stdout.decode()
"""


def test_an_agent_sees_no_tests_and_a_reward_that_it_writes_itself_counts_for_nothing(tmp_path, image):
    harbor_task(tmp_path / "tasks" / "word")
    (tmp_path / "forging.py").write_text(FORGER)
    records, _ = outcomes(tmp_path, {"use": "function", "options": {"call": "forging:answer"}}, "forged")
    assert records["word"].outcome is Outcome.FAIL
    assert RunStore(tmp_path / "forged").transcript(records["word"]).final.strip() == "1"  # its own


def test_a_run_is_judged_again_in_the_containers_of_its_tasks(tmp_path, image):
    harbor_task(tmp_path / "tasks" / "word")
    (tmp_path / "suite.yaml").write_text(suite(tmp_path).read_text() + "artifacts: [answer.txt]\n")
    (tmp_path / "solve.yaml").write_text(json.dumps(SOLVE))
    evalh("run", "suite.yaml", "--agent", "solve.yaml", "--out", "run", cwd=tmp_path)
    done = evalh("grade", "run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "1 of 1" in done.stdout + done.stderr

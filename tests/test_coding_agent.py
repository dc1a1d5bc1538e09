"""The example of a coding agent, with a real server that says what a model might."""

import importlib.util
import json
from pathlib import Path

import pytest

from evalharness.errors import ConfigError
from evalharness.model import Outcome, ToolCall, Transcript
from evalharness.registry import build
from evalharness.store import RunStore
from evalharness.suite import load_suite
from evalharness.workspaces import bubblewrap
from evalharness.workspaces.local import LocalWorkspace
from tests.coding_solutions import SOLUTIONS
from tests.running import ROOT, evalh
from tests.servers import Reply, serving

EXAMPLE = ROOT / "examples" / "coding-agent"
SUITE = load_suite(EXAMPLE / "suite.yaml")
NAMES = {task.prompt: task.id for task in SUITE.tasks}

pytestmark = pytest.mark.skipif(bubblewrap.missing() is not None, reason=str(bubblewrap.missing()))


def step(*calls, text=""):
    """Answer as a provider does; a call is a tool's name with its arguments."""
    made = [
        {
            "id": f"call_{number}",
            "type": "function",
            "function": {"name": name, "arguments": given if isinstance(given, str) else json.dumps(given)},
        }
        for number, (name, given) in enumerate(calls)
    ]
    message = {"role": "assistant", "content": text, **({"tool_calls": made} if made else {})}
    return Reply.json(
        {
            "id": "1",
            "object": "chat.completion",
            "created": 1,
            "model": "scripted-1",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
        }
    )


def written(files):
    return step(*(("write_file", {"path": path, "content": content}) for path, content in files.items()))


DONE = step(text="Done.")


class Model:
    """Says its steps in turn, in every conversation; the last one again and again."""

    def __init__(self, scripts):
        self.scripts = scripts

    def __call__(self, asked):
        messages = asked.json()["messages"]
        script = self.scripts[NAMES[messages[1]["content"]]]
        said = sum(message["role"] == "assistant" for message in messages)
        return script[min(said, len(script) - 1)]


def run(folder, scripts, *, settings=None, more=()):
    """Run the example on a script; return its records and transcripts by task."""
    agent = folder / "agent"
    agent.mkdir()
    for file in EXAMPLE.glob("*"):
        if file.is_file():
            (agent / file.name).write_bytes(file.read_bytes())
    if settings:
        known = json.loads((agent / "settings.json").read_text())
        (agent / "settings.json").write_text(json.dumps({**known, **settings}))
    chosen = [word for name in scripts for word in ("--task", name)]
    with serving(answer=Model(scripts)) as server:
        env = {"OPENAI_API_KEY": "nothing-secret", "OPENAI_API_BASE": f"{server.url}/v1"}
        options = [
            "--agent",
            agent / "agent.yaml",
            "--trials",
            1,
            "--workers",
            2,
            "--out",
            folder / "run",
            *chosen,
            *more,
        ]
        done = evalh("run", EXAMPLE / "suite.yaml", *options, cwd=folder, env=env)
    store = RunStore(folder / "run")
    records = {record.task_id: record for record in store.records()}
    found = {name: store.transcript(record) for name, record in records.items() if record.transcript}
    return done, records, found


def workspace():
    return build("workspace", SUITE.workspace).fresh()


def judged(task, place):
    return build("grader", task.graders[0]).grade(task, Transcript(final=""), place)


def ready(task, place):
    for path, source in task.files.items():
        place.upload(Path(source), path)


@pytest.mark.parametrize("task", SUITE.tasks, ids=lambda task: task.id)
def test_a_task_that_nobody_touched_fails_and_a_right_solution_passes(task):
    with workspace() as place:
        ready(task, place)
        assert not judged(task, place).passed
        for path, content in SOLUTIONS[task.id].items():
            place.write(path, content.encode())
        grade = judged(task, place)
        assert grade.passed, grade.reason


@pytest.mark.parametrize("task", SUITE.tasks, ids=lambda task: task.id)
def test_hidden_tests_are_no_file_that_the_agent_sees(task):
    assert not [source for source in task.files.values() if "hidden" in source]
    assert "hidden" not in task.prompt


def test_what_an_agent_leaves_cannot_stand_in_for_the_tests_tools():
    task = next(task for task in SUITE.tasks if task.id == "roman")
    with workspace() as place:
        ready(task, place)
        place.write("unittest.py", b"def main():\n    pass\nclass TestCase:\n    pass\n")
        place.write("roman.py", b"from_roman = to_roman = int\n")
        assert not judged(task, place).passed


@pytest.fixture(scope="module")
def solved(tmp_path_factory):
    """All tasks, each by looking, writing and saying so."""
    scripts = {name: [step(("list_files", {})), written(files), DONE] for name, files in SOLUTIONS.items()}
    return run(tmp_path_factory.mktemp("solved"), scripts)


def test_a_model_that_writes_right_files_passes_every_task(solved):
    done, records, _ = solved
    assert done.returncode == 0, done.stderr
    assert {name: record.outcome for name, record in records.items()} == dict.fromkeys(SOLUTIONS, Outcome.PASS)


def test_the_transcript_holds_calls_results_and_usage(solved):
    _, records, transcripts = solved
    said = transcripts["slug"]
    assert [message.role for message in said.messages] == [
        "system",
        "user",
        "assistant",
        "tool",
        "assistant",
        "tool",
        "assistant",
    ]
    assert said.messages[2].tool_calls[0].name == "list_files"
    assert said.messages[3].content == "slug.py\ntest_slug.py"
    assert (said.final, said.model) == ("Done.", "scripted-1")
    usage = records["slug"].usage
    assert (usage.input_tokens, usage.output_tokens, usage.model_calls) == (300, 30, 3)


WRONG = {"slug.py": "def slug(title):\n    return title\n"}
ODD = [
    ("fly", {}),
    ("read_file", "{no json"),
    ("read_file", {"path": "missing.py"}),
    ("read_file", {"path": "../../etc/passwd"}),
    ("read_file", {"file": "intervals.py"}),
    ("read_file", "[1]"),
    ("write_file", {"path": "/etc/x", "content": "x"}),
    ("write_file", {"path": "x", "content": 5}),
    ("replace", {"path": "intervals.py", "old": "e", "new": "x"}),
    ("run", {"command": "cat intervals.py | head -1; exit 3"}),
    ("run", {"command": "yes"}),
]


@pytest.fixture(scope="module")
def troubled(tmp_path_factory):
    """Each task in a trouble of its own."""
    scripts = {
        "slug": [written(WRONG), DONE, written(SOLUTIONS["slug"]), DONE],
        "intervals": [step(*ODD), written(SOLUTIONS["intervals"]), DONE],
        "roman": [DONE],
        "totals": [Reply.json({"error": {"message": "down"}}, status=500)],
    }
    return run(tmp_path_factory.mktemp("troubled"), scripts, settings={"steps": 5}, more=("--attempts", 1))


def test_a_model_that_says_it_is_done_too_early_is_shown_the_tests(troubled):
    _, records, transcripts = troubled
    assert records["slug"].outcome is Outcome.PASS
    told = [message.content for message in transcripts["slug"].messages if message.role == "user"]
    assert len(told) == 2
    assert told[1].startswith("The tests do not pass yet")
    assert "FAILED (failures=2)" in told[1]


def test_a_model_that_gets_nowhere_ends_with_its_steps(troubled):
    _, records, transcripts = troubled
    assert records["roman"].outcome is Outcome.FAIL
    assert records["roman"].usage.model_calls == 5
    assert transcripts["roman"].final == "gave up after 5 steps"


def test_whatever_goes_wrong_with_a_call_is_told_to_the_model(troubled):
    _, records, transcripts = troubled
    assert records["intervals"].outcome is Outcome.PASS, records["intervals"]
    told = [message.content for message in transcripts["intervals"].messages if message.role == "tool"][: len(ODD)]
    assert [text.startswith("error: ") for text in told] == [True] * 9 + [False] * 2
    assert told[0].startswith("error: there is no tool 'fly'; there are list_files")
    assert told[9].endswith("[exit code 3]")
    assert told[10].endswith("[stopped: output]")
    assert len(told[10]) < 9000


def test_a_provider_that_is_down_measures_nothing(troubled):
    _, records, _ = troubled
    assert records["totals"].outcome is Outcome.ERROR
    assert records["totals"].cause == "status:500"


def test_a_model_without_tools_writes_its_calls_as_json(tmp_path):
    calls = [
        {"tool": "write_file", "arguments": {"path": path, "content": text}} for path, text in SOLUTIONS["slug"].items()
    ]
    script = [step(text=json.dumps(each)) for each in (*calls, {"done": "It is."})]
    _, records, transcripts = run(tmp_path, {"slug": script}, settings={"calls": "json"})
    assert records["slug"].outcome is Outcome.PASS
    assert transcripts["slug"].messages[2].tool_calls[0].name == "write_file"


def test_it_runs_nothing_of_a_model_without_walls(tmp_path):
    spec = importlib.util.spec_from_file_location("tools_of_the_coding_agent", EXAMPLE / "tools.py")
    tools = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tools)
    call = ToolCall(name="run", arguments={"command": "touch here"})
    with pytest.raises(ConfigError, match="give the suite `workspace"):
        tools.use(LocalWorkspace(folder=str(tmp_path)), call)
    assert not list(tmp_path.iterdir())

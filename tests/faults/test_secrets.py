import base64
import json
from pathlib import Path

import pytest
import zstandard

from tests.running import environment, evalh_process, write_agent, write_suite

SECRET = 'sk-live-0123"quoted"\\ünïcode/end'
SPELLINGS = [
    SECRET.encode(),
    json.dumps(SECRET)[1:-1].encode(),
    json.dumps(SECRET, ensure_ascii=False)[1:-1].encode(),
    base64.b64encode(SECRET.encode()).rstrip(b"=")[:-2],
    base64.b64encode(b"user:" + SECRET.encode()).rstrip(b"=")[8:-2],
    base64.urlsafe_b64encode(SECRET.encode()).rstrip(b"=")[:-2],
]
SOURCE = """
import base64, os
from evalharness.errors import AgentFault, Unmeasured
from evalharness.model import Message, ToolCall, Transcript

SECRET = os.environ["SOME_API_KEY"]

def answer(task, workspace):
    encoded = base64.b64encode(b"user:" + SECRET.encode()).decode()
    print(SECRET)
    workspace.write("kept.txt", (SECRET + encoded).encode())
    if task.id == "t1":
        raise Unmeasured("status:" + SECRET, "x" * 480 + SECRET)
    if task.id == "t2":
        raise ValueError(SECRET + encoded)
    call = ToolCall(name=SECRET, arguments={SECRET: [encoded]}, id=SECRET)
    said = Message(role="assistant", content=SECRET + encoded, tool_calls=(call,))
    return Transcript(final=SECRET, messages=(said,), model=SECRET, logs=encoded)
"""


@pytest.mark.parametrize("isolation", ["host", "none"])
def test_no_secret_reaches_any_file_or_any_output(tmp_path, isolation):
    write_suite(tmp_path, more='artifacts: ["*.txt"]\n')
    write_agent(tmp_path, SOURCE, isolation=isolation)
    agent = json.loads((tmp_path / "agent.yaml").read_text())
    agent["version"] = SECRET  # what a shell fills in
    (tmp_path / "agent.yaml").write_text(json.dumps(agent))
    env = environment(SOME_API_KEY=SECRET)
    outputs = []
    for arguments in (
        ["run", "suite.yaml", "-a", "agent.yaml", "-o", "run", "--attempts", "1"],
        ["run", "run", "--attempts", "1"],
        ["show", "run", "--task", "t0"],
        ["show", "run", "--json"],
        ["compare", "run", "run", "--report", "r.md", "--report", "r.json"],
    ):
        done = evalh_process(*arguments, cwd=tmp_path, env=env)
        assert "Traceback" not in done.stderr
        outputs.append(done.stdout.encode() + (done.stderr.encode() if isolation == "host" else b""))
    files = [file for folder in ("run",) for file in sorted((tmp_path / folder).rglob("*")) if file.is_file()]
    contents = {str(file): file.read_bytes() for file in [*files, tmp_path / "r.md", tmp_path / "r.json"]}
    for name in [each for each in contents if each.endswith(".zst")]:
        with Path(name).open("rb") as file:
            contents[f"{name} unpacked"] = (
                zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True).read()
            )
    assert any(name.endswith("kept.txt") for name in contents)
    assert any(b"[redacted]" in content for name, content in contents.items() if "unpacked" in name)
    for name, content in [*contents.items(), *((f"output {index}", each) for index, each in enumerate(outputs))]:
        for spelling in SPELLINGS:
            assert spelling not in content, name
        assert b"0123" not in content or b"sk-live" not in content, name  # no part of it either


def test_errors_are_printed_without_secrets(tmp_path):
    write_suite(tmp_path)
    write_agent(tmp_path, "import os\nraise RuntimeError(os.environ['SOME_TOKEN'])\n")
    done = evalh_process("run", "suite.yaml", "-a", "agent.yaml", cwd=tmp_path, env=environment(SOME_TOKEN=SECRET))
    assert done.returncode == 2
    assert "[redacted]" in done.stderr
    assert "sk-live" not in done.stderr

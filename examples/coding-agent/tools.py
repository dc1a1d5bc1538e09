"""What the model can do in its workspace. Whatever goes wrong is told to the model, which can try something else."""

import json
from collections.abc import Callable
from typing import Any

from evalharness.errors import ConfigError
from evalharness.model import ToolCall
from evalharness.workspaces import Completed, Walled, Workspace

LONGEST = 8000  # characters of a result that the model is shown
SECONDS = 60.0

TEXT = {"type": "string"}
PATH = {"type": "string", "description": "Relative to the folder."}


def schema(name: str, description: str, **parameters: dict[str, str]) -> dict[str, Any]:
    """Write a tool as providers take it; every parameter is required."""
    shape = {"type": "object", "properties": parameters, "required": [*parameters], "additionalProperties": False}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": shape}}


SCHEMAS = [
    schema("list_files", "List all files of the folder."),
    schema("read_file", "Read a text file.", path=PATH),
    schema("write_file", "Write a file, with all of its new content.", path=PATH, content=TEXT),
    schema("replace", "Replace a text that occurs exactly once in a file.", path=PATH, old=TEXT, new=TEXT),
    schema("run", "Run a line for sh in the folder, for at most a minute.", command=TEXT),
]


def use(workspace: Workspace, call: ToolCall) -> str:
    """Carry out a call and say what came of it."""
    tool = TOOLS.get(call.name)
    if tool is None:
        return f"error: there is no tool {call.name!r}; there are {', '.join(TOOLS)}"
    try:
        return shortened(tool(workspace, **_arguments(call)))
    except (OSError, TypeError, ValueError) as exc:
        said = getattr(exc, "strerror", None) or exc  # without the path, which is the host's
        return f"error: {type(exc).__name__}: {said}"


def _arguments(call: ToolCall) -> dict[str, str]:
    """Read the arguments, which providers hand over as the model wrote them."""
    found = json.loads(call.arguments or "{}") if isinstance(call.arguments, str | None) else call.arguments
    if not isinstance(found, dict) or not all(isinstance(each, str) for each in found.values()):
        raise TypeError("the arguments must be an object of texts")
    return found


def ran(workspace: Workspace, command: str) -> Completed:
    """Run a line for sh, behind walls only: a model chose it."""
    if not isinstance(workspace, Walled):
        raise ConfigError("this agent runs what a model says: give the suite `workspace: {use: sandbox}`")
    return workspace.run(["sh", "-c", command], timeout=SECONDS)


def shortened(text: str) -> str:
    """Leave the middle of a long text out."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]}\n[...]\n{text[-LONGEST // 2 :]}"


def list_files(workspace: Workspace) -> str:
    """List all files."""
    return "\n".join(name for name in workspace.find("**/*") if "__pycache__" not in name) or "no files"


def read_file(workspace: Workspace, path: str) -> str:
    """Read a file as text."""
    return workspace.read(path).decode("utf-8", "replace")


def write_file(workspace: Workspace, path: str, content: str) -> str:
    """Write a file."""
    workspace.write(path, content.encode())
    return "written"


def replace(workspace: Workspace, path: str, old: str, new: str) -> str:
    """Replace a text that occurs once."""
    text = workspace.read(path).decode()
    if text.count(old) != 1:
        raise ValueError(f"the old text occurs {text.count(old)} times in {path}, not once")
    return write_file(workspace, path, text.replace(old, new))


def run(workspace: Workspace, command: str) -> str:
    """Run a command and tell its output."""
    ended = ran(workspace, command)
    said = (ended.stdout + ended.stderr).decode("utf-8", "replace")
    return f"{said}\n[{f'stopped: {ended.stopped}' if ended.stopped else f'exit code {ended.exit_code}'}]"


TOOLS: dict[str, Callable[..., str]] = {
    each.__name__: each for each in (list_files, read_file, write_file, replace, run)
}

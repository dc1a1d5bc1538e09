"""Agents made from promptfoo's providers: each fills its template in and asks code or a program of yours."""

import importlib.util
import json
import shlex
import subprocess
import sys
import threading
from pathlib import Path

from jinja2.sandbox import ImmutableSandboxedEnvironment

FOLDER = Path(__file__).resolve().parent
_LOCK, _LOADED = threading.Lock(), {}
_TEMPLATES = ImmutableSandboxedEnvironment(autoescape=False, keep_trailing_newline=True)


def _asked(template, task):
    return _TEMPLATES.from_string(template).render({**task.fields, "prompt": task.prompt})


def echo(template):
    """Answer with the prompt itself."""
    return lambda task: _asked(template, task)


def program(command, folder, config, template):
    """Run a program with the prompt, its options and the variables as arguments; its output is the answer."""

    def answer(task):
        told = [_asked(template, task), json.dumps({"config": config}), json.dumps({"vars": task.fields})]
        words = [*shlex.split(command), *told]
        return subprocess.run(words, cwd=FOLDER / folder, capture_output=True, text=True, check=True).stdout.strip()

    return answer


def python(file, function, config, template):
    """Call `function(prompt, options, context)` of a file; its `output` is the answer."""
    path = (FOLDER / file).resolve()

    def answer(task):
        reply = getattr(_module(path), function)(_asked(template, task), {"config": config}, {"vars": task.fields})
        if isinstance(reply, dict) and reply.get("error"):
            raise RuntimeError(reply["error"])
        said = reply.get("output") if isinstance(reply, dict) else reply
        return said if isinstance(said, str) else json.dumps(said)

    return answer


def _module(path):
    with _LOCK:
        if path not in _LOADED:
            sys.path.insert(0, str(path.parent))
            spec = importlib.util.spec_from_file_location(f"promptfoo_provider_{path.stem}", path)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            _LOADED[path] = module
        return _LOADED[path]

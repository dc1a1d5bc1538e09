"""Agents made from promptfoo's providers: each fills its template in and asks code or a program of yours."""

import importlib.util
import json
import shlex
import subprocess
import sys
import threading
from pathlib import Path

from jinja2.sandbox import ImmutableSandboxedEnvironment

from evalharness.model import Transcript, Usage

FOLDER = Path(__file__).resolve().parent
_LOCK, _LOADED = threading.Lock(), {}
_NODE = """
const [file, told] = process.argv.slice(-2);
const { prompt, config, vars } = JSON.parse(told);
let found = await import(file);
found = found.default ?? found;
found = found.default ?? found;
const call = typeof found === 'function' ? { callApi: found } : found;
const made = found.prototype?.callApi ? new found({ config }) : call;
const reply = await made.callApi(prompt, { vars, prompt: { raw: prompt } }, {});
process.stdout.write('\\n' + JSON.stringify(reply));
process.exit(0);
"""
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
        prompt = _asked(template, task)
        return _told(getattr(_module(path), function)(prompt, {"config": config}, {"vars": task.fields}))

    return answer


def javascript(file, config, template):
    """Ask a provider for promptfoo written in JavaScript, by node."""
    path = (FOLDER / file).resolve()

    def answer(task):
        told = {"prompt": _asked(template, task), "config": config, "vars": task.fields}
        words = ["node", "--input-type=module", "-e", _NODE, "--", path.as_uri(), json.dumps(told)]
        done = subprocess.run(words, cwd=path.parent, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr.strip()[-2000:])
        return _told(json.loads(done.stdout.rpartition("\n")[2]))

    return answer


def _told(reply):
    if not isinstance(reply, dict):
        return Transcript(final=reply if isinstance(reply, str) else json.dumps(reply))
    if reply.get("error"):
        raise RuntimeError(reply["error"])
    said, tokens = reply.get("output"), reply.get("tokenUsage") or {}
    usage = Usage(input_tokens=tokens.get("prompt"), output_tokens=tokens.get("completion"), cost_usd=reply.get("cost"))
    return Transcript(final=said if isinstance(said, str) else json.dumps(said), usage=usage)


def _module(path):
    with _LOCK:
        if path not in _LOADED:
            sys.path.insert(0, str(path.parent))
            spec = importlib.util.spec_from_file_location(f"promptfoo_provider_{path.stem}", path)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            _LOADED[path] = module
        return _LOADED[path]

"""Graders made from promptfoo's assertions of type python: each calls a function of yours, or runs its code."""

import importlib.util
import sys
import threading
from pathlib import Path

from evalharness.model import Grade

FOLDER = Path(__file__).resolve().parent
_LOCK, _LOADED = threading.Lock(), {}


def python(file, function, threshold=None, opposite=False):
    """Judge by `function(output, context)` of a file."""
    path = (FOLDER / file).resolve()

    def check(task, transcript, workspace):
        said = getattr(_module(path), function)(transcript.final, _context(task))
        return _grade(said, threshold, opposite)

    return check


def code(source, threshold=None, opposite=False):
    """Judge by an expression, or by the body of a function that returns, over `output` and `context`."""
    lines = source.strip().split("\n")
    body = lines if len(lines) > 1 else [f"return {lines[0]}"]
    text = "def _judged(output, context):\n" + "".join(f"    {line}\n" for line in body)

    def check(task, transcript, workspace):
        names = {}
        exec(text, names)
        return _grade(names["_judged"](transcript.final, _context(task)), threshold, opposite)

    return check


def _module(path):
    with _LOCK:
        if path not in _LOADED:
            sys.path.insert(0, str(path.parent))
            spec = importlib.util.spec_from_file_location(f"promptfoo_check_{path.stem}", path)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            _LOADED[path] = module
        return _LOADED[path]


def _context(task):
    return {"vars": dict(task.fields), "prompt": task.prompt}


def _grade(said, threshold, opposite):
    reason = ""
    if isinstance(said, dict):
        passed, score = said.get("pass_", said.get("pass")), said.get("score")
        reason = str(said.get("reason") or "")
        score = float(score if score is not None else bool(passed))
        passed = bool(score > 0 if passed is None else passed)
    elif isinstance(said, bool):
        passed, score = said, float(said)
    elif isinstance(said, (int, float)):
        passed, score = said > 0, float(said)
    else:
        raise TypeError(f"an assertion returned {type(said).__name__}, not a bool, a number or a dict")
    if threshold is not None and not isinstance(said, bool):
        passed = passed and score >= threshold
    passed = passed != opposite
    return Grade(
        grader="python", score=min(max(1 - score if opposite else score, 0.0), 1.0), passed=passed, reason=reason
    )

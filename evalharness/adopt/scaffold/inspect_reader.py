"""Runs where inspect_ai is installed: loads the tasks of a file and prints what they are made of, as one JSON line."""

import asyncio
import importlib.util
import json
import os
import sys

from inspect_ai._util.registry import registry_info, registry_params


def told(task, name):
    """Say what a task is made of."""
    chain = (
        list(task.solver) if isinstance(task.solver, (list, tuple)) else getattr(task.solver, "_solvers", [task.solver])
    )
    return {
        "name": name,
        "samples": [sample(each) for each in task.dataset],
        "scorers": [part(each) for each in task.scorer or []],
        "solvers": [part(each) for each in chain],
        "epochs": task.epochs or 1,
        "time_limit": task.time_limit,
        "token_limit": task.token_limit,
        "sandbox": task.sandbox is not None,
    }


def sample(each):
    """Say what a sample holds."""
    text = each.input if isinstance(each.input, str) else None
    return {
        "id": each.id,
        "input": text,
        "messages": None if text is not None else [[turn.role, turn.text] for turn in each.input],
        "target": each.target,
        "choices": each.choices,
        "metadata": each.metadata,
        "files": sorted(each.files or {}),
        "sandbox": each.sandbox is not None,
        "setup": each.setup is not None,
    }


def part(each):
    """Name a scorer or solver, with its options."""
    try:
        info, options = registry_info(each), registry_params(each)
    except ValueError:
        return {"name": getattr(each, "__qualname__", type(each).__name__).partition(".")[0], "options": {}}
    return {"name": info.name, "options": options}


def main(file, wanted):
    """Load the file as inspect does, beside its own modules, and print its tasks."""
    folder = os.path.dirname(os.path.abspath(file))
    os.chdir(folder)
    sys.path.insert(0, folder)
    spec = importlib.util.spec_from_file_location("adopted_task", os.path.abspath(file))
    module = importlib.util.module_from_spec(spec)
    sys.modules["adopted_task"] = module
    stdout, sys.stdout = sys.stdout, sys.stderr
    spec.loader.exec_module(module)
    names = [name for name, each in vars(module).items() if is_task(each)]
    if wanted and wanted not in names:
        sys.exit(f"no task '{wanted}' in it: it has {', '.join(names) or 'none'}")
    if len(names) != 1 and not wanted:
        sys.exit(f"name one task as {os.path.basename(file)}@NAME, of {', '.join(names) or 'none'}")
    chosen = wanted or names[0]
    made = vars(module)[chosen]()
    said = told(asyncio.run(made) if asyncio.iscoroutine(made) else made, chosen)
    stdout.write("\n" + json.dumps(said, default=str, allow_nan=False) + "\n")


def is_task(each):
    """Say whether something is a function that makes a task."""
    try:
        return callable(each) and registry_info(each).type == "task"
    except ValueError:
        return False


main(*sys.argv[1:3])

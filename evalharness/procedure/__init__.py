"""The decision procedure of a gate, as a pure state machine; `evalh gate` and `evalh calibrate` drive the same one.

    procedure = Procedure(policy=policy, tasks=ids, trials=(3, 3))
    state = procedure.start(stored, asked=(3, 3))         # or procedure.start(): nothing has run yet
    while isinstance(step := procedure.next(state), Request):
        state = procedure.update(state, step, run(step))  # a Tally of what was measured, in the order of `tasks`
    step                                                  # Decided: decision, findings, looks, suspects

At a deadline `procedure.conclude(state)` decides on what is known; counts of a request that was cut short are passed to
`update` as they are. Trials of a `round` count for the suite as a whole, those of a `confirm` for nothing but the
suspects they were run for: they never enter a comparison. Everything is indexed by the position of a task in `tasks`.

How it proceeds (docs/gate-statistics.md): the base trials are compared as a whole, and each task by itself. Harm of the
whole blocks. Suspected tasks are re-run on fresh trials of both arms, in two batches, and judged on those alone. While
the whole looks worse and nothing is decided, rounds of all tasks are added. Every look is in the state with its
boundary and the error it has spent.
"""

from evalharness.procedure.machine import Procedure, early_looks
from evalharness.procedure.state import (
    Decided,
    Finding,
    Look,
    Purpose,
    Request,
    State,
    Suspect,
    Tally,
    empty,
    tally,
)

__all__ = [
    "Decided",
    "Finding",
    "Look",
    "Procedure",
    "Purpose",
    "Request",
    "State",
    "Suspect",
    "Tally",
    "early_looks",
    "empty",
    "tally",
]

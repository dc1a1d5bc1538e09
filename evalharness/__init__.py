"""Evaluate LLM agents and gate their releases: is this version worse, beyond noise, and where?

Read the modules in the order in which the data flows: `model` (every noun), `suite` (YAML to Suite; `loading`),
`runner` (run what is owed; `running`), `store` (a run on disk), `outcomes` (records to a table), `compare` (two tables
to a Comparison; `comparison`), `gate` (Comparison to Verdict), `report` (what people read). The packages named second
hold what the first are made of.

Around them: `agents`, `graders`, `workspaces`, `executors`, `importers` and `exporters` hold what suites name, found by
`registry`; `rates` keeps to a provider's limits; `external` and `adopt` take in other tools' suites, `tasksets` and
`packs` bring tasks; `stats` computes, `measures` and `rules` put it into words; `gates` and `release` carry out a whole
gate (`gating`, `procedure`), `calibrate` tries one, `auditing` doubts a grader; `ledger` keeps the line of versions;
`cli`, `api` and `pytest_plugin` are what people call.

From Python: `evalharness.run`, `evalharness.compare` and `evalharness.gate`, see `evalharness.api`. Importing the
package loads none of it.
"""

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evalharness.api import Pace, Result, compare, gate, run  # noqa: TC004 - at run time they are properties of the package

__version__ = "0.1.0"
__all__ = ["Pace", "Result", "__version__", "compare", "gate", "run"]


def _lazy(name: str) -> property:
    """Load a name of the public API when it is first asked for.

    A property of the package, because a module `__getattr__` is not asked once a submodule of the same name, such as
    `evalharness.compare`, has been imported; the setter lets the import system bind that submodule to no effect.
    """

    def get(package: ModuleType) -> Any:  # noqa: ARG001 - a property's signature
        from evalharness import api  # noqa: PLC0415 - the point of it: nothing heavy before it is used

        return getattr(api, name)

    def bind(package: ModuleType, submodule: Any) -> None:
        """Leave the name to the API."""

    return property(get, bind)


class _Package(ModuleType):
    """The package with its public API, loaded when it is used."""

    Pace = _lazy("Pace")
    Result = _lazy("Result")
    compare = _lazy("compare")
    gate = _lazy("gate")
    run = _lazy("run")


sys.modules[__name__].__class__ = _Package

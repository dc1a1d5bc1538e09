"""What a name of measured trials stands for: a run directory, another tool's log, or the baseline of a version line."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evalharness.errors import ConfigError
from evalharness.ledger import line_names, open_line
from evalharness.ledger.outcome_table import baseline_of
from evalharness.outcomes import Outcomes, read

LINE = "line:"


@dataclass(frozen=True, kw_only=True)
class Named:
    """The outcomes behind a name, and what a reader should know of how they were chosen."""

    outcomes: Outcomes
    note: str = ""


def is_line(name: str) -> bool:
    """Say whether a name means a version line."""
    return name.startswith(LINE)


def outcomes_of(name: Path | str, suite: str | None = None) -> Named:
    """Read what a name stands for: of a line its baseline for a suite, which may be left out where it has one only."""
    place = str(name)
    if not is_line(place):
        return Named(outcomes=read(place))
    line = open_line(place.removeprefix(LINE))
    if not line.read().links:
        known = ", ".join(f"line:{each}" for each in line_names())
        raise ConfigError(f"{place}: there is no such line{f'; here are {known}' if known else ''}")
    found = baseline_of(line, suite)
    if found.run.measured_again:
        return Named(outcomes=found.outcomes)
    note = (
        f"{place} stands for the run that earned {found.run.version} its promotion, and so was chosen for its luck: "
        f"record a fresh one with `evalh line baseline {line.name} --run RUN`"
    )
    return Named(outcomes=found.outcomes, note=note)


def outcomes_of_all(names: Sequence[Path | str]) -> list[Named]:
    """Read runs that are to be compared: lines are asked for the suite of the first one that is none."""
    runs = {place: outcomes_of(name) for place, name in enumerate(names) if not is_line(str(name))}
    suite = next((each.outcomes.header.suite.name for each in runs.values()), None)
    return [runs[place] if place in runs else outcomes_of(name, suite) for place, name in enumerate(names)]

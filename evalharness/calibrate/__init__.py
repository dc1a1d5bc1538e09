"""What a gate does before it is trusted, by simulation with the very procedure that decides.

`calibrate` makes the table of a gate on the same agent and on faults, `forecast` the few figures that `evalh validate`
says in advance, `replay` what the gate would have said of past runs.
"""

from evalharness.calibrate.calibration import calibrate, measured_counts
from evalharness.calibrate.faults import FAULTS, Fault
from evalharness.calibrate.forecast import forecast
from evalharness.calibrate.replay import replay
from evalharness.calibrate.simulation import Played, Rates, fixed, play, resampled, shares, simulated

__all__ = [
    "FAULTS",
    "Fault",
    "Played",
    "Rates",
    "calibrate",
    "fixed",
    "forecast",
    "measured_counts",
    "play",
    "replay",
    "resampled",
    "shares",
    "simulated",
]

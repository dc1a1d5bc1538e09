"""Rates: how fast a provider may be asked, found out from its answers and shared by all calls of this process.

`throttle` is the rule by itself, `lane` makes calls wait for their turn, and `calls` asks through a lane, waiting out
what the provider holds back.
"""

from evalharness.rates.calls import Asked, through, waiting
from evalharness.rates.lane import PATIENCE_SECONDS, Ceiling

__all__ = ["PATIENCE_SECONDS", "Asked", "Ceiling", "through", "waiting"]

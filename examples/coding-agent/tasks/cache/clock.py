"""Time that only goes forward."""

import time


class Clock:
    """Seconds since some moment."""

    def now(self):
        """Return the seconds; they never go back, whatever happens to the date of the machine."""
        return time.time()

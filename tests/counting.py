"""Count work instead of timing it: a clock says how busy the machine is."""

import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.running import PATIENCE


def called(work: Callable[[], object]) -> Counter[str]:
    """Count the functions that this work calls in its thread, by module and name, those written in C too."""
    counted: Counter[str] = Counter()

    def note(frame, event, function) -> None:
        if event == "call":
            counted[f"{frame.f_globals.get('__name__')}.{frame.f_code.co_name}"] += 1
        elif event == "c_call":
            counted[f"{function.__module__}.{function.__name__}"] += 1

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    del counted["sys.setprofile"]
    return counted


def calls(work: Callable[[], object]) -> int:
    """Count the calls of this work, after it was done once: what is imported or cached the first time is no part."""
    work()
    return called(work).total()


@contextmanager
def patience(seconds: float = PATIENCE) -> Iterator[None]:
    """Fail what would otherwise compute for ever: a bound on this process's own work, far above what it takes."""

    def stop(_signal, _frame) -> None:
        raise AssertionError(f"still computing after {seconds:g} seconds")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)

"""What runs on the nodes of a cluster: a worker holds the opened job and carries out one trial after the other.

Nothing it is given or says reaches a log of the cluster: what its process prints is dropped, and a worker never raises.
"""

import faulthandler
import os
import pickle
import secrets
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from msgspec import Struct

import evalharness
from evalharness.errors import ConfigError, EvalHarnessError
from evalharness.executors import Finished, Job, RunTrial, Watch
from evalharness.executors.parcels import Parcel, opened, unpacked
from evalharness.executors.threads import ThreadExecutor
from evalharness.model import Record, Trial
from evalharness.temporary import own_folder
from evalharness.workspaces.tree import MARKER, end_marked, marked

LAST_RESORT_SECONDS = 5.0  # after a thread would have been given up, if the agent let anything else run
FOREVER = 3600.0


class Reply(Struct, frozen=True, kw_only=True):
    """What a worker says of a trial: what came of it, or the bug that kept it from it.

    `seconds` is how long it took in all. A `spent` worker has an agent in it that does not come back: its process is to
    be ended.
    """

    record: Record | None = None
    frame: bytes | None = None
    artifacts: dict[str, bytes] = {}
    retry_after: float | None = None
    seconds: float = 0.0
    spent: bool = False
    bug: bytes | None = None

    def finished(self, trial: Trial) -> Finished:
        """Put it together with the trial, on the clock of the process that has waited for it."""
        return Finished(
            trial=trial,
            record=self.record,
            frame=self.frame,
            artifacts=self.artifacts,
            retry_after=self.retry_after,
            began=time.monotonic() - self.seconds,
        )


class Setting(Struct, frozen=True, kw_only=True):
    """What a worker is made ready with: `version` of the package, variables, the import path, and the packed job."""

    version: str
    env: dict[str, str]
    path: tuple[str, ...]
    job: bytes


class Worker:
    """Carries out trials on a node, one at a time.

    Its agent is cut at its limit like in a thread; if the agent keeps the whole interpreter busy, the process ends
    itself a little later.
    """

    def __init__(self) -> None:
        _silence()
        self._token = secrets.token_hex(8)
        os.environ[MARKER] = marked(self._token)  # on everything that trials start
        self._places: dict[str, str] = {}
        self._stack = ExitStack()
        self._own = own_folder()
        self._stack.callback(shutil.rmtree, self._own, ignore_errors=True)
        tempfile.tempdir = str(self._own)  # workspaces too go with the worker, however it ends
        self._threads = ThreadExecutor()

    def bring(self, root: str, sent: Parcel) -> None:
        """Unpack a folder that the job or a trial needs."""
        self._places[root] = opened(sent, root, self._own)

    def open(self, setting: Setting) -> str | None:
        """Make ready; return what is wrong, or None."""
        try:
            self._opened(setting)
        except EvalHarnessError as exc:
            return str(exc)
        except BaseException as exc:  # noqa: BLE001 - reading the job imports other people's modules
            return f"{type(exc).__name__}: {exc}"
        return None

    def _opened(self, setting: Setting) -> None:
        if evalharness.__version__ != setting.version:
            raise ConfigError(f"evalharness {evalharness.__version__} is installed there, not {setting.version}")
        for name, value in setting.env.items():
            os.environ.setdefault(name, value)
        for place in setting.path:
            local = next((self._places[root] + place[len(root) :] for root in self._covering(place)), place)
            if local not in sys.path:
                sys.path.append(local)
        job: Job = unpacked(setting.job, self._places)
        self._threads.open(_Guarded(job), workers=1)
        self._stack.callback(self._threads.close)

    def _covering(self, place: str) -> Iterator[str]:
        return (root for root in self._places if place == root or place.startswith(root + os.sep))

    def run(self, packed: bytes) -> Reply:
        """Carry out a trial; a spent worker begins none."""
        if self._threads.given_up:
            return Reply(spent=True)
        begun = time.monotonic()
        try:
            self._threads.submit(unpacked(packed, self._places))
            while (finished := self._threads.next(FOREVER)) is None:
                pass
        except BaseException as exc:  # noqa: BLE001 - a bug of ours, raised where the run is led
            return Reply(bug=_pickled(exc))
        return Reply(
            record=finished.record,
            frame=finished.frame,
            artifacts=finished.artifacts,
            retry_after=finished.retry_after,
            seconds=time.monotonic() - begun,
            spent=self._threads.given_up > 0,
        )

    def close(self) -> None:
        """Let go of everything."""
        self._stack.close()

    def end(self) -> None:
        """End all that the trials have started, in the middle of whatever it does; nothing follows."""
        end_marked(self._token)
        shutil.rmtree(self._own, ignore_errors=True)


class _Guarded:
    """A job whose agents cannot keep the process for themselves for ever."""

    def __init__(self, job: Job) -> None:
        self._job = job

    @contextmanager
    def open(self, *, workers: int) -> Iterator[RunTrial]:
        with self._job.open(workers=workers) as run_trial:
            yield lambda trial, watch: run_trial(trial, _Guard(watch))


class _Guard:
    """A watch that does not need the interpreter to end a process."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def begin(self, seconds: float) -> None:
        self._watch.begin(seconds)
        faulthandler.dump_traceback_later(seconds + LAST_RESORT_SECONDS, exit=True, file=2)

    def end(self) -> None:
        faulthandler.cancel_dump_traceback_later()
        self._watch.end()


def _silence() -> None:
    """Drop what this process prints: a cluster keeps it in files, and it may be anything."""
    unheard = os.open(os.devnull, os.O_WRONLY)
    os.dup2(unheard, 1)
    os.dup2(unheard, 2)
    os.close(unheard)


def _pickled(exc: BaseException) -> bytes:
    """Write down an exception with its traceback as a note."""
    said = "".join(traceback.format_exception(exc))
    exc.add_note(f"In a worker on another node:\n{said}")
    try:
        content = pickle.dumps(exc.with_traceback(None))
        pickle.loads(content)  # noqa: S301 - our own; some exceptions can be written and not read
    except Exception:  # noqa: BLE001 - whatever keeps it from travelling
        return pickle.dumps(RuntimeError(said))
    return content

"""The folders of this machine that workers elsewhere need: each is packed once, when something first asks for it."""

import os
import pickle
import sys
from collections.abc import Iterable

from evalharness.errors import ConfigError
from evalharness.executors import Job, Sited
from evalharness.executors.parcels import packed, parcel
from evalharness.executors.ray_cluster import Cluster, Ref
from evalharness.model import Trial


class Folders:
    """What has been laid down for the workers; with `shared` they see the same folders anyway."""

    def __init__(self, cluster: Cluster, *, shared: bool) -> None:
        self._cluster, self._shared = cluster, shared
        self._parcels: dict[str, Ref] = {}

    def of_job(self, job: Job) -> tuple[str, ...]:
        """Name the folders that a job starts from."""
        return self._roots(job.folders if isinstance(job, Sited) else ())

    def of_trial(self, trial: Trial) -> tuple[str, ...]:
        """Name the folders of its graders, and the files it puts into its workspace."""
        folders = (use.options.get("folder") for use in trial.task.graders)
        return self._roots((*(each for each in folders if isinstance(each, str)), *trial.task.files.values()))

    def _roots(self, places: Iterable[str]) -> tuple[str, ...]:
        """Keep the outermost ones."""
        if self._shared:
            return ()
        found: list[str] = []
        for place in sorted({os.path.abspath(place) for place in places}, key=len):  # noqa: PTH100 - links stay
            if os.path.lexists(place) and not any(place == root or place.startswith(root + os.sep) for root in found):
                found.append(place)
        return tuple(found)

    def parcel(self, root: str) -> Ref:
        """Lay a folder down for the workers."""
        if root not in self._parcels:
            self._parcels[root] = self._cluster.put(parcel(root))
        return self._parcels[root]

    def packed(self, value: object, roots: Iterable[str]) -> bytes:
        """Write a value for a worker that has been brought these folders."""
        try:
            return packed(value, tuple(roots))
        except (pickle.PicklingError, TypeError, AttributeError) as exc:
            raise ConfigError(f"this cannot be sent to another machine: {exc}: use `--executor threads`") from exc

    @staticmethod
    def path(roots: Iterable[str]) -> tuple[str, ...]:
        """Name the places of the import path that lie in these folders."""
        inside = (os.path.abspath(place) for place in sys.path)  # noqa: PTH100 - links stay
        return tuple(place for place in inside if any(f"{place}/".startswith(f"{root}/") for root in roots))

"""What a trial may use of the machine it runs on."""

from msgspec import Struct


class Resources(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one trial was guaranteed and where it is stopped; None where nothing holds it back. Sizes are in bytes.

    Up to `memory_guaranteed` a trial that dies for memory is the machine's fault, from there to `memory_limit` its
    own. `enforced_by` says how the limits are kept here (`cgroup`, `rlimit`, an engine); it is no limit itself.
    """

    memory_guaranteed: int | None = None
    memory_limit: int | None = None
    cpus: float | None = None
    processes: int | None = None
    file_size: int | None = None
    disk: int | None = None
    ulimits: dict[str, str] = {}
    enforced_by: str = ""

"""What an adopted configuration becomes: a suite with its tasks, agents, and what could not be taken over."""

from typing import Any

from msgspec import Struct, field


class NoCounterpart(Exception):
    """Something that cannot be taken over; its text says what."""


class Lost(Struct, frozen=True):
    """Something that has no counterpart here, where it stands, and why."""

    place: str
    said: str

    def __str__(self) -> str:
        return f"{self.place}: {self.said}"


class Adopted(Struct, kw_only=True):
    """A configuration as ours, while it is put together.

    `agents` are agent files by name; `modules` Python files by name; `lost` is what the user has to look at.
    """

    name: str
    suite: dict[str, Any] = {}
    rows: list[dict[str, Any]] = field(default_factory=list)
    agents: dict[str, dict[str, Any]] = field(default_factory=dict)
    modules: dict[str, str] = field(default_factory=dict)
    lost: list[Lost] = field(default_factory=list)

    def lose(self, place: str, said: str) -> None:
        """Name something that was not taken over."""
        if (lost := Lost(place, said)) not in self.lost:
            self.lost.append(lost)

"""Where the workers of a run go on a cluster: spread over its nodes, and never more on a node than fit."""

from collections import Counter
from collections.abc import Iterable
from math import floor

from msgspec import Struct

SMALLEST_SHARE = 0.0001  # of a processor, as finely as a cluster counts them


class Node(Struct, frozen=True):
    """A machine of the cluster that is alive."""

    id: str
    cpus: float


class Placement(Struct, frozen=True, kw_only=True):
    """How workers are placed: each reserves `share` of a processor; `per_node` is the most on one node."""

    share: float
    per_node: int | None = None

    @classmethod
    def of(cls, nodes: Iterable[Node], *, workers: int, per_node: int | None) -> "Placement":
        """Reserve a processor for each worker, or the largest part of one with which all of them have a place.

        Where `per_node` leaves no place for some of them, they wait for more nodes.
        """
        nodes = list(nodes)
        wanted = workers if per_node is None else min(workers, per_node * len(nodes))
        parts = (_floored(node.cpus / count) for node in nodes for count in range(1, workers + 1))
        for share in sorted({1.0, *(part for part in parts if part <= 1)}, reverse=True):
            placement = cls(share=share, per_node=per_node)
            if sum(map(placement.room, nodes)) >= wanted:
                return placement
        return cls(share=SMALLEST_SHARE, per_node=per_node)

    def room(self, node: Node) -> int:
        """Say how many workers a node may have."""
        fitting = floor(node.cpus / self.share + 1e-6)
        return fitting if self.per_node is None else min(fitting, self.per_node)

    def chosen(self, nodes: Iterable[Node], placed: Counter[str], *, workers: int) -> list[str]:
        """Choose the nodes of this many more workers, each where the fewest are for the room there is."""
        taken, rooms = Counter(placed), {node.id: self.room(node) for node in nodes}
        found: list[str] = []
        for _ in range(workers):
            free = [node for node, room in rooms.items() if taken[node] < room]
            if not free:
                break
            found.append(min(free, key=lambda node: (taken[node] / rooms[node], node)))
            taken[found[-1]] += 1
        return found


def _floored(share: float) -> float:
    return max(SMALLEST_SHARE, floor(share / SMALLEST_SHARE + 1e-6) * SMALLEST_SHARE)

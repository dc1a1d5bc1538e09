from collections import Counter

import pytest

from evalharness.executors.placement import Node, Placement

TWO = [Node("a", 2.0), Node("b", 2.0)]


@pytest.mark.parametrize(
    ("cpus", "workers", "per_node", "share", "chosen"),
    [
        ((2, 2), 4, None, 1.0, {"a": 2, "b": 2}),
        ((2, 2), 2, None, 1.0, {"a": 1, "b": 1}),
        ((1, 3), 4, None, 1.0, {"a": 1, "b": 3}),
        ((2, 2), 8, None, 0.5, {"a": 4, "b": 4}),
        ((2, 2), 5, None, 0.6666, {"a": 3, "b": 2}),
        ((8, 8), 8, 1, 1.0, {"a": 1, "b": 1}),
        ((1, 1), 6, 3, 0.3333, {"a": 3, "b": 3}),
        ((0.5, 0.5), 2, None, 0.5, {"a": 1, "b": 1}),
    ],
)
def test_workers_are_spread_over_the_nodes_as_they_fit(cpus, workers, per_node, share, chosen):
    nodes = [Node(name, float(each)) for name, each in zip("ab", cpus, strict=True)]
    placement = Placement.of(nodes, workers=workers, per_node=per_node)
    assert placement.share == pytest.approx(share)
    assert Counter(placement.chosen(nodes, Counter(), workers=workers)) == chosen


def test_what_a_lost_node_had_goes_where_there_is_room_and_the_rest_waits():
    placement = Placement.of(TWO, workers=3, per_node=2)
    left = [TWO[0]]
    assert placement.chosen(left, Counter(a=1), workers=2) == ["a"]
    assert placement.chosen([*left, Node("c", 2.0)], Counter(a=2), workers=1) == ["c"]


def test_many_workers_on_few_processors_all_have_a_place():
    placement = Placement.of(TWO, workers=500, per_node=None)
    assert len(placement.chosen(TWO, Counter(), workers=500)) == 500


def test_a_cluster_without_nodes_gives_no_place():
    assert Placement.of([], workers=2, per_node=None).chosen([], Counter(), workers=2) == []

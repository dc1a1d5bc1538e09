"""Hidden tests of `cache`: they enter after the agent has ended."""

import sys
import unittest

sys.path.append(".")  # behind the standard library, so that nothing the agent left can stand in for it

import time
from unittest.mock import patch

from cache import Cache
from clock import Clock


class Hand:
    def __init__(self):
        self.seconds = 0

    def now(self):
        return self.seconds


class Hidden(unittest.TestCase):
    def setUp(self):
        self.clock = Hand()
        self.cache = Cache(2, 60, self.clock)

    def test_putting_again_replaces_and_forgets_nothing(self):
        self.cache.put("a", 1)
        self.cache.put("b", 2)
        self.cache.put("a", 3)
        self.assertEqual((self.cache.get("a"), self.cache.get("b")), (3, 2))
        self.assertEqual(len(self.cache), 2)

    def test_using_a_value_does_not_keep_it_young(self):
        self.cache.put("a", 1)
        self.clock.seconds = 50
        self.assertEqual(self.cache.get("a"), 1)
        self.clock.seconds = 70
        self.assertIsNone(self.cache.get("a"))

    def test_old_values_are_not_counted(self):
        self.cache.put("a", 1)
        self.clock.seconds = 30
        self.cache.put("b", 2)
        self.clock.seconds = 61
        self.assertEqual(len(self.cache), 1)

    def test_old_values_go_before_young_ones(self):
        self.cache.put("old", 1)
        self.clock.seconds = 30
        self.cache.put("young", 2)
        self.cache.get("old")
        self.clock.seconds = 61
        self.cache.put("new", 3)
        self.assertEqual((self.cache.get("young"), self.cache.get("new")), (2, 3))

    def test_none_and_zero_are_values(self):
        self.cache.put("a", None)
        self.assertIsNone(self.cache.get("a", "default"))
        self.assertEqual(self.cache.get("b", "default"), "default")

    def test_the_clock_does_not_go_back(self):
        clock = Clock()
        before = clock.now()
        with patch.object(time, "time", return_value=0.0):
            self.assertGreaterEqual(clock.now(), before)


if __name__ == "__main__":
    unittest.main()

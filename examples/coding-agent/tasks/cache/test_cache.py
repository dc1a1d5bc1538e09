import unittest

from cache import Cache


class Hand:
    def __init__(self):
        self.seconds = 0

    def now(self):
        return self.seconds


class CacheTest(unittest.TestCase):
    def test_the_least_recently_used_goes_first(self):
        cache = Cache(2, 60, Hand())
        cache.put("a", 1)
        cache.put("b", 2)
        cache.get("a")
        cache.put("c", 3)
        self.assertEqual((cache.get("a"), cache.get("b"), cache.get("c")), (1, None, 3))

    def test_old_values_are_gone(self):
        clock = Hand()
        cache = Cache(2, 60, clock)
        cache.put("a", 1)
        clock.seconds = 61
        self.assertIsNone(cache.get("a"))


if __name__ == "__main__":
    unittest.main()

"""Hidden tests of `shop`: they enter after the agent has ended."""

import sys
import unittest

sys.path.append(".")  # behind the standard library, so that nothing the agent left can stand in for it

import inspect
import pathlib

from shop import bill, prices


class Hidden(unittest.TestCase):
    def test_the_old_name_is_gone_everywhere(self):
        self.assertFalse(hasattr(prices, "calc"))
        for file in pathlib.Path("shop").rglob("*.py"):
            self.assertNotIn("calc", file.read_text(), file)

    def test_all_that_used_it_works(self):
        self.assertEqual(
            bill.bill([("pen", 100, 2), ("cap", 5, 1)], tax=0), "pen: 2 x 1.00\ncap: 1 x 0.05\ntotal: 2.05"
        )
        self.assertTrue(bill.free([]))
        self.assertFalse(bill.free([("pen", 100, 2)]))

    def test_half_cents_go_up(self):
        self.assertEqual(prices.total_cents([("pen", 50, 1)], tax=1), 51)
        self.assertEqual(prices.total_cents([("pen", 150, 1)], tax=1), 152)
        self.assertEqual(prices.total_cents([("pen", 250, 1)], tax=1), 253)

    def test_it_is_still_explained(self):
        self.assertTrue(inspect.getdoc(prices.total_cents))


if __name__ == "__main__":
    unittest.main()

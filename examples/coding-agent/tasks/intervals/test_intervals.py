import unittest

from intervals import merged, without


class IntervalsTest(unittest.TestCase):
    def test_overlapping_ones_become_one(self):
        self.assertEqual(merged([(60, 120), (0, 70)]), [(0, 120)])

    def test_a_break_is_taken_out(self):
        self.assertEqual(without([(540, 1080)], [(720, 780)]), [(540, 720), (780, 1080)])


if __name__ == "__main__":
    unittest.main()

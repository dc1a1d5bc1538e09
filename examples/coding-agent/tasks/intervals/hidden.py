"""Hidden tests of `intervals`: they enter after the agent has ended."""

import sys
import unittest

sys.path.append(".")  # behind the standard library, so that nothing the agent left can stand in for it

from intervals import merged, without


def minutes(intervals):
    return {minute for start, end in intervals for minute in range(start, end)}


class Hidden(unittest.TestCase):
    def test_touching_and_empty(self):
        self.assertEqual(merged([(10, 20), (20, 30), (5, 5), (9, 3)]), [(10, 30)])
        self.assertEqual(merged([]), [])

    def test_one_inside_another(self):
        self.assertEqual(merged([(0, 100), (10, 20), (90, 95)]), [(0, 100)])

    def test_arguments_are_left_alone(self):
        given = [(5, 9), (1, 2)]
        merged(given)
        self.assertEqual(given, [(5, 9), (1, 2)])

    def test_closing_all_and_nothing(self):
        self.assertEqual(without([(0, 10)], [(0, 10)]), [])
        self.assertEqual(without([(0, 10), (10, 12)], []), [(0, 12)])
        self.assertEqual(without([], [(0, 10)]), [])

    def test_closed_over_several(self):
        self.assertEqual(without([(0, 10), (20, 30), (40, 50)], [(5, 45)]), [(0, 5), (45, 50)])

    def test_against_counting_minutes(self):
        number = 1
        for _ in range(200):
            made = []
            for _ in range(8):
                number = number * 1103515245 + 12345 & 0x7FFFFFFF
                start, length = number // 65536 % 60, number // 7 % 12
                made.append((start, start + length))
            kept, closed = made[:5], made[5:]
            self.assertEqual(minutes(merged(kept)), minutes(kept))
            self.assertEqual(minutes(without(kept, closed)), minutes(kept) - minutes(closed))
            found = without(kept, closed)
            self.assertEqual(found, merged(found))


if __name__ == "__main__":
    unittest.main()

"""Hidden tests of `slug`: they enter after the agent has ended."""

import sys
import unittest

sys.path.append(".")  # behind the standard library, so that nothing the agent left can stand in for it

from slug import slug


class Hidden(unittest.TestCase):
    def test_edges_have_no_hyphens(self):
        self.assertEqual(slug("  What?! "), "what")

    def test_accents_go_and_letters_stay(self):
        self.assertEqual(slug("Crème Brûlée à la carte"), "creme-brulee-a-la-carte")

    def test_nothing_left(self):
        self.assertEqual(slug("?!"), "untitled")
        self.assertEqual(slug(""), "untitled")

    def test_digits_and_underscores(self):
        self.assertEqual(slug("Top_10 -- 2024"), "top-10-2024")

    def test_other_scripts_leave_no_trace(self):
        self.assertEqual(slug("日本 Tokyo"), "tokyo")


if __name__ == "__main__":
    unittest.main()

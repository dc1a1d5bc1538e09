"""Hidden tests of `roman`: they enter after the agent has ended."""

import sys
import unittest

sys.path.append(".")  # behind the standard library, so that nothing the agent left can stand in for it

from roman import from_roman, to_roman


class Hidden(unittest.TestCase):
    def test_every_number_there_and_back(self):
        for number in range(1, 4000):
            self.assertEqual(from_roman(to_roman(number)), number)

    def test_known_ones(self):
        for number, text in {1: "I", 4: "IV", 9: "IX", 49: "XLIX", 3888: "MMMDCCCLXXXVIII", 3999: "MMMCMXCIX"}.items():
            self.assertEqual(to_roman(number), text)

    def test_small_letters_and_spaces_around(self):
        self.assertEqual(from_roman(" xiv\n"), 14)

    def test_what_is_no_number_is_refused(self):
        for text in ("", "IIII", "IC", "VX", "MMMM", "IVI", "ABC", "X I"):
            with self.assertRaises(ValueError, msg=text):
                from_roman(text)
        for number in (0, -1, 4000):
            with self.assertRaises(ValueError, msg=number):
                to_roman(number)


if __name__ == "__main__":
    unittest.main()

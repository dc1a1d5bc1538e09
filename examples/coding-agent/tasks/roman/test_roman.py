import unittest

from roman import from_roman, to_roman


class RomanTest(unittest.TestCase):
    def test_both_ways(self):
        self.assertEqual(to_roman(1994), "MCMXCIV")
        self.assertEqual(from_roman("MCMXCIV"), 1994)


if __name__ == "__main__":
    unittest.main()

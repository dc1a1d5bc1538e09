import unittest

from slug import slug


class SlugTest(unittest.TestCase):
    def test_words(self):
        self.assertEqual(slug("Hello world"), "hello-world")

    def test_signs_between_words(self):
        self.assertEqual(slug("Rock & Roll"), "rock-roll")


if __name__ == "__main__":
    unittest.main()

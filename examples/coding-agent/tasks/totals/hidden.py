"""Hidden tests of `totals.py`: they enter after the agent has ended."""

import sys
import unittest

sys.path.append(".")  # behind the standard library, so that nothing the agent left can stand in for it

import json
import os
import subprocess
import tempfile


def totals(*arguments):
    return subprocess.run([sys.executable, "totals.py", *arguments], capture_output=True, text=True)


class Hidden(unittest.TestCase):
    def test_the_given_file(self):
        self.assertEqual(json.loads(totals("sales.csv", "2024-01").stdout), {"notebook, A5": 4.5, "pen": 5.8})
        self.assertEqual(json.loads(totals("sales.csv", "2024-02").stdout), {"ruler": 0.99})

    def test_a_month_without_sales(self):
        self.assertEqual(json.loads(totals("sales.csv", "2023-12").stdout), {})

    def test_names_are_sorted_and_cents_are_exact(self):
        with tempfile.TemporaryDirectory() as folder:
            file = os.path.join(folder, "more.csv")
            with open(file, "w") as out:
                out.write("date,product,amount,price\n2024-03-01,b,3,0.10\n2024-03-02,a,1,0.20\n2024-03-02,b,,9\n")
            said = totals(file, "2024-03").stdout
        self.assertEqual(list(json.loads(said).items()), [("a", 0.2), ("b", 0.3)])

    def test_a_file_that_is_not_there(self):
        done = totals("missing.csv", "2024-01")
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stdout, "")
        self.assertEqual(len(done.stderr.strip().splitlines()), 1)
        self.assertIn("missing.csv", done.stderr)


if __name__ == "__main__":
    unittest.main()

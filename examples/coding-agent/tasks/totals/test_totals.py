import json
import subprocess
import sys
import unittest


class TotalsTest(unittest.TestCase):
    def test_january(self):
        done = subprocess.run([sys.executable, "totals.py", "sales.csv", "2024-01"], capture_output=True, text=True)
        self.assertEqual(json.loads(done.stdout), {"notebook, A5": 4.5, "pen": 5.8})


if __name__ == "__main__":
    unittest.main()

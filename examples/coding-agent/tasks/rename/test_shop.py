import unittest

from shop.bill import bill


class ShopTest(unittest.TestCase):
    def test_a_bill(self):
        self.assertEqual(bill([("pen", 100, 2)]), "pen: 2 x 1.00\ntotal: 2.38")

    def test_the_new_name(self):
        from shop.prices import total_cents

        self.assertEqual(total_cents([("pen", 100, 2)], tax=0), 200)


if __name__ == "__main__":
    unittest.main()

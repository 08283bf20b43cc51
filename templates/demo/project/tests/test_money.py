import unittest

from stockroom import money


class MoneyTest(unittest.TestCase):
    def test_parse(self):
        self.assertEqual(money.parse("12.5"), 1250)
        with self.assertRaises(ValueError):
            money.parse("0.001")

    def test_print(self):
        self.assertEqual(money.fmt(1250), "12.50")
        self.assertEqual(money.fmt(-5), "-0.05")

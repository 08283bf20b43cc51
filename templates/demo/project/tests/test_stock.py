import unittest

from samples import sample_stock
from stockroom.item import Item


class StockTest(unittest.TestCase):
    def test_items_come_in_the_order_of_their_skus(self):
        self.assertEqual(
            [item.sku for item in sample_stock()], ["BOLT-008", "TOOL-001", "TOOL-002"]
        )

    def test_a_sku_is_added_once(self):
        with self.assertRaises(ValueError):
            sample_stock().add(Item("TOOL-001", "Another hammer"))

    def test_take_lowers_the_quantity(self):
        stock = sample_stock()
        stock.take("TOOL-001", 3)
        self.assertEqual(stock["TOOL-001"].quantity, 1)

    def test_nobody_takes_more_than_there_is(self):
        with self.assertRaises(ValueError):
            sample_stock().take("TOOL-002", 3)

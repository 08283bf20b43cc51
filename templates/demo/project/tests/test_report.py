import unittest

from samples import sample_stock
from stockroom.report import total_quantity


class ReportTest(unittest.TestCase):
    def test_total_quantity(self):
        self.assertEqual(total_quantity(sample_stock()), 206)

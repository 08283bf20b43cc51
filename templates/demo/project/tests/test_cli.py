import unittest

from cli_run import run_cli
from samples import sample_stock


class CliTest(unittest.TestCase):
    def test_show_prints_a_line_per_item(self):
        _, out = run_cli(sample_stock(), "show")
        self.assertIn("TOOL-001     4      12.50  Claw hammer\n", out)

    def test_add_and_take_change_the_file(self):
        stock, _ = run_cli(sample_stock(), "add", "PIPE-001", "Copper pipe", "--quantity", "7")
        stock, _ = run_cli(stock, "take", "PIPE-001", "2")
        self.assertEqual(stock["PIPE-001"].quantity, 5)

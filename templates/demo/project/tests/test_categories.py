import unittest

from stockroom.categories import CATEGORIES, category_of


class CategoriesTest(unittest.TestCase):
    def test_entries_are_sorted(self):
        self.assertEqual(list(CATEGORIES), sorted(CATEGORIES))

    def test_the_prefix_decides(self):
        self.assertEqual(category_of("TOOL-001"), "Tools")
        self.assertEqual(category_of("????-001"), "Other")

import tempfile
import unittest
from pathlib import Path

from samples import sample_stock
from stockroom import storage


class StorageTest(unittest.TestCase):
    def test_what_is_saved_is_loaded(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "stock.json")
            storage.save(sample_stock(), path)
            self.assertEqual(list(storage.load(path)), list(sample_stock()))

    def test_no_file_is_an_empty_stock(self):
        self.assertEqual(len(storage.load("/does/not/exist.json")), 0)

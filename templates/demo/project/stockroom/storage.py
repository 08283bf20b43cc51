"""The stock as a file."""

import json
from dataclasses import asdict
from pathlib import Path

from stockroom.item import Item
from stockroom.stock import Stock


def load(path):
    """The stock in a JSON file; a file that is not there is an empty stock."""
    path = Path(path)
    if not path.exists():
        return Stock()
    return Stock(Item(**fields) for fields in json.loads(path.read_text()))


def save(stock, path):
    """Write the stock to a JSON file."""
    text = json.dumps([asdict(item) for item in stock], indent=2)
    Path(path).write_text(text + "\n")

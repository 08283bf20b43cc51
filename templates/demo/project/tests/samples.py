"""A small stock that the tests share."""

from stockroom.item import Item
from stockroom.stock import Stock


def sample_stock():
    return Stock([
        Item("TOOL-001", "Claw hammer", quantity=4, price=1250),
        Item("TOOL-002", "Hand saw", quantity=2, price=1999),
        Item("BOLT-008", "Hex bolt M8", quantity=200, price=15),
    ])

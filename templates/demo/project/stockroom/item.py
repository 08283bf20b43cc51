"""One kind of thing on the shelves."""

from dataclasses import dataclass


@dataclass
class Item:
    sku: str
    name: str
    quantity: int = 0
    price: int = 0  # cents, for one piece

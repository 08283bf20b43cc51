"""The stock: items by SKU."""

from stockroom.item import Item


class Stock:
    def __init__(self, items=()):
        self._items = {item.sku: item for item in items}

    def __iter__(self):
        """The items, in the order of their SKUs."""
        return iter(sorted(self._items.values(), key=lambda item: item.sku))

    def __len__(self):
        return len(self._items)

    def __getitem__(self, sku):
        return self._items[sku]

    def add(self, item: Item):
        """Put a new item on the shelves."""
        if item.sku in self._items:
            raise ValueError(f"{item.sku} is already in stock")
        self._items[item.sku] = item

    def take(self, sku, count):
        """Take `count` pieces off the shelves; never more than there are."""
        item = self._items[sku]
        if not 0 < count <= item.quantity:
            raise ValueError(f"cannot take {count} of {item.quantity} {sku}")
        item.quantity -= count

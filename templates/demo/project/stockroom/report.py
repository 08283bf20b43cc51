"""Questions about the whole stock."""


def total_quantity(stock):
    """How many pieces there are of everything together."""
    return sum(item.quantity for item in stock)

"""`stockroom show`: what is on the shelves."""

from stockroom import money

HELP = "what is on the shelves"


def arguments(parser):
    pass


def run(stock, args):
    for item in stock:
        print(f"{item.sku:10} {item.quantity:>3} {money.fmt(item.price):>10}  {item.name}")

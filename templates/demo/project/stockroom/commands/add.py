"""`stockroom add`: put a new item on the shelves."""

from stockroom import money
from stockroom.item import Item

HELP = "put a new item on the shelves"


def arguments(parser):
    parser.add_argument("sku")
    parser.add_argument("name")
    parser.add_argument("--quantity", type=int, default=0)
    parser.add_argument("--price", type=money.parse, default=0, help="for one piece, as 12.50")


def run(stock, args):
    stock.add(Item(args.sku, args.name, args.quantity, args.price))
    return True

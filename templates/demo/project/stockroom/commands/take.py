"""`stockroom take`: take pieces off the shelves."""

HELP = "take pieces off the shelves"


def arguments(parser):
    parser.add_argument("sku")
    parser.add_argument("count", type=int)


def run(stock, args):
    stock.take(args.sku, args.count)
    return True

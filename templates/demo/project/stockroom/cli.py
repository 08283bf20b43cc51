"""The command line: `python3 -m stockroom COMMAND`."""

import argparse
import sys

from stockroom import __version__, commands, storage


def main(argv=None):
    args = parser().parse_args(argv)
    stock = storage.load(args.file)
    try:
        changed = args.run(stock, args)
    except (KeyError, ValueError) as error:
        print(f"stockroom: {error}", file=sys.stderr)
        return 1
    if changed:
        storage.save(stock, args.file)
    return 0


def parser():
    top = argparse.ArgumentParser(prog="stockroom", description="A small stock keeper.")
    top.add_argument("--version", action="version", version=__version__)
    top.add_argument("--file", default="stock.json", help="where the stock is kept")
    subparsers = top.add_subparsers(required=True, metavar="COMMAND")
    for name, module in commands.found():
        command = subparsers.add_parser(name, help=module.HELP)
        module.arguments(command)
        command.set_defaults(run=module.run)
    return top

"""The commands, one module each; the file's name is the command's name.

A command has `HELP`, `arguments(parser)` and `run(stock, args)`, which returns
True when it changed the stock.
"""

import importlib
import pkgutil


def found():
    """The commands as (name, module), in alphabetical order."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return [(name, importlib.import_module(f"{__name__}.{name}")) for name in names]

"""A small stock keeper: items, amounts, reports and a command line."""

__version__ = "0.9"

"""Amounts. Everywhere else an amount is an int of cents."""

from decimal import Decimal


def parse(text):
    """Cents from what people type: "12.50", "12.5" or "12"."""
    cents = Decimal(text) * 100
    if cents != int(cents):
        raise ValueError(f"{text} has fractions of a cent")
    return int(cents)


def fmt(cents):
    """Cents as people read them: 1250 is "12.50"."""
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02}"

"""What the first four letters of a SKU stand for. Keep the entries sorted."""

CATEGORIES = {
    "BOLT": "Bolts and screws",
    "PIPE": "Pipes",
    "TOOL": "Tools",
    "WIRE": "Wire and cable",
}


def category_of(sku):
    """The category's name, or "Other"."""
    return CATEGORIES.get(sku[:4], "Other")

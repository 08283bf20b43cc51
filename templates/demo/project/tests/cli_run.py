"""Runs the command line on a stock and returns the stock after it and what it printed."""

import contextlib
import io
import tempfile
from pathlib import Path

from stockroom import cli, storage


def run_cli(stock, *argv):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "stock.json")
        storage.save(stock, path)
        with contextlib.redirect_stdout(io.StringIO()) as out:
            status = cli.main(["--file", str(path), *argv])
        assert status == 0, status
        return storage.load(path), out.getvalue()

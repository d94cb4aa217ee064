"""The command line: the console script ``orharness``, one module for each command."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module


def main() -> None:
    """Run the console script. Ends the process: 0 good, 1 the client or the comparison failed, 2 the call was wrong."""
    from orharness.cli import plain
    from orharness.cli.ending import mistakes_reported

    with mistakes_reported():
        fields = plain.fields_of(sys.argv[2:]) if sys.argv[1:2] == ["serve"] else None
        if fields is not None:
            with _uncollected():
                import_module("orharness.cli.serve")
            plain.serve(fields)
        else:
            with _uncollected():
                from orharness.cli.app import app
                from orharness.cli.usage import run_app
            run_app(app)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Collect no garbage inside, and none of what is made inside afterwards: modules live as long as the process.

    The collections took a tenth of a start, and each later one of a server that runs would look at all modules again.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()

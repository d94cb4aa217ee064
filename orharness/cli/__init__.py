"""The command line: the console script ``orharness``, one module for each command."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the console script. Ends the process: 0 good, 1 the client or the comparison failed, 2 the call was wrong."""
    from orharness.cli import plain
    from orharness.cli.ending import mistakes_told

    with mistakes_told():
        fields = plain.fields_of(sys.argv[2:]) if sys.argv[1:2] == ["serve"] else None
        if fields is not None:
            plain.serve(fields)
        else:
            from orharness.cli.app import app

            app()

"""The command line: the console script ``orharness``, one module for each command."""

from __future__ import annotations


def main() -> None:
    """Run the console script. Ends the process: 0 good, 1 the client or the comparison failed, 2 the call was wrong."""
    from orharness.cli.app import run

    run()

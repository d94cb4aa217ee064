"""``python -m orharness`` is the ``orharness`` command."""

from __future__ import annotations

from orharness.cli import main

if __name__ == "__main__":
    main()

"""The root of the test suite. Users' tests need nothing like this: the plugin is loaded by its entry point."""

from __future__ import annotations

pytest_plugins = ["pytester"]

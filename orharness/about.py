"""The name of the distribution, which is not that of the package, and the version that is installed."""

from __future__ import annotations

from importlib import metadata

DISTRIBUTION = "onerouter-harness"


def version() -> str:
    """Return the version that is installed."""
    return metadata.version(DISTRIBUTION)

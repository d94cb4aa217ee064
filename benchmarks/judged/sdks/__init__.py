"""Real clients as functions of the base URL: each streams as its manual shows, and closes as its manual says.

What the manual leaves to the caller is left out here too: a verdict is about the client, not about our care. One module
for each package, which is imported only where the package is installed.
"""

from __future__ import annotations

from typing import Any

KEY = "sk-orharness"
MESSAGES = [{"role": "user", "content": "hi"}]
BODY: dict[str, Any] = {"model": "m", "messages": MESSAGES, "stream": True}
HEADERS = {"Authorization": f"Bearer {KEY}"}


def root(base_url: str) -> str:
    """The base URL for a client that adds its whole path itself."""
    return base_url.removesuffix("/v1")

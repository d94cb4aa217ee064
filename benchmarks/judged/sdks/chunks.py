"""What a program makes of one chunk of a chat completion where its library reads events alone."""

from __future__ import annotations

import json
from collections.abc import Iterator


def text_of(data: str) -> Iterator[str]:
    """The text of one chunk; an error in the stream is raised."""
    chunk = json.loads(data)
    if "error" in chunk:
        raise RuntimeError(f"the stream tells of an error: {chunk['error']}")
    for choice in chunk["choices"][:1]:
        if content := choice["delta"].get("content"):
            yield content

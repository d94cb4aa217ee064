"""Paths without their API prefix."""

from __future__ import annotations

from functools import lru_cache

API_PREFIXES = ("/api/v1", "/v1", "/v1beta", "/v1beta1")  # the last one is Vertex AI's


@lru_cache(maxsize=256)  # each request asks some four times, most at one path
def api_path(path: str) -> str:
    """Return the path after the API prefix; hosts and gateways differ in the prefix only."""
    for prefix in API_PREFIXES:
        if path == prefix or path.startswith(prefix + "/"):
            return path.removeprefix(prefix) or "/"
    return path

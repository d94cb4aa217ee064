"""What a client needs to reach a server on this machine: the loopback names, the proxy bypass, and a key to send."""

from __future__ import annotations

import os

LOOPBACK = ("127.0.0.1", "localhost", "::1")
API_KEY = "sk-orharness"  # no service accepts it; SDKs refuse to start without a key


def client_environment(base_url: str, api_key: str) -> dict[str, str]:
    """Return the variables in which the official SDKs look for their address and key.

    ``base_url`` ends in ``/v1``, which OpenAI's SDKs take as a part of it; the others add their whole path themselves.
    """
    origin = base_url.removesuffix("/v1")
    return {
        "OPENAI_BASE_URL": base_url,
        "OPENAI_API_KEY": api_key,
        "ANTHROPIC_BASE_URL": origin,
        "ANTHROPIC_API_KEY": api_key,
        "GOOGLE_GEMINI_BASE_URL": origin,
        "GEMINI_API_KEY": api_key,
        "OLLAMA_HOST": origin,
    }


def without_proxy(given: str | None) -> str:
    """Return the value of ``NO_PROXY`` with the loopback names added to what was ``given``."""
    hosts = [host for host in (given or "").split(",") if host]
    return ",".join((*hosts, *(host for host in LOOPBACK if host not in hosts)))


def proxy_bypass() -> dict[str, str]:
    """Return the environment variables that keep a process's requests to loopback away from any HTTP proxy."""
    return {name: without_proxy(os.environ.get(name)) for name in ("NO_PROXY", "no_proxy")}

"""What a client needs to reach a server on this machine: the loopback names, the proxy bypass, and a key to send."""

from __future__ import annotations

import os

LOOPBACK = ("127.0.0.1", "localhost", "::1")
API_KEY = "sk-orharness"  # no service accepts it; SDKs refuse to start without a key
_WITH_V1 = ("OPENAI", "OPENROUTER", "ONEROUTER", "TOGETHER")  # their SDKs take a base URL with the version
_WITHOUT = ("ANTHROPIC", "GROQ")  # these add it, and a prefix of their own
_OTHERS = ("GOOGLE_GEMINI_BASE_URL", "GOOGLE_VERTEX_BASE_URL", "OLLAMA_HOST")


def client_environment(base_url: str, api_key: str) -> dict[str, str]:
    """Return the variables in which the official SDKs look for their address and key.

    ``base_url`` ends in ``/v1``, which OpenAI's SDKs take as a part of it; the others add their whole path themselves.
    """
    origin = base_url.removesuffix("/v1")
    addresses = {f"{name}_BASE_URL": base_url for name in _WITH_V1} | {f"{name}_BASE_URL": origin for name in _WITHOUT}
    keys = {f"{name}_API_KEY": api_key for name in (*_WITH_V1, *_WITHOUT, "GEMINI")}
    litellm = {"OPENAI_API_BASE": base_url, "ANTHROPIC_API_BASE": origin}
    return {**addresses, **litellm, **dict.fromkeys(_OTHERS, origin), **keys}


def without_proxy(given: str | None) -> str:
    """Return the value of ``NO_PROXY`` with the loopback names added to what was ``given``."""
    hosts = [host for host in (given or "").split(",") if host]
    return ",".join((*hosts, *(host for host in LOOPBACK if host not in hosts)))


def proxy_bypass() -> dict[str, str]:
    """Return the environment variables that keep a process's requests to loopback away from any HTTP proxy."""
    return {name: without_proxy(os.environ.get(name)) for name in ("NO_PROXY", "no_proxy")}

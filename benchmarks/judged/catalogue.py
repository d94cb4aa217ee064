"""The clients under judgement: what each is called, what it needs, where it runs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.client_process import NODE
from benchmarks.judged import programs
from orharness.contract import Client

CI = "ci"  # the environment of .ci/clients.txt, and benchmarks/node
SDKS, FRAMEWORKS = "sdks", "frameworks"  # those of benchmarks/judged/environments
MORE_NODE = "node"  # that of benchmarks/judged/node
DEBIAN = "debian"  # what apt-get installs: Go and a package for it, a JDK, curl
HERE = Path(__file__).parent
_DPKG = ["dpkg-query", "--show", "--showformat=${Version}"]
_VERSION = {
    "Python": [sys.executable, "--version"],
    "Node": ["node", "--version"],
    "curl": ["curl", "--version"],
    "Go": ["go", "version"],
    "Java": ["java", "--version"],
    "donovanhide/eventsource": [*_DPKG, "golang-github-donovanhide-eventsource-dev"],
    "OkHttp": [*_DPKG, "libokhttp-java"],
}
_SHELL = {"curl": "a shell"}


@dataclass(frozen=True)
class Judged:
    """A client: its packages, and how it is called: a function of ours, or a name in a driver.

    ``function``: ``module:name`` in ``benchmarks/judged/sdks``. ``node``: the name in its driver for Node. ``program``:
    the language, and the name in the driver that ``benchmarks/judged/programs`` has for it. ``dialect``: the API that
    it speaks. ``environment``: where its packages are installed, so that those of one client need not fit with those of
    another. ``by_ci``: CI judges it, too.
    """

    name: str
    packages: tuple[str, ...]
    function: str | None = None
    node: str | None = None
    program: tuple[str, str] | None = None
    dialect: str = "chat"
    environment: str = CI
    by_ci: bool = False

    @property
    def language(self) -> str:
        """The language, as the page has it."""
        return self.program[0] if self.program else "Node" if self.node else _SHELL.get(self.name, "Python")

    @property
    def missing(self) -> list[str]:
        """The Python packages that it needs and this environment does not have."""
        if self.node:
            return []
        return [one for one in self.packages if installed(one) is None and _version_of(one) == "?"]

    @property
    def versions(self) -> str:
        """What was judged: ``openai 3.54.0``."""
        pinned = _pinned(self.folder) if self.node else {}
        found = {one: pinned.get(one) or installed(one) or _version_of(one) for one in self.packages}
        return ", ".join(f"{package} {found[package]}" for package in self.packages)

    @property
    def folder(self) -> Path:
        """Where a client for Node has its packages and its driver."""
        return NODE if self.environment == CI else HERE / "node"

    @property
    def driver(self) -> list[str]:
        """The command of its driver."""
        if self.node is not None:
            return ["node", str(self.folder / "judged.mjs"), self.node]
        if self.program is not None:
            return programs.driver(*self.program)
        assert self.function is not None
        return [sys.executable, "-m", "benchmarks.judged.driver", self.function]

    def load(self) -> Client:
        """The function of a Python client; its packages are imported."""
        assert self.function is not None
        module, _, name = self.function.partition(":")
        found: Callable[[str], Any] = getattr(import_module(f"benchmarks.judged.sdks.{module}"), name)
        return found


def installed(package: str) -> str | None:
    """The version of a Python package in this environment, ``None`` where it is not there."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _version_of(name: str) -> str:
    """The version of a program, the first word of its own that has a digit."""
    words = _VERSION.get(name)
    if words is None or shutil.which(words[0]) is None:
        return "?"
    said = subprocess.run(words, capture_output=True, text=True, check=False)
    return next((word.strip('"') for word in said.stdout.split() if any(map(str.isdigit, word))), "?")


@cache
def _pinned(folder: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads((folder / "package.json").read_text("utf-8"))["dependencies"]
    return found


def _python(name: str, function: str, *packages: str, dialect: str = "chat", environment: str = CI) -> Judged:
    return Judged(name, packages, function, dialect=dialect, environment=environment)


def _node(name: str, node: str, *packages: str, dialect: str = "chat", environment: str = MORE_NODE) -> Judged:
    return Judged(name, packages, node=node, dialect=dialect, environment=environment)


def _program(name: str, program: tuple[str, str], *packages: str) -> Judged:
    return Judged(name, packages, program=program, environment=DEBIAN)


_OF_CI = (
    _python("openai", "openai_sdk:chat", "openai"),
    _python("openai-async", "openai_sdk:chat_async", "openai"),
    _python("httpx-sse", "httpx_sse_reader:events", "httpx-sse", "httpx"),
    _python("langchain-openai", "langchain_openai_sdk:stream", "langchain-openai", "openai"),
    _python("litellm", "litellm_sdk:completion_async", "litellm", "openai"),
    _python("sseclient-py", "requests_readers:sseclient_py", "sseclient-py", "requests"),
    _python("requests-loop", "requests_readers:documented_loop", "requests"),
    _node("openai-node", "openai", "openai", environment=CI),
    _node("ai-sdk", "ai", "ai", "@ai-sdk/openai-compatible", environment=CI),
    _node("eventsource-parser", "eventsource-parser", "eventsource-parser", environment=CI),
    _python("anthropic", "anthropic_sdk:messages", "anthropic", dialect="messages"),
    _python("anthropic-async", "anthropic_sdk:messages_async", "anthropic", dialect="messages"),
    _python("anthropic-helper", "anthropic_sdk:messages_helper", "anthropic", dialect="messages"),
    _node("anthropic-node", "anthropic", "@anthropic-ai/sdk", dialect="messages", environment=CI),
    _node("anthropic-node-helper", "anthropic-helper", "@anthropic-ai/sdk", dialect="messages", environment=CI),
    _python("openai-responses", "openai_sdk:responses", "openai", dialect="responses"),
    _python("openai-responses-async", "openai_sdk:responses_async", "openai", dialect="responses"),
    _python("openai-responses-helper", "openai_sdk:responses_helper", "openai", dialect="responses"),
    _node("openai-responses-node", "responses", "openai", dialect="responses", environment=CI),
    _node("openai-responses-node-helper", "responses-helper", "openai", dialect="responses", environment=CI),
    _python("google-genai", "google_sdk:generate", "google-genai", dialect="gemini"),
    _python("google-genai-async", "google_sdk:generate_async", "google-genai", dialect="gemini"),
    _node("google-genai-node", "google", "@google/genai", dialect="gemini", environment=CI),
    _python("ollama", "ollama_sdk:chat", "ollama", dialect="ollama"),
    _python("ollama-async", "ollama_sdk:chat_async", "ollama", dialect="ollama"),
    _node("ollama-node", "ollama", "ollama", dialect="ollama", environment=CI),
)
_FURTHER = (
    _python("litellm-sync", "litellm_sdk:completion", "litellm", "openai"),
    _python("litellm-openrouter", "litellm_sdk:openrouter", "litellm", "httpx"),
    _python("httpx-sse-async", "httpx_sse_reader:events_async", "httpx-sse", "httpx"),
    _python("mistralai", "mistral_sdk:chat", "mistralai", environment=SDKS),
    _python("mistralai-async", "mistral_sdk:chat_async", "mistralai", environment=SDKS),
    _python("openrouter", "openrouter_sdk:chat", "openrouter", environment=SDKS),
    _python("openrouter-async", "openrouter_sdk:chat_async", "openrouter", environment=SDKS),
    _python("groq", "stainless_sdks:groq", "groq", environment=SDKS),
    _python("together", "stainless_sdks:together", "together", environment=SDKS),
    _python("huggingface-hub", "huggingface_sdk:chat", "huggingface-hub", environment=SDKS),
    _python("huggingface-hub-async", "huggingface_sdk:chat_async", "huggingface-hub", environment=SDKS),
    _python("requests-sse", "event_sources:requests_sse", "requests-sse", environment=SDKS),
    _python("aiohttp-sse-client2", "event_sources:aiohttp_sse_client", "aiohttp-sse-client2", environment=SDKS),
    _python("http-client-loop", "by_hand:http_client", "Python"),
    _python("aiohttp-loop", "by_hand:aiohttp_lines", "aiohttp"),
    _python("curl", "by_hand:curl", "curl", environment=DEBIAN),
    _python("langchain-openrouter", "langchain_sdks.openrouter:stream", "langchain-openrouter", environment=FRAMEWORKS),
    _python("langchain-mistralai", "langchain_sdks.mistral:stream", "langchain-mistralai", environment=FRAMEWORKS),
    _python(
        "langchain-anthropic",
        "langchain_sdks.anthropic:stream",
        "langchain-anthropic",
        dialect="messages",
        environment=FRAMEWORKS,
    ),
    _python(
        "langchain-google-genai",
        "langchain_sdks.google:stream",
        "langchain-google-genai",
        dialect="gemini",
        environment=FRAMEWORKS,
    ),
    _python(
        "langchain-ollama", "langchain_sdks.ollama:stream", "langchain-ollama", dialect="ollama", environment=FRAMEWORKS
    ),
    _python("pydantic-ai", "agents.pydantic_ai_agent:openai", "pydantic-ai-slim", "openai", environment=FRAMEWORKS),
    _python(
        "pydantic-ai-openrouter",
        "agents.pydantic_ai_agent:openrouter",
        "pydantic-ai-slim",
        "openai",
        environment=FRAMEWORKS,
    ),
    _python("agno", "agents.agno_agent:stream", "agno", "openai", environment=FRAMEWORKS),
    _python(
        "llama-index",
        "agents.llama_index_model:stream",
        "llama-index-llms-openai-like",
        "openai",
        environment=FRAMEWORKS,
    ),
    _node("groq-node", "groq", "groq-sdk"),
    _node("together-node", "together", "together-ai"),
    _node("openrouter-node", "openrouter", "@openrouter/sdk"),
    _node("mistralai-node", "mistral", "@mistralai/mistralai"),
    _node("langchain-openai-node", "langchain-openai", "@langchain/openai"),
    _node("langchain-anthropic-node", "langchain-anthropic", "@langchain/anthropic", dialect="messages"),
    _node("huggingface-node", "huggingface", "@huggingface/inference"),
    _node("ai-sdk-openai", "ai-openai", "ai", "@ai-sdk/openai"),
    _node("ai-sdk-responses", "ai-responses", "ai", "@ai-sdk/openai", dialect="responses"),
    _node("ai-sdk-anthropic", "ai-anthropic", "ai", "@ai-sdk/anthropic", dialect="messages"),
    _node("ai-sdk-google", "ai-google", "ai", "@ai-sdk/google", dialect="gemini"),
    _node("ai-sdk-mistral", "ai-mistral", "ai", "@ai-sdk/mistral"),
    _node("ai-sdk-openrouter", "ai-openrouter", "ai", "@openrouter/ai-sdk-provider"),
    _node("fetch-event-stream", "fetch-event-stream", "fetch-event-stream"),
    _node("fetch-event-source", "fetch-event-source", "@microsoft/fetch-event-source"),
    _node("eventsource", "eventsource", "eventsource"),
    _node("eventsource-client", "eventsource-client", "eventsource-client"),
    _node("fetch-loop", "by-hand", "Node"),
    _program("go-loop", ("Go", "loop"), "Go"),
    _program("go-eventsource", ("Go", "eventsource"), "donovanhide/eventsource", "Go"),
    _program("java-http-client", ("Java", "lines"), "Java"),
    _program("okhttp", ("Java", "okhttp"), "OkHttp", "Java"),
)
CLIENTS = (*(replace(one, by_ci=True) for one in _OF_CI), *_FURTHER)

"""Which clients there are, which ways their manuals show, and where. Data only: nothing here needs the clients."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

_OPENAI = "https://github.com/openai/openai-python#streaming-responses"
_HTTPX = "https://www.python-httpx.org/quickstart/#streaming-responses"
_HTTPX_ASYNC = "https://www.python-httpx.org/async/#streaming-responses"
_REQUESTS = "https://requests.readthedocs.io/en/latest/user/advanced/#body-content-workflow"
_GATEWAY = "https://openrouter.ai/docs/api-reference/streaming#stream-cancellation"
_AIOHTTP = "https://docs.aiohttp.org/en/stable/client_quickstart.html#streaming-response-content"
_AIOHTTP_CLOSE = "https://docs.aiohttp.org/en/stable/client_reference.html#aiohttp.ClientResponse.close"
_TASK = "https://docs.python.org/3/library/asyncio-task.html#task-cancellation"
_LANGCHAIN = "https://docs.langchain.com/oss/python/langchain/models#stream"
_LITELLM = "https://docs.litellm.ai/docs/completion/stream"
_OPENAI_NODE = "https://github.com/openai/openai-node#streaming-responses"
_AI_SDK = "https://ai-sdk.dev/docs/advanced/stopping-streams"
_FETCH = "https://developer.mozilla.org/en-US/docs/Web/API/Fetch_API/Using_Fetch#canceling_a_request"
_PARSER = "https://github.com/rexxars/eventsource-parser#stream-usage"
_GO_BODY = "https://pkg.go.dev/net/http#pkg-overview"
_GO_CONTEXT = "https://pkg.go.dev/net/http#NewRequestWithContext"


class Runtime(StrEnum):
    """What runs a client."""

    PYTHON = "Python"
    NODE = "Node"
    GO = "Go"


@dataclass(frozen=True)
class Way:
    """One way to cancel. ``call``: ``module:function``; ``manual``: the page that shows it."""

    name: str
    call: str
    manual: str


@dataclass(frozen=True)
class Client:
    """A library. ``distributions``: what must be installed for it, and whose versions are told."""

    name: str
    distributions: tuple[str, ...]
    ways: tuple[Way, ...]
    runtime: Runtime = Runtime.PYTHON


PYTHON_CLIENTS = (
    Client(
        "openai",
        ("openai",),
        (
            Way("break", "openai_ways:sync_break", _OPENAI),
            Way("with, break", "openai_ways:sync_with", _OPENAI),
            Way("close() from a thread", "openai_ways:sync_close_from_a_thread", _OPENAI),
            Way("async: break", "openai_ways:async_break", _OPENAI),
            Way("async with, break", "openai_ways:async_with", _OPENAI),
            Way("async: close() from a task", "openai_ways:async_close", _OPENAI),
            Way("task.cancel()", "openai_ways:async_cancel", _TASK),
        ),
    ),
    Client(
        "httpx",
        ("httpx",),
        (
            Way("with stream(), break", "httpx_ways:sync_with", _HTTPX),
            Way("send(stream=True), break", "httpx_ways:sync_send", _HTTPX_ASYNC),
            Way("close() from a thread", "httpx_ways:sync_close_from_a_thread", _HTTPX),
            Way("async with stream(), break", "httpx_ways:async_with", _HTTPX_ASYNC),
            Way("aclose() from a task", "httpx_ways:async_aclose", _HTTPX_ASYNC),
            Way("task.cancel()", "httpx_ways:async_cancel", _TASK),
        ),
    ),
    Client(
        "requests",
        ("requests",),
        (
            Way("break", "requests_ways:sync_break", _REQUESTS),
            Way("with, break", "requests_ways:sync_with", _REQUESTS),
            Way("close() from a thread", "requests_ways:sync_close_from_a_thread", _REQUESTS),
            Way("an Event, then close()", "requests_ways:sync_event", _GATEWAY),
        ),
    ),
    Client(
        "aiohttp",
        ("aiohttp",),
        (
            Way("break", "aiohttp_ways:async_break", _AIOHTTP),
            Way("async with, break", "aiohttp_ways:async_with", _AIOHTTP),
            Way("close() from a task", "aiohttp_ways:async_close", _AIOHTTP_CLOSE),
            Way("task.cancel()", "aiohttp_ways:async_cancel", _TASK),
        ),
    ),
    Client(
        "langchain-openai",
        ("langchain-openai", "langchain-core", "openai"),
        (
            Way("stream(), break", "langchain_ways:sync_break", _LANGCHAIN),
            Way("astream(), break", "langchain_ways:async_break", _LANGCHAIN),
            Way("astream(), aclose()", "langchain_ways:async_aclose", _LANGCHAIN),
            Way("task.cancel()", "langchain_ways:async_cancel", _TASK),
            Way("the same, no chunk timeout", "langchain_ways:async_cancel_without_chunk_timeout", _LANGCHAIN),
        ),
    ),
    Client(
        "litellm",
        ("litellm", "openai"),
        (
            Way("completion(), break", "litellm_ways:sync_break", _LITELLM),
            Way("acompletion(), break", "litellm_ways:async_break", _LITELLM),
            Way("aclose() from a task", "litellm_ways:async_aclose", _LITELLM),
            Way("task.cancel()", "litellm_ways:async_cancel", _TASK),
        ),
    ),
)
NODE_CLIENTS = (
    Client(
        "openai (node)",
        ("openai",),
        (
            Way("break", "openai:breakLoop", _OPENAI_NODE),
            Way("return", "openai:returnFromLoop", _OPENAI_NODE),
            Way("stream.controller.abort()", "openai:abortStream", _OPENAI_NODE),
            Way("{ signal }, abort()", "openai:abortSignal", _OPENAI_NODE),
        ),
        runtime=Runtime.NODE,
    ),
    Client(
        "AI SDK",
        ("ai", "@ai-sdk/openai-compatible"),
        (
            Way("{ abortSignal }, abort()", "ai_sdk:abortSignal", _AI_SDK),
            Way("textStream, break", "ai_sdk:breakLoop", _AI_SDK),
        ),
        runtime=Runtime.NODE,
    ),
    Client(
        "fetch",
        ("eventsource-parser",),
        (
            Way("{ signal }, abort()", "fetch:abortSignal", _FETCH),
            Way("parser stream, break", "fetch:breakLoop", _PARSER),
            Way("reader.cancel()", "fetch:cancelReader", _PARSER),
        ),
        runtime=Runtime.NODE,
    ),
)
GO_CLIENTS = (
    Client(
        "net/http (Go)",
        (),
        (
            Way("return, no Close()", "ways:leaveLoop", _GO_BODY),
            Way("defer Body.Close(), return", "ways:deferClose", _GO_BODY),
            Way("Body.Close() from a goroutine", "ways:closeFromGoroutine", _GO_BODY),
            Way("cancel() of its context", "ways:cancelContext", _GO_CONTEXT),
        ),
        runtime=Runtime.GO,
    ),
)
CLIENTS = (*PYTHON_CLIENTS, *NODE_CLIENTS, *GO_CLIENTS)

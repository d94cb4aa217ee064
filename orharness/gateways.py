"""The differences between gateways in the same dialect, as data, found by name.

Where a gateway's documentation and recordings of it disagree, the recording counts; where there is only documentation,
the field follows it; where OneRouter's says nothing, it is assumed to do as OpenAI does.

Sources: https://docs.onerouter.pro/api-reference/errors, https://onerouter.pro/blog/usage-accounting-in-onerouter;
https://openrouter.ai/docs/api-reference/streaming, https://openrouter.ai/docs/errors and recorded streams;
https://platform.openai.com/docs/api-reference/chat-streaming and recorded streams;
https://docs.claude.com/en/api/overview (``anthropic-version``) and recorded streams of Anthropic;
https://ai.google.dev/gemini-api/docs/api-key; recorded streams of Groq, Azure and DeepSeek, and
https://api-docs.deepseek.com/quick_start/rate_limit (its keep-alives); a recorded stream of vLLM 0.24 and, for its
reasoning and errors, vLLM's source (``DeltaMessage``, ``ErrorInfo``, ``create_streaming_error_response``); llama.cpp's
server, run by the tests.

Not recorded, and so assumed to be as OpenAI's: where Groq and Azure have the usage if it is asked for, and an error
inside a stream of Azure, DeepSeek or llama.cpp.

Left out of what was recorded: Groq's ``x_groq`` (its request id, and the usage once more), the fields with which Azure
and vLLM extend a choice, and llama.cpp's ``timings``; its choices have no ``logprobs``, which are null here.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, replace
from enum import StrEnum

from orharness.errors import ScenarioError


class UsageRule(StrEnum):
    """The request field that asks for the token counts at the end of a stream."""

    ALWAYS = "always"
    USAGE_INCLUDE = "usage.include"  # "usage": {"include": true}
    STREAM_OPTIONS = "stream_options.include_usage"  # "stream_options": {"include_usage": true}


class ErrorShape(StrEnum):
    """The form of an error inside a stream whose HTTP status was already 200."""

    DOCUMENTED = "documented"  # OpenRouter's pages: a chunk with `error` and finish_reason "error", then the body ends
    RECORDED = "recorded"  # OpenRouter as recorded: `error`, finish_reason null and usage in a chunk, then [DONE]
    NAMED_EVENT = "named_event"  # Groq as recorded: `event: error`, then the body ends
    BARE = "bare"  # what the OpenAI SDKs look for: data with nothing but `error`, then the body ends
    BARE_DONE = "bare_done"  # vLLM: the same, then [DONE]


@dataclass(frozen=True, slots=True)
class Gateway:
    """The properties of one gateway.

    ``comment`` is the keep-alive line as it is sent, colon included; ``None``: it sends none. ``error_fields`` are
    those of ``error`` in an error document, in order; ``metadata`` is only sent if there is any.
    ``error_code_is_status``: ``error.code`` repeats the HTTP status; otherwise it is a word, or null.
    ``usage_in_choice``: the usage chunk still has one (empty) choice; otherwise ``choices`` is empty.
    ``usage_with_finish``: the usage is in the chunk with the finish_reason. ``usage_null``: each chunk before the usage
    says ``"usage": null``. ``full_deltas``: each delta repeats role and content. ``reasoning_fields``: the fields of a
    delta with the reasoning. ``prompt_filters``: a chunk without choices, id and model comes first, with what a content
    filter said of the prompt.

    Of the other APIs: ``response_id_prefix`` begins the ids of Responses; ``responses_named``: each event of Responses
    has its type as its name, too; ``responses_done``: ``[DONE]`` follows the last one. ``messages_version``: Messages
    are refused without the header ``anthropic-version``; ``gemini_key``: content is refused without a key.
    ``chat_required``: the fields without which a chat is refused. In all else a gateway does as the API's owner does.
    """

    name: str
    title: str
    comment: str | None
    id_prefix: str
    generation_header: str | None
    error_fields: tuple[str, ...]
    error_code_is_status: bool
    stream_error: ErrorShape
    usage: UsageRule
    usage_in_choice: bool
    usage_null: bool
    usage_cost: bool
    names_provider: bool
    native_finish_reason: bool
    full_deltas: bool
    reasoning_fields: tuple[str, ...]
    usage_with_finish: bool
    prompt_filters: bool
    response_id_prefix: str
    responses_named: bool
    responses_done: bool
    messages_version: bool
    gemini_key: bool
    chat_required: tuple[str, ...]

    def __hash__(self) -> int:  # not of all fields: each request looks up what a gateway makes of it, five times
        return hash(self.name)


ONEROUTER = Gateway(
    name="onerouter",
    title="OneRouter",
    comment=": ONEROUTER PROCESSING",
    id_prefix="gen-",
    generation_header="X-Generation-Id",
    error_fields=("code", "message", "type", "param"),
    error_code_is_status=True,
    stream_error=ErrorShape.DOCUMENTED,
    usage=UsageRule.USAGE_INCLUDE,
    usage_in_choice=False,
    usage_null=False,
    usage_cost=True,
    names_provider=True,
    native_finish_reason=True,
    full_deltas=False,
    reasoning_fields=("reasoning", "reasoning_details"),
    usage_with_finish=False,
    prompt_filters=False,
    response_id_prefix="gen-",
    responses_named=True,
    responses_done=False,
    messages_version=False,
    gemini_key=False,
    chat_required=(),
)
OPENROUTER = Gateway(
    name="openrouter",
    title="OpenRouter",
    comment=": OPENROUTER PROCESSING",
    id_prefix="gen-",
    generation_header="X-Generation-Id",
    error_fields=("code", "message", "metadata"),
    error_code_is_status=True,
    stream_error=ErrorShape.RECORDED,
    usage=UsageRule.ALWAYS,
    usage_in_choice=True,
    usage_null=False,
    usage_cost=True,
    names_provider=True,
    native_finish_reason=True,
    full_deltas=True,
    reasoning_fields=("reasoning", "reasoning_details"),
    usage_with_finish=False,
    prompt_filters=False,
    response_id_prefix="gen-",
    responses_named=False,
    responses_done=True,
    messages_version=False,
    gemini_key=False,
    chat_required=(),
)
OPENAI = Gateway(
    name="openai",
    title="OpenAI",
    comment=None,
    id_prefix="chatcmpl-",
    generation_header=None,
    error_fields=("message", "type", "param", "code"),
    error_code_is_status=False,
    stream_error=ErrorShape.BARE,
    usage=UsageRule.STREAM_OPTIONS,
    usage_in_choice=False,
    usage_null=True,
    usage_cost=False,
    names_provider=False,
    native_finish_reason=False,
    full_deltas=False,
    # OpenAI itself streams no reasoning in this dialect; those who copied it (DeepSeek, Z.AI) do, in this field.
    reasoning_fields=("reasoning_content",),
    usage_with_finish=False,
    prompt_filters=False,
    response_id_prefix="resp_",
    responses_named=True,
    responses_done=False,
    messages_version=False,
    gemini_key=False,
    chat_required=("model", "messages"),
)
ANTHROPIC = replace(
    OPENAI,  # whose chat completions it also answers (https://docs.claude.com/en/api/openai-sdk)
    name="anthropic",
    title="Anthropic",
    id_prefix="msg_",
    messages_version=True,
)

GOOGLE = replace(
    OPENAI,  # whose chat completions it answers, too (https://ai.google.dev/gemini-api/docs/openai)
    name="google",
    title="Google",
    gemini_key=True,
)

GROQ = replace(
    OPENAI,
    name="groq",
    title="Groq",
    error_fields=("message", "type", "code"),
    stream_error=ErrorShape.NAMED_EVENT,
    reasoning_fields=("reasoning",),
)

AZURE = replace(OPENAI, name="azure", title="Azure", prompt_filters=True)

DEEPSEEK = replace(
    OPENAI, name="deepseek", title="DeepSeek", comment=": keep-alive", id_prefix="", usage_with_finish=True
)

VLLM = replace(
    OPENAI,
    name="vllm",
    title="vLLM",
    error_code_is_status=True,
    stream_error=ErrorShape.BARE_DONE,
    usage_null=False,
    reasoning_fields=("reasoning",),  # `reasoning_content` was removed: https://github.com/vllm-project/vllm/pull/33402
    chat_required=("messages",),  # it serves one model
)

LLAMA_CPP = replace(
    OPENAI,
    name="llamacpp",
    title="llama.cpp",
    comment=":",
    error_fields=("code", "message", "type"),
    error_code_is_status=True,
    usage_null=False,
    chat_required=("messages",),
)

_ALL = (ONEROUTER, OPENROUTER, OPENAI, ANTHROPIC, GOOGLE, GROQ, AZURE, DEEPSEEK, VLLM, LLAMA_CPP)
GATEWAYS = {gateway.name: gateway for gateway in _ALL}


def lookup(name: str) -> Gateway:
    """Return the gateway of that name, ignoring case and punctuation: ``onerouter``, ``OneRouter``, ``one-router``.

    Raises ``ScenarioError`` for any other name, with the nearest one.
    """
    if not isinstance(name, str):
        raise ScenarioError(f"gateway= is one of {', '.join(GATEWAYS)}, not {name!r}")
    plain = re.sub(r"[^a-z0-9]", "", name.casefold())
    if plain in GATEWAYS:
        return GATEWAYS[plain]
    near = difflib.get_close_matches(plain, GATEWAYS, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise ScenarioError(f"no gateway is called {name!r}; {hint}known are {', '.join(GATEWAYS)}")

"""chat: the content of the chunks. The text is the ``content`` of choice 0, and nothing else.

Shapes are those that services were recorded to send; the values are made up.
"""

from __future__ import annotations

from typing import Any

from orharness.dialects.chat.cases.making import (
    CHAT,
    GATEWAY,
    OPENROUTER,
    PLAIN,
    Document,
    case,
    chat,
    delta,
    event,
    fails,
    finish,
    may_fail,
    said,
    stream,
    yields,
)
from orharness.dialects.chat.parts import chunk

DEEPSEEK = "https://api-docs.deepseek.com/guides/reasoning_model"
AZURE = "https://learn.microsoft.com/en-us/azure/ai-services/openai/concepts/content-streaming"
_COUNTS = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
_USAGE = event(chunk(None, usage=_COUNTS))
_NO_CONTENT = "a delta may have no content: a role, a finish_reason, tool calls or reasoning come alone"
_NO_DELTA = "a choice without a delta is stumbled over: it says nothing of the text, and is to be passed over"
_REASONING = "reasoning is taken for text: the text is what stands in `content`"
_TOOLS = "tool calls are taken for text: the text is what stands in `content`"
_CHOICES = "the choices are mixed: each has an index, and a text is that of one of them"
_THOUGHT = {"type": "reasoning.text", "text": "Let me", "format": None, "index": 0}
# As OpenRouter documents it: OpenAI's schema asks for the offsets, which a client that validates needs.
_CITED = {"url": "https://example.org", "title": "no", "content": "no", "start_index": 0, "end_index": 5}
_CITATION = {"type": "url_citation", "url_citation": _CITED}


def _choices(*choices: dict[str, Any], **fields: Any) -> Document:
    return event(chunk(None, **{"choices": list(choices), **fields}))


def _choice(index: int, content: str) -> dict[str, Any]:
    return {"index": index, "delta": {"content": content}, "finish_reason": None}


def _tool(fragment: dict[str, Any]) -> Document:
    return event(chunk({"content": None, "tool_calls": [{"index": 0, **fragment}]}))


def _call(name: str, arguments: str) -> Document:
    return {"name": name, "arguments": arguments}


def _logprobs(token: str) -> dict[str, Any]:
    return {"content": [{"token": token, "logprob": -0.1, "bytes": None, "top_logprobs": []}], "refusal": None}


CASES: tuple[Document, ...] = (
    # -- whole answers, as three gateways write them
    case("onerouter", "An answer as OneRouter writes it.", GATEWAY, chat(PLAIN), yields(PLAIN)),
    case(
        "openrouter",
        "An answer as OpenRouter writes it: role and content in each delta, usage in a chunk with a choice.",
        OPENROUTER,
        chat(PLAIN, gateway="openrouter"),
        yields(PLAIN),
    ),
    case("openai", "An answer as OpenAI writes it.", CHAT, chat(PLAIN, gateway="openai"), yields(PLAIN)),
    # -- chunks that bring no text
    case(
        "role-and-null-content",
        "A first chunk with only a role and null as content.",
        CHAT,
        stream(
            event(chunk({"role": "assistant", "content": None})),
            delta("Hello"),
            delta(" world"),
            finish(),
            "[DONE]",
        ),
        yields("Hello world"),
    ),
    case(
        "role-only",
        "A first chunk with a role and no content.",
        CHAT,
        said({"role": "assistant"}, delta("Hello"), delta(" world")),
        yields("Hello world"),
        cause=_NO_CONTENT,
    ),
    case(
        "role-and-content",
        "A first chunk with a role and the first text.",
        CHAT,
        said({"role": "assistant", "content": "Hello"}, delta(" world")),
        yields("Hello world"),
    ),
    case(
        "empty-content",
        "Empty content in the first chunk, in the last, and between.",
        CHAT,
        said({"role": "assistant", "content": ""}, delta("Hello"), delta(""), delta(" world"), delta("")),
        yields("Hello world"),
    ),
    case(
        "null-content-between",
        "Null as content between two texts.",
        CHAT,
        said(delta("Hello"), delta(None), delta(" world")),
        yields("Hello world"),
    ),
    case(
        "empty-delta",
        "An empty delta between two texts.",
        CHAT,
        said(delta("Hello"), {}, delta(" world")),
        yields("Hello world"),
        cause=_NO_CONTENT,
    ),
    case(
        "no-delta",
        "A choice without a delta, as Azure's asynchronous filter sends it.",
        AZURE,
        said(
            delta("Hello"),
            _choices({"index": 0, "finish_reason": None, "content_filter_results": {}, "content_filter_offsets": {}}),
            delta(" world"),
        ),
        yields("Hello world"),
        level="SHOULD",
        cause=_NO_DELTA,
    ),
    case(
        "null-fields",
        "Every field that may be null is null.",
        CHAT,
        said(
            {"role": None, "content": "Hello", "tool_calls": None, "function_call": None, "refusal": None},
            _choices(
                {"index": 0, "delta": {"content": " world"}, "logprobs": None, "finish_reason": None},
                usage=None,
                system_fingerprint=None,
                service_tier=None,
            ),
        ),
        yields("Hello world"),
    ),
    # -- usage, filters, finish
    case(
        "usage-without-choices",
        "A usage chunk with an empty list of choices.",
        CHAT,
        stream(delta("Hello"), delta(" world"), finish(), _USAGE, "[DONE]"),
        yields("Hello world"),
    ),
    case(
        "usage-with-a-choice",
        "A usage chunk with a choice whose delta is empty text.",
        OPENROUTER,
        said(delta("Hello"), delta(" world"), event(chunk({"role": "assistant", "content": ""}, usage=_COUNTS))),
        yields("Hello world"),
    ),
    case(
        "usage-in-each-chunk",
        "Usage in each chunk, beside its text.",
        CHAT,
        said(delta("Hello", usage=_COUNTS), delta(" world", usage=_COUNTS)),
        yields("Hello world"),
    ),
    case(
        "prompt-filter-results-first",
        "A first chunk without choices and with empty names, as Azure sends it.",
        AZURE,
        said(
            event(chunk(None, id="", object="", model="", created=0, prompt_filter_results=[{"prompt_index": 0}])),
            {"role": "assistant", "content": ""},
            delta("Hello"),
            delta(" world"),
        ),
        yields("Hello world"),
    ),
    case(
        "content-with-the-finish",
        "The last text is in the chunk that has the finish_reason.",
        CHAT,
        stream(delta("Hello"), event(chunk({"content": " world"}, "stop")), "[DONE]"),
        yields("Hello world"),
        cause="it stops at the finish_reason before it has taken the text beside it",
    ),
    case(
        "finish-repeated",
        "The finish_reason comes twice, the second time with the usage.",
        OPENROUTER,
        stream(
            delta("Hello"),
            delta(" world"),
            finish(),
            event(chunk({"role": "assistant", "content": ""}, "stop", usage=_COUNTS)),
            "[DONE]",
        ),
        yields("Hello world"),
    ),
    case(
        "finish-length",
        "An answer that ends because it is as long as it may be.",
        CHAT,
        stream(delta("Hello"), delta(" world"), finish("length"), "[DONE]"),
        yields("Hello world"),
    ),
    case(
        "finish-content-filter",
        "An answer that a content filter ends: what came before is kept.",
        CHAT,
        stream(delta("Hello"), finish("content_filter"), "[DONE]"),
        may_fail("Hello"),
    ),
    # -- what is not the text
    case(
        "tool-calls",
        "Tool calls in fragments, and no text.",
        CHAT,
        chat("", tool_calls=[_call("weather", '{"city":"Bern"}'), _call("clock", '{"zone":"CET"}')]),
        yields(""),
        cause=_TOOLS,
    ),
    case(
        "tool-calls-after-text",
        "Text, and then tool calls in fragments whose contents are null.",
        CHAT,
        stream(
            delta("Hello"),
            _tool({"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ""}}),
            _tool({"function": {"arguments": '{"city":'}}),
            _tool({"function": {"arguments": '"Bern"}'}}),
            finish("tool_calls"),
            "[DONE]",
        ),
        yields("Hello"),
        cause=_TOOLS,
    ),
    case(
        "reasoning",
        "Reasoning in `reasoning` and `reasoning_details`, before the text.",
        OPENROUTER,
        chat(PLAIN, gateway="openrouter", reasoning="Let me think."),
        yields(PLAIN),
        cause=_REASONING,
    ),
    case(
        "reasoning-content",
        "Reasoning in `reasoning_content`, with null as content, before the text.",
        DEEPSEEK,
        said(
            {"role": "assistant", "content": None, "reasoning_content": "Let me"},
            {"content": None, "reasoning_content": " think."},
            {"content": "Hello", "reasoning_content": None},
            {"content": " world", "reasoning_content": None},
        ),
        yields("Hello world"),
        cause=_REASONING,
    ),
    case(
        "reasoning-beside-content",
        "Reasoning and text in the same delta.",
        OPENROUTER,
        said(
            {"content": "Hello", "reasoning": "Let me", "reasoning_details": [_THOUGHT]},
            {"content": " world", "reasoning": None, "reasoning_details": []},
        ),
        yields("Hello world"),
        cause=_REASONING,
    ),
    case(
        "refusal",
        "A refusal, whose content is null: it is not text, though a client may show it.",
        CHAT,
        said({"role": "assistant", "content": None, "refusal": "I"}, {"content": None, "refusal": " cannot."}),
        yields(""),
        also=[yields("I cannot."), fails(""), fails("I cannot.")],
    ),
    case(
        "annotations",
        "Annotations of a web search in a delta with empty content.",
        OPENROUTER,
        said(delta("Hello"), {"role": "assistant", "content": "", "annotations": [_CITATION]}, delta(" world")),
        yields("Hello world"),
    ),
    case(
        "logprobs",
        "Log probabilities, which repeat the text.",
        CHAT,
        said(*(_choices({**_choice(0, text), "logprobs": _logprobs(text)}) for text in ("Hello", " world"))),
        yields("Hello world"),
    ),
    case(
        "unknown-fields",
        "Unknown fields in the chunk, the choice and the delta; the known ones come last.",
        CHAT,
        said(
            _choices({"x_score": 0.5, **_choice(0, "Hello")}, x_trace=[{"content": "no"}], obfuscation="aB3"),
            {"x_text": "no", "content": " world"},
        ),
        yields("Hello world"),
    ),
    case(
        "provider-and-native-finish-reason",
        "`provider` in each chunk, and a `native_finish_reason` beside the finish_reason.",
        OPENROUTER,
        chat(PLAIN, provider="Anthropic", native_finish_reason="end_turn"),
        yields(PLAIN),
    ),
    case(
        "two-choices",
        "Two choices in turn: the text is that of the first, and not a mixture.",
        CHAT,
        said(*(_choices(_choice(index, text)) for text in ("Hello", " world") for index in (0, 1))),
        yields("Hello world"),
        level="SHOULD",  # services send two choices only on request
        cause=_CHOICES,
    ),
    case(
        "two-choices-in-one-chunk",
        "Two choices in each chunk, the second one in front.",
        CHAT,
        said(*(_choices(_choice(1, "no"), _choice(0, text)) for text in ("Hello", " world"))),
        yields("Hello world"),
        level="SHOULD",
        cause=_CHOICES,
    ),
)

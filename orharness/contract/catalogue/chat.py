"""chat: what stands in the chunks of a chat completion. The text is the ``content`` of choice 0, and nothing else.

Shapes are those that services were recorded to send; the values are made up.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

from orharness.contract.catalogue.case import Case, Profile
from orharness.contract.catalogue.chunkings import AS_SENT, PER_BYTE
from orharness.contract.catalogue.making import (
    CHAT,
    GATEWAY,
    HEAD,
    PARSING_RULES,
    PLAIN,
    chat,
    chunk,
    delta,
    either,
    fails,
    finish,
    stream,
    yields,
)
from orharness.dialects.completion import ToolCall
from orharness.scenario import Reply
from orharness.sse import Event
from orharness.transforms import coalesce
from orharness.verdict import Level

OPENROUTER = "https://openrouter.ai/docs/api-reference/streaming"
DEEPSEEK = "https://api-docs.deepseek.com/guides/reasoning_model"
AZURE = "https://learn.microsoft.com/en-us/azure/ai-services/openai/concepts/content-streaming"
JSON = "https://www.rfc-editor.org/rfc/rfc8259#section-7"

_COUNTS = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
_USAGE = Event(data=chunk(None, usage=_COUNTS))
_SEPARATORS = "one\u2028two\u0085three\u2029four"
_SPLIT_LINES = (
    "a line is ended at U+2028, U+2029 or U+0085, as str.splitlines, httpx's iter_lines and aiter_lines do:"
    " only CR, LF and CRLF end a line"
)
_NO_CONTENT = "a delta may have no content: a role, a finish_reason, tool calls or reasoning come alone"
_REASONING = "reasoning is taken for text: the text is what stands in `content`"
_TOOLS = "tool calls are taken for text: the text is what stands in `content`"
_TRIMMED = "blanks at the ends of a token are cut off: they are part of the text"
_CHOICES = "the choices are mixed: each has an index, and a text is that of one of them"
_THOUGHT = {"type": "reasoning.text", "text": "Let me", "format": None, "index": 0}
_CITATION = {"type": "url_citation", "url_citation": {"url": "https://example.org", "title": "no", "content": "no"}}
_BIG = "x" * 1024 * 1024
_MANY = [f"{number} " for number in range(10_000)]


def _said(*events: Event | dict[str, Any], **options: Any) -> Callable[[], Reply]:
    """Events, each a delta or given whole, then the finish and ``[DONE]``."""
    pieces = (Event(data=chunk(one)) if isinstance(one, dict) else one for one in events)
    return stream(*pieces, finish(), "[DONE]", **options)


@cache
def _many_events() -> Reply:
    """Made when it is first asked for: that takes longer than all else in this file."""
    return _said(*map(delta, _MANY), through=[coalesce(100)])()


def _raw(content: str) -> Event:
    """A chunk whose content is this JSON string, as it is written."""
    return Event(data=chunk({"content": "?"}).replace('"?"', f'"{content}"'))


def _choices(*choices: dict[str, Any], **fields: Any) -> Event:
    return Event(data=chunk(None, **{"choices": list(choices), **fields}))


def _choice(index: int, content: str) -> dict[str, Any]:
    return {"index": index, "delta": {"content": content}, "finish_reason": None}


def _tool(fragment: dict[str, Any]) -> Event:
    return Event(data=chunk({"content": None, "tool_calls": [{"index": 0, **fragment}]}))


def _logprobs(token: str) -> dict[str, Any]:
    return {"content": [{"token": token, "logprob": -0.1, "bytes": None, "top_logprobs": []}], "refusal": None}


def _document(content: str) -> dict[str, Any]:
    return {"object": "chat.completion.chunk", "choices": [{"delta": {"content": content}, "index": 0}], **HEAD}


def _spaced(content: str) -> Event:
    return Event(data=json.dumps(_document(content), separators=(" , ", " : ")))


def _over_lines(content: str) -> Event:
    """Each line of the indented JSON becomes a data line of its own."""
    return Event(data=json.dumps(_document(content), indent=1))


CASES: tuple[Case, ...] = (
    # -- whole answers, as three gateways write them
    Case("chat/onerouter", "An answer as OneRouter writes it.", GATEWAY, chat(PLAIN), yields(PLAIN)),
    Case(
        "chat/openrouter",
        "An answer as OpenRouter writes it: role and content in each delta, usage in a chunk with a choice.",
        OPENROUTER,
        chat(PLAIN, gateway="openrouter"),
        yields(PLAIN),
    ),
    Case("chat/openai", "An answer as OpenAI writes it.", CHAT, chat(PLAIN, gateway="openai"), yields(PLAIN)),
    # -- chunks that bring no text
    Case(
        "chat/role-and-null-content",
        "A first chunk with only a role and null as content.",
        CHAT,
        stream(
            Event(data=chunk({"role": "assistant", "content": None})),
            delta("Hello"),
            delta(" world"),
            finish(),
            "[DONE]",
        ),
        yields("Hello world"),
    ),
    Case(
        "chat/role-only",
        "A first chunk with a role and no content.",
        CHAT,
        _said({"role": "assistant"}, delta("Hello"), delta(" world")),
        yields("Hello world"),
        cause=_NO_CONTENT,
    ),
    Case(
        "chat/role-and-content",
        "A first chunk with a role and the first text.",
        CHAT,
        _said({"role": "assistant", "content": "Hello"}, delta(" world")),
        yields("Hello world"),
    ),
    Case(
        "chat/empty-content",
        "Empty content in the first chunk, in the last, and between.",
        CHAT,
        _said({"role": "assistant", "content": ""}, delta("Hello"), delta(""), delta(" world"), delta("")),
        yields("Hello world"),
    ),
    Case(
        "chat/null-content-between",
        "Null as content between two texts.",
        CHAT,
        _said(delta("Hello"), delta(None), delta(" world")),
        yields("Hello world"),
    ),
    Case(
        "chat/empty-delta",
        "An empty delta between two texts.",
        CHAT,
        _said(delta("Hello"), {}, delta(" world")),
        yields("Hello world"),
        cause=_NO_CONTENT,
    ),
    Case(
        "chat/no-delta",
        "A choice without a delta, as Azure's asynchronous filter sends it.",
        AZURE,
        _said(
            delta("Hello"),
            _choices({"index": 0, "finish_reason": None, "content_filter_results": {}, "content_filter_offsets": {}}),
            delta(" world"),
        ),
        yields("Hello world"),
        level=Level.SHOULD,
        cause=_NO_CONTENT,
    ),
    Case(
        "chat/null-fields",
        "Every field that may be null is null.",
        CHAT,
        _said(
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
    Case(
        "chat/usage-without-choices",
        "A usage chunk with an empty list of choices.",
        CHAT,
        stream(delta("Hello"), delta(" world"), finish(), _USAGE, "[DONE]"),
        yields("Hello world"),
    ),
    Case(
        "chat/usage-with-a-choice",
        "A usage chunk with a choice whose delta is empty text.",
        OPENROUTER,
        _said(delta("Hello"), delta(" world"), Event(data=chunk({"role": "assistant", "content": ""}, usage=_COUNTS))),
        yields("Hello world"),
    ),
    Case(
        "chat/usage-in-each-chunk",
        "Usage in each chunk, beside its text.",
        CHAT,
        _said(delta("Hello", usage=_COUNTS), delta(" world", usage=_COUNTS)),
        yields("Hello world"),
    ),
    Case(
        "chat/prompt-filter-results-first",
        "A first chunk without choices and with empty names, as Azure sends it.",
        AZURE,
        _said(
            Event(data=chunk(None, id="", object="", model="", created=0, prompt_filter_results=[{"prompt_index": 0}])),
            {"role": "assistant", "content": ""},
            delta("Hello"),
            delta(" world"),
        ),
        yields("Hello world"),
    ),
    Case(
        "chat/content-with-the-finish",
        "The last text stands in the chunk that has the finish_reason.",
        CHAT,
        stream(delta("Hello"), Event(data=chunk({"content": " world"}, "stop")), "[DONE]"),
        yields("Hello world"),
        cause="it stops at the finish_reason before it has taken the text beside it",
    ),
    Case(
        "chat/finish-repeated",
        "The finish_reason comes twice, the second time with the usage.",
        OPENROUTER,
        stream(
            delta("Hello"),
            delta(" world"),
            finish(),
            Event(data=chunk({"role": "assistant", "content": ""}, "stop", usage=_COUNTS)),
            "[DONE]",
        ),
        yields("Hello world"),
    ),
    Case(
        "chat/finish-length",
        "An answer that ends because it is as long as it may be.",
        CHAT,
        stream(delta("Hello"), delta(" world"), finish("length"), "[DONE]"),
        yields("Hello world"),
    ),
    Case(
        "chat/finish-content-filter",
        "An answer that a content filter ends: what came before is kept.",
        CHAT,
        stream(delta("Hello"), finish("content_filter"), "[DONE]"),
        either("Hello"),
    ),
    # -- what is not the text
    Case(
        "chat/tool-calls",
        "Tool calls in fragments, and no text.",
        CHAT,
        chat("", tool_calls=(ToolCall("weather", '{"city":"Bern"}'), ToolCall("clock", '{"zone":"CET"}'))),
        yields(""),
        cause=_TOOLS,
    ),
    Case(
        "chat/tool-calls-behind-text",
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
    Case(
        "chat/reasoning",
        "Reasoning in `reasoning` and `reasoning_details`, before the text.",
        OPENROUTER,
        chat(PLAIN, gateway="openrouter", reasoning="Let me think."),
        yields(PLAIN),
        cause=_REASONING,
    ),
    Case(
        "chat/reasoning-content",
        "Reasoning in `reasoning_content`, with null as content, before the text.",
        DEEPSEEK,
        _said(
            {"role": "assistant", "content": None, "reasoning_content": "Let me"},
            {"content": None, "reasoning_content": " think."},
            {"content": "Hello", "reasoning_content": None},
            {"content": " world", "reasoning_content": None},
        ),
        yields("Hello world"),
        cause=_REASONING,
    ),
    Case(
        "chat/reasoning-beside-content",
        "Reasoning and text in the same delta.",
        OPENROUTER,
        _said(
            {"content": "Hello", "reasoning": "Let me", "reasoning_details": [_THOUGHT]},
            {"content": " world", "reasoning": None, "reasoning_details": []},
        ),
        yields("Hello world"),
        cause=_REASONING,
    ),
    Case(
        "chat/refusal",
        "A refusal, whose content is null: it is no text, though a client may show it.",
        CHAT,
        _said({"role": "assistant", "content": None, "refusal": "I"}, {"content": None, "refusal": " cannot."}),
        yields(""),
        also=(yields("I cannot."), fails(""), fails("I cannot.")),
    ),
    Case(
        "chat/annotations",
        "Annotations of a web search in a delta with empty content.",
        OPENROUTER,
        _said(delta("Hello"), {"role": "assistant", "content": "", "annotations": [_CITATION]}, delta(" world")),
        yields("Hello world"),
    ),
    Case(
        "chat/logprobs",
        "Log probabilities, which repeat the text.",
        CHAT,
        _said(*(_choices({**_choice(0, text), "logprobs": _logprobs(text)}) for text in ("Hello", " world"))),
        yields("Hello world"),
    ),
    Case(
        "chat/unknown-fields",
        "Fields that nobody knows, in the chunk, the choice and the delta; the known ones come last.",
        CHAT,
        _said(
            _choices({"x_score": 0.5, **_choice(0, "Hello")}, x_trace=[{"content": "no"}], obfuscation="aB3"),
            {"x_text": "no", "content": " world"},
        ),
        yields("Hello world"),
    ),
    Case(
        "chat/provider-and-native-finish-reason",
        "`provider` in each chunk, and a `native_finish_reason` beside the finish_reason.",
        OPENROUTER,
        chat(PLAIN, provider="Anthropic", native_finish_reason="end_turn"),
        yields(PLAIN),
    ),
    Case(
        "chat/two-choices",
        "Two choices in turn: the text is that of the first, and not a mixture.",
        CHAT,
        _said(*(_choices(_choice(index, text)) for text in ("Hello", " world") for index in (0, 1))),
        yields("Hello world"),
        level=Level.SHOULD,  # nobody gets two who did not ask for them
        cause=_CHOICES,
    ),
    Case(
        "chat/two-choices-in-one-chunk",
        "Two choices in each chunk, the second one in front.",
        CHAT,
        _said(*(_choices(_choice(1, "no"), _choice(0, text)) for text in ("Hello", " world"))),
        yields("Hello world"),
        level=Level.SHOULD,
        cause=_CHOICES,
    ),
    # -- the text itself
    Case(
        "chat/leading-spaces",
        "Tokens that begin and end with blanks, the first and the last one too.",
        CHAT,
        _said(delta("  Hello"), delta(" big "), delta(" world  ")),
        yields("  Hello big  world  "),
        cause=_TRIMMED,
    ),
    Case(
        "chat/blank-tokens",
        "Tokens of nothing but blanks and line ends.",
        CHAT,
        _said(delta("\n"), delta("Hello"), delta(" "), delta("\t"), delta("\n\n"), delta("world"), delta("\n")),
        yields("\nHello \t\n\nworld\n"),
        cause=_TRIMMED,
    ),
    Case(
        "chat/repeated-tokens",
        "The same chunk again and again, to the byte.",
        CHAT,
        _said(*[delta("ha")] * 5),
        yields("ha" * 5),
    ),
    Case(
        "chat/falsy-texts",
        "Tokens that look like nothing: 0, null, false, undefined, None.",
        CHAT,
        _said(*map(delta, ("0", " null", " false", " undefined", " None"))),
        yields("0 null false undefined None"),
    ),
    Case(
        "chat/text-like-a-stream",
        "Text that looks like the lines of an event stream.",
        CHAT,
        _said(*map(delta, ("data: x", "\n\n", ": y", "\n", "event: error", "\r\n", 'data: {"error": 1}'))),
        yields('data: x\n\n: y\nevent: error\r\ndata: {"error": 1}'),
        chunkings=(AS_SENT, PER_BYTE),
    ),
    Case(
        "chat/escapes",
        "Every escape that JSON knows.",
        JSON,
        _said(_raw(r"\" \\ \/ \b \f \n \r \t \u00fc")),
        yields('" \\ / \b \f \n \r \t ü'),
    ),
    Case(
        "chat/escaped-surrogates",
        "A character beyond U+FFFF, escaped as a pair of surrogates.",
        JSON,
        _said(_raw(r"smile \ud83d\ude42"), delta("!")),
        yields("smile 🙂!"),
        chunkings=(AS_SENT, PER_BYTE),
    ),
    Case(
        "chat/escaped-nul",
        "U+0000, escaped.",
        JSON,
        _said(_raw(r"a\u0000b"), delta("c")),
        yields("a\0bc"),
    ),
    Case(
        "chat/escaped-separators",
        "U+2028 and the control characters that Python takes for line ends, escaped.",
        JSON,
        _said(_raw(r"a\u2028b\u000bc\u000cd\u001ce\u0085f")),
        yields("a\u2028b\vc\fd\x1ce\x85f"),
        broken_json=_SPLIT_LINES,
    ),
    Case(
        "chat/unicode-line-separators",
        "U+2028, U+2029 and U+0085 inside the data: they end no line.",
        PARSING_RULES,
        stream(delta(_SEPARATORS), finish(), "[DONE]"),
        yields(_SEPARATORS),
        broken_json=_SPLIT_LINES,
    ),
    Case(
        "chat/byte-order-mark-in-the-text",
        "U+FEFF inside the text, and at the start of a token: it is a character like any other.",
        PARSING_RULES,
        _said(delta("a\ufeffb"), delta("\ufeffc")),
        yields("a\ufeffb\ufeffc"),
    ),
    Case(
        "chat/joined-characters",
        "Characters that are put together over several tokens: a family, a flag, an accent.",
        CHAT,
        _said(*map(delta, ("👨", "\u200d", "👩", "🇨", "🇭", "e", "\u0301"))),
        yields("👨\u200d👩🇨🇭e\u0301"),
        chunkings=(AS_SENT, PER_BYTE),
    ),
    # -- how the JSON is written, and how much of it there is
    Case(
        "chat/spaced-json",
        "JSON with blanks between its tokens, and its keys in another order.",
        JSON,
        stream(*map(_spaced, ("Hello", " world")), finish(), "[DONE]"),
        yields("Hello world"),
    ),
    Case(
        "chat/json-over-several-lines",
        "JSON over several data lines: they are one event.",
        PARSING_RULES,
        stream(*map(_over_lines, ("Hello", " world")), finish(), "[DONE]"),
        yields("Hello world"),
        profile=Profile.WHATWG,
        broken_json="each data line is given to the JSON parser: those of one event belong together, line ends between",
    ),
    Case(
        "chat/long-event",
        "One event of 1 MiB.",
        PARSING_RULES,
        _said(delta("Hello "), delta(_BIG), delta(" world")),
        yields(f"Hello {_BIG} world"),
        patience=10,
        broken_json="a line is cut where a buffer ends: a line has no greatest length",
        cause="a line is cut or thrown away where a buffer ends: a line has no greatest length",
    ),
    Case(
        "chat/many-events",
        "10,000 small events.",
        CHAT,
        _many_events,
        yields("".join(_MANY)),
        patience=10,
    ),
)

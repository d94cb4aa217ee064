"""chat: what is in the chunks of a chat completion. The text is the ``content`` of choice 0, and nothing else.

Shapes are those that services were recorded to send; the values are made up.
"""

from __future__ import annotations

import json
from typing import Any

from orharness.dialects.chat.cases.making import (
    CHAT,
    GATEWAY,
    OPENROUTER,
    PARSING_RULES,
    PLAIN,
    Document,
    chat,
    delta,
    event,
    fails,
    finish,
    may_fail,
    stream,
    yields,
)
from orharness.dialects.chat.parts import HEAD, chunk

DEEPSEEK = "https://api-docs.deepseek.com/guides/reasoning_model"
AZURE = "https://learn.microsoft.com/en-us/azure/ai-services/openai/concepts/content-streaming"
JSON = "https://www.rfc-editor.org/rfc/rfc8259#section-7"

_COUNTS = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
_USAGE = event(chunk(None, usage=_COUNTS))
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


def _case(name: str, title: str, source: str, reply: Document, expect: Document, **more: Any) -> Document:
    return {"id": f"chat/{name}", "title": title, "source": source, "reply": reply, "expect": expect, **more}


def _said(*events: Document, **sending: Any) -> Document:
    """Return events, each a delta or given whole, then the finish and ``[DONE]``."""
    pieces = (one if set(one) in ({"data"}, {"text"}) else event(chunk(one)) for one in events)
    return stream(*pieces, finish(), "[DONE]", **sending)


def _raw(content: str) -> Document:
    """A chunk whose content is this JSON string, as it is written."""
    return event(chunk({"content": "?"}).replace('"?"', f'"{content}"'))


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


def _document(content: str) -> dict[str, Any]:
    return {"object": "chat.completion.chunk", "choices": [{"delta": {"content": content}, "index": 0}], **HEAD}


def _spaced(content: str) -> Document:
    return event(json.dumps(_document(content), separators=(" , ", " : ")))


def _over_lines(content: str) -> Document:
    """Each line of the indented JSON becomes a data line of its own."""
    return event(json.dumps(_document(content), indent=1))


CASES: tuple[Document, ...] = (
    # -- whole answers, as three gateways write them
    _case("onerouter", "An answer as OneRouter writes it.", GATEWAY, chat(PLAIN), yields(PLAIN)),
    _case(
        "openrouter",
        "An answer as OpenRouter writes it: role and content in each delta, usage in a chunk with a choice.",
        OPENROUTER,
        chat(PLAIN, gateway="openrouter"),
        yields(PLAIN),
    ),
    _case("openai", "An answer as OpenAI writes it.", CHAT, chat(PLAIN, gateway="openai"), yields(PLAIN)),
    # -- chunks that bring no text
    _case(
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
    _case(
        "role-only",
        "A first chunk with a role and no content.",
        CHAT,
        _said({"role": "assistant"}, delta("Hello"), delta(" world")),
        yields("Hello world"),
        cause=_NO_CONTENT,
    ),
    _case(
        "role-and-content",
        "A first chunk with a role and the first text.",
        CHAT,
        _said({"role": "assistant", "content": "Hello"}, delta(" world")),
        yields("Hello world"),
    ),
    _case(
        "empty-content",
        "Empty content in the first chunk, in the last, and between.",
        CHAT,
        _said({"role": "assistant", "content": ""}, delta("Hello"), delta(""), delta(" world"), delta("")),
        yields("Hello world"),
    ),
    _case(
        "null-content-between",
        "Null as content between two texts.",
        CHAT,
        _said(delta("Hello"), delta(None), delta(" world")),
        yields("Hello world"),
    ),
    _case(
        "empty-delta",
        "An empty delta between two texts.",
        CHAT,
        _said(delta("Hello"), {}, delta(" world")),
        yields("Hello world"),
        cause=_NO_CONTENT,
    ),
    _case(
        "no-delta",
        "A choice without a delta, as Azure's asynchronous filter sends it.",
        AZURE,
        _said(
            delta("Hello"),
            _choices({"index": 0, "finish_reason": None, "content_filter_results": {}, "content_filter_offsets": {}}),
            delta(" world"),
        ),
        yields("Hello world"),
        level="SHOULD",
        cause=_NO_CONTENT,
    ),
    _case(
        "null-fields",
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
    _case(
        "usage-without-choices",
        "A usage chunk with an empty list of choices.",
        CHAT,
        stream(delta("Hello"), delta(" world"), finish(), _USAGE, "[DONE]"),
        yields("Hello world"),
    ),
    _case(
        "usage-with-a-choice",
        "A usage chunk with a choice whose delta is empty text.",
        OPENROUTER,
        _said(delta("Hello"), delta(" world"), event(chunk({"role": "assistant", "content": ""}, usage=_COUNTS))),
        yields("Hello world"),
    ),
    _case(
        "usage-in-each-chunk",
        "Usage in each chunk, beside its text.",
        CHAT,
        _said(delta("Hello", usage=_COUNTS), delta(" world", usage=_COUNTS)),
        yields("Hello world"),
    ),
    _case(
        "prompt-filter-results-first",
        "A first chunk without choices and with empty names, as Azure sends it.",
        AZURE,
        _said(
            event(chunk(None, id="", object="", model="", created=0, prompt_filter_results=[{"prompt_index": 0}])),
            {"role": "assistant", "content": ""},
            delta("Hello"),
            delta(" world"),
        ),
        yields("Hello world"),
    ),
    _case(
        "content-with-the-finish",
        "The last text stands in the chunk that has the finish_reason.",
        CHAT,
        stream(delta("Hello"), event(chunk({"content": " world"}, "stop")), "[DONE]"),
        yields("Hello world"),
        cause="it stops at the finish_reason before it has taken the text beside it",
    ),
    _case(
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
    _case(
        "finish-length",
        "An answer that ends because it is as long as it may be.",
        CHAT,
        stream(delta("Hello"), delta(" world"), finish("length"), "[DONE]"),
        yields("Hello world"),
    ),
    _case(
        "finish-content-filter",
        "An answer that a content filter ends: what came before is kept.",
        CHAT,
        stream(delta("Hello"), finish("content_filter"), "[DONE]"),
        may_fail("Hello"),
    ),
    # -- what is not the text
    _case(
        "tool-calls",
        "Tool calls in fragments, and no text.",
        CHAT,
        chat("", tool_calls=[_call("weather", '{"city":"Bern"}'), _call("clock", '{"zone":"CET"}')]),
        yields(""),
        cause=_TOOLS,
    ),
    _case(
        "tool-calls-behind-text",
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
    _case(
        "reasoning",
        "Reasoning in `reasoning` and `reasoning_details`, before the text.",
        OPENROUTER,
        chat(PLAIN, gateway="openrouter", reasoning="Let me think."),
        yields(PLAIN),
        cause=_REASONING,
    ),
    _case(
        "reasoning-content",
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
    _case(
        "reasoning-beside-content",
        "Reasoning and text in the same delta.",
        OPENROUTER,
        _said(
            {"content": "Hello", "reasoning": "Let me", "reasoning_details": [_THOUGHT]},
            {"content": " world", "reasoning": None, "reasoning_details": []},
        ),
        yields("Hello world"),
        cause=_REASONING,
    ),
    _case(
        "refusal",
        "A refusal, whose content is null: it is no text, though a client may show it.",
        CHAT,
        _said({"role": "assistant", "content": None, "refusal": "I"}, {"content": None, "refusal": " cannot."}),
        yields(""),
        also=[yields("I cannot."), fails(""), fails("I cannot.")],
    ),
    _case(
        "annotations",
        "Annotations of a web search in a delta with empty content.",
        OPENROUTER,
        _said(delta("Hello"), {"role": "assistant", "content": "", "annotations": [_CITATION]}, delta(" world")),
        yields("Hello world"),
    ),
    _case(
        "logprobs",
        "Log probabilities, which repeat the text.",
        CHAT,
        _said(*(_choices({**_choice(0, text), "logprobs": _logprobs(text)}) for text in ("Hello", " world"))),
        yields("Hello world"),
    ),
    _case(
        "unknown-fields",
        "Fields that nobody knows, in the chunk, the choice and the delta; the known ones come last.",
        CHAT,
        _said(
            _choices({"x_score": 0.5, **_choice(0, "Hello")}, x_trace=[{"content": "no"}], obfuscation="aB3"),
            {"x_text": "no", "content": " world"},
        ),
        yields("Hello world"),
    ),
    _case(
        "provider-and-native-finish-reason",
        "`provider` in each chunk, and a `native_finish_reason` beside the finish_reason.",
        OPENROUTER,
        chat(PLAIN, provider="Anthropic", native_finish_reason="end_turn"),
        yields(PLAIN),
    ),
    _case(
        "two-choices",
        "Two choices in turn: the text is that of the first, and not a mixture.",
        CHAT,
        _said(*(_choices(_choice(index, text)) for text in ("Hello", " world") for index in (0, 1))),
        yields("Hello world"),
        level="SHOULD",  # nobody gets two who did not ask for them
        cause=_CHOICES,
    ),
    _case(
        "two-choices-in-one-chunk",
        "Two choices in each chunk, the second one in front.",
        CHAT,
        _said(*(_choices(_choice(1, "no"), _choice(0, text)) for text in ("Hello", " world"))),
        yields("Hello world"),
        level="SHOULD",
        cause=_CHOICES,
    ),
    # -- the text itself
    _case(
        "leading-spaces",
        "Tokens that begin and end with blanks, the first and the last one too.",
        CHAT,
        _said(delta("  Hello"), delta(" big "), delta(" world  ")),
        yields("  Hello big  world  "),
        cause=_TRIMMED,
    ),
    _case(
        "blank-tokens",
        "Tokens of nothing but blanks and line ends.",
        CHAT,
        _said(delta("\n"), delta("Hello"), delta(" "), delta("\t"), delta("\n\n"), delta("world"), delta("\n")),
        yields("\nHello \t\n\nworld\n"),
        cause=_TRIMMED,
    ),
    _case(
        "repeated-tokens",
        "The same chunk again and again, to the byte.",
        CHAT,
        _said(*[delta("ha")] * 5),
        yields("ha" * 5),
    ),
    _case(
        "falsy-texts",
        "Tokens that look like nothing: 0, null, false, undefined, None.",
        CHAT,
        _said(*map(delta, ("0", " null", " false", " undefined", " None"))),
        yields("0 null false undefined None"),
    ),
    _case(
        "text-like-a-stream",
        "Text that looks like the lines of an event stream.",
        CHAT,
        _said(*map(delta, ("data: x", "\n\n", ": y", "\n", "event: error", "\r\n", 'data: {"error": 1}'))),
        yields('data: x\n\n: y\nevent: error\r\ndata: {"error": 1}'),
        chunkings=["as-sent", "per-byte"],
    ),
    _case(
        "escapes",
        "Every escape that JSON knows.",
        JSON,
        _said(_raw(r"\" \\ \/ \b \f \n \r \t \u00fc")),
        yields('" \\ / \b \f \n \r \t ü'),
    ),
    _case(
        "escaped-surrogates",
        "A character beyond U+FFFF, escaped as a pair of surrogates.",
        JSON,
        _said(_raw(r"smile \ud83d\ude42"), delta("!")),
        yields("smile 🙂!"),
        chunkings=["as-sent", "per-byte"],
    ),
    _case(
        "escaped-nul",
        "U+0000, escaped.",
        JSON,
        _said(_raw(r"a\u0000b"), delta("c")),
        yields("a\0bc"),
    ),
    _case(
        "escaped-separators",
        "U+2028 and the control characters that Python takes for line ends, escaped.",
        JSON,
        _said(_raw(r"a\u2028b\u000bc\u000cd\u001ce\u0085f")),
        yields("a\u2028b\vc\fd\x1ce\x85f"),
        broken_json=_SPLIT_LINES,
    ),
    _case(
        "unicode-line-separators",
        "U+2028, U+2029 and U+0085 inside the data: they end no line.",
        PARSING_RULES,
        stream(delta(_SEPARATORS), finish(), "[DONE]"),
        yields(_SEPARATORS),
        broken_json=_SPLIT_LINES,
    ),
    _case(
        "byte-order-mark-in-the-text",
        "U+FEFF inside the text, and at the start of a token: it is a character like any other.",
        PARSING_RULES,
        _said(delta("a\ufeffb"), delta("\ufeffc")),
        yields("a\ufeffb\ufeffc"),
    ),
    _case(
        "joined-characters",
        "Characters that are put together over several tokens: a family, a flag, an accent.",
        CHAT,
        _said(*map(delta, ("👨", "\u200d", "👩", "🇨", "🇭", "e", "\u0301"))),
        yields("👨\u200d👩🇨🇭e\u0301"),
        chunkings=["as-sent", "per-byte"],
    ),
    # -- how the JSON is written, and how much of it there is
    _case(
        "spaced-json",
        "JSON with blanks between its tokens, and its keys in another order.",
        JSON,
        stream(*map(_spaced, ("Hello", " world")), finish(), "[DONE]"),
        yields("Hello world"),
    ),
    _case(
        "json-over-several-lines",
        "JSON over several data lines: they are one event.",
        PARSING_RULES,
        stream(*map(_over_lines, ("Hello", " world")), finish(), "[DONE]"),
        yields("Hello world"),
        profile="whatwg",
        broken_json="each data line is given to the JSON parser: those of one event belong together, line ends between",
    ),
    _case(
        "long-event",
        "One event of 1 MiB.",
        PARSING_RULES,
        _said({"text": "Hello "}, {"text": _BIG}, {"text": " world"}),
        yields(f"Hello {_BIG} world"),
        patience=10,
        broken_json="a line is cut where a buffer ends: a line has no greatest length",
        cause="a line is cut or thrown away where a buffer ends: a line has no greatest length",
    ),
    _case(
        "many-events",
        "10,000 small events.",
        CHAT,
        stream(*({"text": text} for text in _MANY), finish(), "[DONE]", through=[{"coalesce": 100}]),
        yields("".join(_MANY)),
        patience=10,
    ),
)

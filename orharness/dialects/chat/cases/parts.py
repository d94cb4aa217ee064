"""parts: what a chat completion says besides text, for clients that hand that over. The first of each kind is plain."""

from __future__ import annotations

from typing import Any

from orharness.dialects.chat.cases.making import (
    CHAT,
    OPENROUTER,
    Document,
    delta,
    event,
    finish,
    said,
    stream,
)
from orharness.dialects.chat.parts import chunk

_GITHUB = "https://github.com"
_DEEPSEEK = "https://api-docs.deepseek.com/guides/reasoning_model"
_MISTRAL = "https://docs.mistral.ai/capabilities/reasoning"
_A, _B = '{"city":"Bern"}', '{"zone":"CET"}'
_COUNTS = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
_USAGE: Document = {"type": "usage", "prompt_tokens": 3, "completion_tokens": 2}
_THOUGHT: Document = {"type": "reasoning", "text": "Let me think."}
_NOT_SENT = "it tells counts that nobody has sent: where no usage comes, how many tokens there were is not known"
_TAIL = (
    "arguments that have neither a name nor an id, and an index of their own, are lost, or begin another call:"
    " they go on with the call before"
)
_ALL_CHOICES = "the tool calls of all choices are mixed: each choice has an index, and its calls begin at 0 again"
_MERGED = "calls that share an index, or have none, are merged: a new id and a new name begin a new call"
_AS_ONE = [
    [{"type": "tool_call", "name": name, "arguments": _A + _B}] for name in ("weather", "clock", "weatherclock")
]  # what is merged
_GROWN = "a fragment is added to the wrong call: the index says which call it continues"
_OF_ONE_CHUNK = (
    "fragments of two calls in one chunk are lost, or added to the wrong call: the index says which it continues"
)
_EARLY = "it leaves at the finish_reason: the usage comes after it"
_UNREAD = "it leaves at the finish_reason, or passes over a chunk without choices: the usage comes in it"
_LAST = "the first usage is taken: each one counts all until then, and the last one is the whole"
_STOP = "an empty finish_reason, or none, overwrites the one that names a reason"
_KEYS = "only one of the keys that carry reasoning is read"


def _case(name: str, title: str, source: str, reply: Document, text: str, *parts: Document, **more: Any) -> Document:
    expect = {"text": text, "parts": list(parts)}
    if "unsaid" in more:
        expect["unsaid"] = more.pop("unsaid")
    return {"id": f"parts/{name}", "title": title, "source": source, "reply": reply, "expect": expect, **more}


def _call(name: str, arguments: str, id_: str) -> Document:
    return {"type": "tool_call", "name": name, "arguments": arguments, "id": id_}


def _tools(*fragments: Document) -> Document:
    return event(chunk({"tool_calls": list(fragments)}))


def _tools_of(choice: int, *fragments: Document) -> Document:
    choices = [{"index": choice, "delta": {"tool_calls": list(fragments)}, "finish_reason": None}]
    return event(chunk(None, choices=choices))


def _details(text: str) -> list[Document]:
    return [{"type": "reasoning.text", "text": text}]


def _begun(id_: str, name: str, arguments: str, **index: int) -> Document:
    return {**index, "id": id_, "type": "function", "function": {"name": name, "arguments": arguments}}


def _more(arguments: str, **index: int) -> Document:
    return {**index, "function": {"arguments": arguments}}


def _called(*chunks: Document) -> Document:
    return stream(*chunks, finish("tool_calls"), "[DONE]")


_WEATHER, _CLOCK = _call("weather", _A, "call_1"), _call("clock", _B, "call_2")
_BOTH = (_WEATHER, _CLOCK)

_USAGE_WITH_THE_FINISH = stream(delta("Hello"), delta(" world"), event(chunk({}, "stop", usage=_COUNTS)), "[DONE]")


def _with_the_finish(cause: str) -> Document:
    """Return the control of a case whose usage comes after the finish_reason: there it comes with it."""
    expect = {"text": "Hello world", "parts": [_USAGE]}
    return {"reply": _USAGE_WITH_THE_FINISH, "expect": expect, "cause": cause}


CASES: tuple[Document, ...] = (
    # -- tool calls
    _case(
        "tool-call",
        "One tool call: id, name and index first, then its arguments in fragments.",
        CHAT,
        _called(
            _tools(_begun("call_1", "weather", "", index=0)),
            _tools(_more('{"city":', index=0)),
            _tools(_more('"Bern"}', index=0)),
        ),
        "",
        _WEATHER,
    ),
    _case(
        "tool-calls",
        "Two tool calls, one after the other.",
        CHAT,
        _called(
            _tools(_begun("call_1", "weather", "", index=0)),
            _tools(_more(_A, index=0)),
            _tools(_begun("call_2", "clock", "", index=1)),
            _tools(_more(_B, index=1)),
        ),
        "",
        *_BOTH,
        cause=_GROWN,
    ),
    _case(
        "tool-calls-interleaved",
        "Fragments of two tool calls in turn, and in one chunk.",
        CHAT,
        _called(
            _tools(_begun("call_1", "weather", '{"city"', index=0), _begun("call_2", "clock", '{"zone"', index=1)),
            _tools(_more(':"CET"}', index=1), _more(':"Bern"}', index=0)),
        ),
        "",
        *_BOTH,
        cause=_OF_ONE_CHUNK,
    ),
    _case(
        "tool-calls-of-one-index",
        "Two whole tool calls that both have index 0, with ids of their own, as Ollama sends them.",
        f"{_GITHUB}/vercel/ai/issues/14277",
        _called(_tools(_begun("call_1", "weather", _A, index=0)), _tools(_begun("call_2", "clock", _B, index=0))),
        "",
        *_BOTH,
        cause=_MERGED,
        mistaken=_AS_ONE,
    ),
    _case(
        "tool-calls-without-an-index",
        "Two whole tool calls without an index, as compatible APIs send them.",
        f"{_GITHUB}/openai/openai-python/issues/3246",
        _called(_tools(_begun("call_1", "weather", _A)), _tools(_begun("call_2", "clock", _B))),
        "",
        *_BOTH,
        cause=_MERGED,
        mistaken=_AS_ONE,
        level="SHOULD",  # the API's reference requires the index
    ),
    _case(
        "tool-call-of-a-growing-index",
        "One tool call whose fragments have an index each, and the later ones neither a name nor an id.",
        f"{_GITHUB}/dirac-run/dirac/pull/215",
        _called(
            _tools(_begun("call_1", "weather", "", index=0)),
            _tools(_more('{"city":', index=1)),
            _tools(_more('"Bern"}', index=2)),
        ),
        "",
        _WEATHER,
        cause=_TAIL,
        level="SHOULD",  # by the API's reference the index says which call it is
    ),
    _case(
        "tool-calls-of-two-choices",
        "Two choices in turn, each with a tool call of index 0: what is called is what the first choice says.",
        f"{_GITHUB}/langfuse/langfuse/issues/16998",
        _called(
            _tools_of(0, _begun("call_1", "weather", '{"city":', index=0)),
            _tools_of(1, _begun("call_2", "clock", '{"zone":', index=0)),
            _tools_of(0, _more('"Bern"}', index=0)),
            _tools_of(1, _more('"CET"}', index=0)),
        ),
        "",
        _WEATHER,
        cause=_ALL_CHOICES,
        level="SHOULD",  # services send two choices only on request
    ),
    _case(
        "tool-call-id-in-each-fragment",
        "Id and name repeated in each fragment: they mean the same call.",
        f"{_GITHUB}/openai/openai-python/issues/3201",
        _called(
            _tools(_begun("call_1", "weather", '{"city":', index=0)),
            _tools(_begun("call_1", "weather", '"Bern"}', index=0)),
        ),
        "",
        _WEATHER,
        cause="an id or a name that is repeated begins a new call, or is added to the name",
        level="SHOULD",  # the API itself sends each once
    ),
    _case(
        "tool-call-name-after-the-arguments",
        "The id first, then arguments, and the name last.",
        CHAT,
        _called(
            _tools({"index": 0, "id": "call_1", "type": "function", "function": {}}),
            _tools(_more(_A, index=0)),
            _tools({"index": 0, "function": {"name": "weather"}}),
        ),
        "",
        _WEATHER,
        cause="a call is thrown away whose name does not come first",
        level="SHOULD",
    ),
    _case(
        "tool-call-id-later",
        "The name first, and the id in a later fragment.",
        CHAT,
        _called(
            _tools({"index": 0, "type": "function", "function": {"name": "weather", "arguments": '{"city":'}}),
            _tools({"index": 0, "id": "call_1", "function": {"arguments": '"Bern"}'}}),
        ),
        "",
        _WEATHER,
        cause="an id that does not come first is lost, or begins a new call",
        level="SHOULD",
    ),
    _case(
        "tool-call-without-arguments",
        "A tool call whose arguments are empty.",
        CHAT,
        _called(_tools(_begun("call_1", "weather", "", index=0))),
        "",
        _call("weather", "", "call_1"),
        cause="a call without arguments is thrown away: it is one all the same",
        mistaken=[[]],
    ),
    _case(
        "text-and-a-tool-call",
        "Text, and then a tool call whose chunks have null as content.",
        CHAT,
        _called(
            delta("Hello"),
            event(chunk({"content": None, "tool_calls": [_begun("call_1", "weather", "", index=0)]})),
            event(chunk({"content": None, "tool_calls": [_more(_A, index=0)]})),
        ),
        "Hello",
        _WEATHER,
        cause="a call after text is lost",
        mistaken=[[]],
    ),
    # -- why it stopped
    _case(
        "finish",
        "The finish_reason `stop`.",
        CHAT,
        said(delta("Hello"), delta(" world")),
        "Hello world",
        {"type": "finish", "reason": "stop"},
    ),
    _case(
        "finish-length",
        "The finish_reason `length`.",
        CHAT,
        stream(delta("Hello"), delta(" world"), finish("length"), "[DONE]"),
        "Hello world",
        {"type": "finish", "reason": "length"},
        cause="every answer is said to have stopped by itself",
        mistaken=[[{"type": "finish", "reason": "stop"}]],
    ),
    _case(
        "finish-abort",
        "The finish_reason `abort`, which the API does not know: vLLM sends it where its engine breaks off.",
        f"{_GITHUB}/vllm-project/vllm/issues/57082",
        stream(delta("Hello"), finish("abort"), "[DONE]"),
        "Hello",
        {"type": "finish", "reason": "abort"},
        cause="a finish_reason that it does not know is taken for `stop`: the answer looks whole, and is not",
        mistaken=[[{"type": "finish", "reason": "stop"}]],
        level="SHOULD",
    ),
    _case(
        "finish-and-chunks-without-one",
        "The finish_reason, and then a chunk whose finish_reason is null, and one where it is empty.",
        OPENROUTER,
        stream(
            delta("Hello"),
            finish("length"),
            event(chunk({"content": ""}, usage=_COUNTS)),
            event(chunk({"content": ""}, "")),
            "[DONE]",
        ),
        "Hello",
        {"type": "finish", "reason": "length"},
        cause=_STOP,
        mistaken=[[], [{"type": "finish", "reason": ""}]],
    ),
    # -- usage
    _case(
        "usage",
        "The usage in a chunk without choices, after the finish_reason.",
        CHAT,
        stream(delta("Hello"), delta(" world"), finish(), event(chunk(None, usage=_COUNTS)), "[DONE]"),
        "Hello world",
        _USAGE,
        control=_with_the_finish(_UNREAD),
    ),
    _case(
        "usage-with-the-finish",
        "The usage in the chunk of the finish_reason.",
        _DEEPSEEK,
        _USAGE_WITH_THE_FINISH,
        "Hello world",
        _USAGE,
        cause="usage is looked for only in a chunk without choices",
        mistaken=[[]],
    ),
    _case(
        "usage-with-a-choice",
        "The usage in a chunk with a choice, after the finish_reason.",
        OPENROUTER,
        stream(delta("Hello"), delta(" world"), finish(), event(chunk({"content": ""}, usage=_COUNTS)), "[DONE]"),
        "Hello world",
        _USAGE,
        control=_with_the_finish(_EARLY),
    ),
    _case(
        "usage-in-each-chunk",
        "Usage in each chunk, as it grows: the last one is that of the answer.",
        CHAT,
        said(
            delta("Hello", usage={**_COUNTS, "completion_tokens": 1, "total_tokens": 4}),
            delta(" world", usage=_COUNTS),
        ),
        "Hello world",
        _USAGE,
        cause=_LAST,
        mistaken=[[{**_USAGE, "completion_tokens": 1}]],
    ),
    _case(
        "usage-null-until-the-end",
        "Null as usage in each chunk but the last.",
        CHAT,
        stream(
            delta("Hello", usage=None),
            delta(" world", usage=None),
            event(chunk({}, "stop", usage=None)),
            event(chunk(None, usage=_COUNTS)),
            "[DONE]",
        ),
        "Hello world",
        _USAGE,
        cause="a usage of null is taken for the usage",
        raises="a usage of null is stumbled over",
    ),
    _case(
        "usage-absent",
        "No usage in any chunk, as services answer that were not asked for it: none is told.",
        f"{_GITHUB}/NousResearch/hermes-agent/issues/12023",
        said(delta("Hello"), delta(" world")),
        "Hello world",
        unsaid=["usage"],
        cause=_NOT_SENT,
        level="SHOULD",  # a client may count for itself, and say so
    ),
    # -- reasoning
    _case(
        "reasoning-content",
        "Reasoning in `reasoning_content`, kept apart from the text after it.",
        _DEEPSEEK,
        said({"reasoning_content": "Let me"}, {"reasoning_content": " think."}, delta("Hello"), delta(" world")),
        "Hello world",
        _THOUGHT,
    ),
    _case(
        "reasoning",
        "Reasoning in `reasoning`, beside `reasoning_details` that say the same.",
        OPENROUTER,
        said(
            *(
                {"content": "", "reasoning": text, "reasoning_details": _details(text)}
                for text in ("Let me", " think.")
            ),
            delta("Hello"),
        ),
        "Hello",
        _THOUGHT,
        cause=_KEYS,
        mistaken=[[]],
        level="SHOULD",  # no key for it is in OpenAI's reference
    ),
    _case(
        "reasoning-details-alone",
        "Reasoning in `reasoning_details` and in no other key, as MiniMax sends it.",
        f"{_GITHUB}/BerriAI/litellm/issues/31890",
        said(
            *({"content": "", "reasoning_details": _details(text)} for text in ("Let me", " think.")),
            delta("Hello"),
        ),
        "Hello",
        _THOUGHT,
        cause=_KEYS,
        mistaken=[[]],
        level="SHOULD",  # no key for it is in OpenAI's reference
    ),
    _case(
        "reasoning-beside-text",
        "Reasoning and text in each delta: both are read.",
        _DEEPSEEK,
        said(
            {"content": "Hello", "reasoning_content": "Let me"},
            {"content": " world", "reasoning_content": " think."},
        ),
        "Hello world",
        _THOUGHT,
        cause="of a delta with both, only one is read: the reasoning or the text",
        mistaken=[[]],
    ),
    _case(
        "thinking-parts",
        "Reasoning as a part of the type thinking in a list of contents, as Mistral sends it.",
        _MISTRAL,
        said(
            {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Let me think."}]}]},
            {"content": [{"type": "text", "text": "Hello"}]},
        ),
        "Hello",
        _THOUGHT,
        cause="content that is a list of parts is not read",
        mistaken=[[]],
        level="SHOULD",
    ),
    # -- refusal
    _case(
        "refusal",
        "A refusal in fragments, whose content is null.",
        CHAT,
        said({"role": "assistant", "content": None, "refusal": "I"}, {"content": None, "refusal": " cannot."}),
        "",
        {"type": "refusal", "text": "I cannot."},
    ),
)

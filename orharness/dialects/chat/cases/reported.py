"""chat: what services were reported to send, and clients to fail on. The source of each is a report with its stream."""

from __future__ import annotations

from orharness.dialects.chat.cases.making import Document, case, delta, event, finish, said, stream, yields
from orharness.dialects.chat.parts import HEAD, chunk
from orharness.dialects.values import dumps

_GITHUB = "https://github.com"
_OTHER = "an event that is not a chunk (it has no `choices`) is stumbled over: it is to be passed over"
_EARLY = "it stops at the finish_reason before it has taken all of the text"
_EMPTY = "an empty finish_reason is taken for the end: only one that names a reason says why the model stopped"
_PARTS = "content that is a list of parts is not read: the text is that of its parts of the type text"
_MERGED = "text that comes without the key of the reasoning is taken for reasoning, and lost"
_KEEP_ALIVE = "a keep-alive that comes as data is given to the JSON parser: it says nothing, and is to be passed over"
_MESSAGE = "the `message` beside a delta is taken for text: it says again what the deltas say"
_TOOL_PROGRESS = {
    "event": "tool.progress",
    "data": dumps({"tool": "search", "label": "weather", "toolCallId": "call_1", "status": "running"}),
}
_NOTICE = event(dumps({**HEAD, "object": "chat.completion.chunk", "warning": "no usage on this stream"}))


def _delta(content: str, finish_reason: str | None) -> Document:
    return event(chunk({"content": content}, finish_reason))


def _beside(content: str, so_far: str) -> Document:
    choice = {"delta": {"content": content}, "message": {"role": "assistant", "content": so_far}}
    return event(chunk(None, choices=[{"index": 0, **choice, "finish_reason": None}]))


CASES: tuple[Document, ...] = (
    case(
        "finish-empty-string",
        "An empty finish_reason instead of null in each chunk.",
        f"{_GITHUB}/sgl-project/sglang/issues/3912",
        stream(_delta("Hello", ""), _delta(" world", ""), finish(), "[DONE]"),
        yields("Hello world"),
        cause=_EMPTY,
    ),
    case(
        "finish-before-the-text",
        "A chunk of reasoning has a finish_reason, and the text comes after it.",
        f"{_GITHUB}/open-webui/open-webui/issues/16377",
        stream(
            event(chunk({"role": "assistant", "content": "", "reasoning_content": "Let me think."}, "stop")),
            delta("Hello"),
            delta(" world"),
            finish(),
            "[DONE]",
        ),
        yields("Hello world"),
        cause=_EARLY,
    ),
    case(
        "ping",
        'An event `{"type":"ping"}` between two chunks: it has no `choices`.',
        f"{_GITHUB}/openai-php/client/issues/555",
        said(delta("Hello"), event('{"type":"ping"}'), delta(" world")),
        yields("Hello world"),
        level="SHOULD",  # a client may check that each chunk has what the API's reference requires
        cause=_OTHER,
    ),
    case(
        "named-event",
        "An event with a name of its own and without `choices`, as servers send it that run tools themselves.",
        f"{_GITHUB}/janhq/jan/issues/8280",
        stream(delta("Hello"), _TOOL_PROGRESS, delta(" world"), finish(), "[DONE]"),
        yields("Hello world"),
        level="SHOULD",  # a client may check that each event has what the API's reference requires
        cause=_OTHER,
    ),
    case(
        "warning-after-the-finish",
        "An event with neither `choices` nor `error` after the finish_reason.",
        f"{_GITHUB}/langwatch/tasks/issues/700",
        stream(delta("Hello"), delta(" world"), finish(), '{"warning":"no usage on this stream"}', "[DONE]"),
        yields("Hello world"),
        level="SHOULD",
        cause=_OTHER,
    ),
    case(
        "chunk-without-choices",
        "A chunk that has all that the API requires but `choices`, between two texts and after the finish_reason.",
        f"{_GITHUB}/openai-php/client/issues/545",
        stream(delta("Hello"), _NOTICE, delta(" world"), finish(), _NOTICE, "[DONE]"),
        yields("Hello world"),
        level="SHOULD",  # a client may check what the API requires
        cause=_OTHER,
    ),
    case(
        "content-as-parts",
        "Content as a list of parts, as Mistral sends it where the model thinks: the text is that of the text parts.",
        f"{_GITHUB}/symfony/ai/issues/2422",
        said(
            {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}]},
            {"content": [{"type": "text", "text": "Hello"}]},
            {"content": " world"},
        ),
        yields("Hello world"),
        level="SHOULD",
        cause=_PARTS,
    ),
    case(
        "message-beside-the-delta",
        "A `message` with all of the text so far beside each delta: the text is that of the deltas.",
        f"{_GITHUB}/HybridAIOne/hybridclaw/pull/1325",
        said(_beside("Hello", "Hello"), _beside(" world", "Hello world")),
        yields("Hello world"),
        cause=_MESSAGE,
    ),
    case(
        "reasoning-content-and-text-without-its-key",
        "Reasoning in `reasoning_content`, and then text in deltas without that key.",
        f"{_GITHUB}/brainlid/langchain/issues/651",
        said({"reasoning_content": "Let me think."}, delta("Hello"), delta(" world")),
        yields("Hello world"),
        cause=_MERGED,
    ),
    case(
        "keep-alive-as-data",
        "A keep-alive comment that a proxy sends as data: `data: : keepalive`.",
        f"{_GITHUB}/sst/opencode/issues/50871",
        said(delta("Hello"), event(": keepalive"), delta(" world")),
        yields("Hello world"),
        level="SHOULD",
        cause=_KEEP_ALIVE,
        broken_json=_KEEP_ALIVE,
    ),
)

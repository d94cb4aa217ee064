"""OpenAI Responses, from meaning to events: as OpenAI and OpenRouter send them.

Sources: https://platform.openai.com/docs/api-reference/responses-streaming,
https://github.com/openresponses/openresponses (``src/pages/specification.mdx``), recorded streams of both. A response
has every field that the schema of Open Responses requires.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from orharness.dialects.chat.write import error_document
from orharness.dialects.completion import Completion, Failure, Piece, PieceKind, digest
from orharness.dialects.dialect import Asked, Progress, Written
from orharness.dialects.kinds import DONE
from orharness.dialects.responses.words import INCOMPLETE, code_of
from orharness.dialects.values import Json, dumps
from orharness.gateways import ErrorShape, Gateway
from orharness.sse import Event

Parts = list[tuple[PieceKind, list[Piece]]]


def write(completion: Completion, gateway: Gateway, asked: Asked) -> Written:
    """Return the answer as the gateway streams it: each item with its parts, then the response in its final state."""
    script = _Script(completion, gateway, asked)
    script.write()
    return Written(tuple(script.events), script.end, tuple(script.tokens))


@dataclass
class _Script:
    """The events of one answer, the indexes of those that carry a token, and the index of the one that ends it."""

    completion: Completion
    gateway: Gateway
    asked: Asked
    events: list[Event] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    end: int = 0

    def write(self) -> None:
        begun = {"response.created": "in_progress", "response.in_progress": "in_progress"}
        if self.asked.background:
            begun = {"response.created": "queued", "response.queued": "queued", "response.in_progress": "in_progress"}
        for name, status in begun.items():
            self._add(name, response=self._response(status, []))
        items = list(_items(self.completion))
        for index, item in enumerate(items):
            # The error cuts the last item off: no done event follows.
            self._item(index, item, cut=self.completion.error is not None and index == len(items) - 1)
        self.end = len(self.events)
        if self.completion.error is None:
            status = _status(self.completion)
            ended = self._response(status, [item.document() for item in items])
            self._add(f"response.{status}", response=ended)
        else:
            self._failed(self.completion.error, [item.document() for item in items[:-1]])
        if self.gateway.responses_done:
            self.events.append(Event(data=DONE))

    def _item(self, index: int, item: _Item, *, cut: bool) -> None:
        if item.kind == "function_call":
            self.tokens.append(len(self.events))
        self._add("response.output_item.added", output_index=index, item=item.begun())
        at = {"item_id": item.id, "output_index": index}
        for number, (kind, pieces) in enumerate(item.parts):
            last = cut and number == len(item.parts) - 1
            self._part(_FORMS[kind], {**at, _FORMS[kind].index: number}, pieces, cut=last)
        if not cut:
            self._add("response.output_item.done", output_index=index, item=item.document())

    def _part(self, form: _Form, at: Json, pieces: list[Piece], *, cut: bool) -> None:
        text = "".join(piece.value for piece in pieces)
        if form.part:
            self._add(f"response.{form.part}.added", **at, part=form.document(""))
        else:
            at = {name: value for name, value in at.items() if name != form.index}
        more: Json = {"logprobs": []} if form.logprobs else {}
        for piece in pieces:
            self.tokens.append(len(self.events))
            self._add(f"response.{form.delta}.delta", **at, delta=piece.value, **more)
        if cut:
            return
        self._add(f"response.{form.delta}.done", **at, **{form.field: text}, **more)
        if form.part:
            self._add(f"response.{form.part}.done", **at, part=form.document(text))

    def _failed(self, error: Failure, done: list[Json]) -> None:
        if error.shape is ErrorShape.BARE:  # the form of gateways that know chat completions only
            self._event("message", {"error": {"message": error.message, "type": "server_error", "code": error.code}})
            return
        said = {"code": code_of(error.code), "message": error.message}
        self._add("error", **said, param=None)
        self._add("response.failed", response={**self._response("failed", done), "error": said})

    def _response(self, status: str, output: list[Json]) -> Json:
        return response_document(self.completion, self.gateway, status, output, background=self.asked.background)

    def _add(self, kind: str, **fields: Any) -> None:
        self._event(kind, {"type": kind, **fields, "sequence_number": len(self.events)})

    def _event(self, name: str, data: Json) -> None:
        self.events.append(Event(name if self.gateway.responses_named else "message", dumps(data)))


@dataclass(frozen=True)
class _Form:
    """How one kind of part is streamed: the names of the events, and of the text in them."""

    part: str  # empty if there are no events for the part
    delta: str
    field: str
    type: str
    index: str
    logprobs: bool = False

    def document(self, text: str) -> Json:
        more: Json = {"annotations": [], "logprobs": []} if self.logprobs else {}
        return {"type": self.type, self.field: text, **more}


_FORMS = {
    PieceKind.TEXT: _Form("content_part", "output_text", "text", "output_text", "content_index", logprobs=True),
    PieceKind.REFUSAL: _Form("content_part", "refusal", "refusal", "refusal", "content_index"),
    PieceKind.REASONING: _Form(
        "reasoning_summary_part", "reasoning_summary_text", "text", "summary_text", "summary_index"
    ),
    PieceKind.ARGUMENTS: _Form("", "function_call_arguments", "arguments", "", "content_index"),
}


@dataclass(frozen=True)
class _Item:
    """One item of the output: its parts, each with its pieces; ``head``: what is known of it at its beginning."""

    kind: str
    id: str
    head: Json
    parts: Parts
    status: str

    def begun(self) -> Json:
        return {"id": self.id, "type": self.kind, "status": "in_progress", **self.head, **self._with([])}

    def document(self) -> Json:
        return {"id": self.id, "type": self.kind, "status": self.status, **self.head, **self._with(self.parts)}

    def _with(self, parts: Parts) -> Json:
        texts = [(_FORMS[kind], "".join(piece.value for piece in pieces)) for kind, pieces in parts]
        match self.kind:
            case "function_call":
                return {"arguments": "".join(text for _, text in texts)}
            case "reasoning":
                return {"summary": [form.document(text) for form, text in texts]}
            case _:
                return {"content": [form.document(text) for form, text in texts]}


def _items(completion: Completion) -> Iterator[_Item]:
    """Yield the items that are made; if the answer is cut short, the last one is incomplete."""
    groups = [(key, list(group)) for key, group in groupby(completion.made, key=_item_of)]
    for number, ((kind, _), pieces) in enumerate(groups):
        last = number == len(groups) - 1
        status = "incomplete" if last and completion.finish in INCOMPLETE else "completed"
        yield _item(completion, kind, pieces, status)


def _item_of(piece: Piece) -> tuple[str, int]:
    match piece.kind:
        case PieceKind.REASONING:
            return "reasoning", 0
        case PieceKind.CALL | PieceKind.ARGUMENTS:
            return "function_call", piece.call
        case _:
            return "message", 0


def _item(completion: Completion, kind: str, pieces: list[Piece], status: str) -> _Item:
    made = digest(kind, pieces[0].call, completion.id_with(""))
    match kind:
        case "function_call":
            index = pieces[0].call
            call = completion.tool_calls[index]
            head = {"call_id": call.id_at(index), "name": call.name}
            return _Item(kind, f"fc_{made}", head, [(PieceKind.ARGUMENTS, pieces[1:])], status)
        case "reasoning":
            return _Item(kind, f"rs_{made}", {}, [(PieceKind.REASONING, pieces)], status)
        case _:
            parts = [(one, list(group)) for one, group in groupby(pieces, key=lambda piece: piece.kind)]
            return _Item(kind, f"msg_{made}", {"role": "assistant"}, parts, status)


def document(completion: Completion, gateway: Gateway, asked: Asked) -> Json:
    """Return the answer to a request without ``stream``; for a completion with an error, the error's document."""
    if completion.error:
        error = completion.error
        code = None if error.status == error.code else error.code
        return error_document(gateway, error.status, error.message, code=code)
    return response_document(completion, gateway, _status(completion), _output(completion))


def progress_document(completion: Completion, gateway: Gateway, asked: Asked, progress: Progress) -> Json:
    """Return a background response as it is at that time. What is not whole has neither output nor usage."""
    status, output = _STATUS.get(progress, _status(completion)), list[Json]()
    if progress is Progress.ENDED:
        output = _output(completion)
    if progress is Progress.ENDED and completion.error:
        failed = response_document(completion, gateway, "failed", output[:-1], background=True)
        return {**failed, "error": {"code": code_of(completion.error.code), "message": completion.error.message}}
    return response_document(completion, gateway, status, output, background=True)


_STATUS = {Progress.QUEUED: "queued", Progress.WORKING: "in_progress", Progress.CANCELLED: "cancelled"}


def _output(completion: Completion) -> list[Json]:
    return [item.document() for item in _items(completion)]


def _status(completion: Completion) -> str:
    return "incomplete" if completion.finish in INCOMPLETE else "completed"


def response_document(
    completion: Completion, gateway: Gateway, status: str, output: list[Json], *, background: bool = False
) -> Json:
    """Return the response in that status, with these items."""
    ended = status in ("completed", "incomplete")
    reason = {"reason": INCOMPLETE[completion.finish]} if status == "incomplete" else None
    return {
        "id": completion.id_with(gateway.response_id_prefix),
        "object": "response",
        "created_at": completion.created,
        "completed_at": completion.created if status == "completed" else None,
        "status": status,
        "background": background,
        "error": None,
        "incomplete_details": reason,
        "instructions": None,
        "frequency_penalty": 0.0,
        "max_output_tokens": None,
        "max_tool_calls": None,
        "model": completion.model_sent,
        "output": output,
        "parallel_tool_calls": True,
        "presence_penalty": 0.0,
        "previous_response_id": None,
        "prompt_cache_key": None,
        "reasoning": {"effort": None, "summary": "detailed" if completion.reasoning else None},
        "safety_identifier": None,
        "service_tier": "default",
        "store": True,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_logprobs": 0,
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": _usage(completion, gateway) if ended else None,
        "user": None,
        "metadata": {},
    }


def _usage(completion: Completion, gateway: Gateway) -> Json:
    counted = completion.counted
    return {
        "input_tokens": counted.prompt_tokens,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": counted.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": counted.reasoning_tokens},
        "total_tokens": counted.prompt_tokens + counted.completion_tokens,
        **({"cost": counted.cost} if gateway.usage_cost else {}),
    }

"""What a faulty relay may do to the bytes of a stream, as functions of the whole body."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from orharness.relay.cases import KEEP_ALIVE

Change = Callable[[bytes], bytes]
COMMENT = f"{KEEP_ALIVE}\n\n".encode()


def by_block(change: Callable[[bytes], bytes]) -> Change:
    return lambda body: b"".join(change(block + b"\n\n") for block in body.split(b"\n\n")[:-1])


def by_chunk(change: Callable[[dict[str, Any]], object]) -> Change:
    """Each chunk changed in place, replaced where ``change`` returns another, dropped where it returns False."""

    def changed(block: bytes) -> bytes:
        if not block.startswith(b"data: {"):
            return block
        chunk = json.loads(block[6:])
        made = change(chunk)
        if made is False:
            return b""
        return b"data: " + json.dumps(made if isinstance(made, dict) else chunk).encode() + b"\n\n"

    return by_block(changed)


def by_choice(change: Callable[[dict[str, Any]], object]) -> Change:
    return by_chunk(lambda chunk: list(map(change, chunk["choices"])))


def without(*path: str) -> Change:
    """Without a field of each chunk, of each choice (``choice``) or of each delta (``delta``)."""
    *where, name = path
    if where == ["delta"]:
        return by_choice(lambda choice: choice["delta"].pop(name, None))
    if where == ["choice"]:
        return by_choice(lambda choice: choice.pop(name, None))
    return by_chunk(lambda chunk: {key: value for key, value in chunk.items() if key != name})


def in_place_of_comments(block: bytes) -> Change:
    return lambda body: body.replace(COMMENT, block).replace(COMMENT.replace(b"\n", b"\r\n"), block)


def chunk(*choices: dict[str, Any]) -> bytes:
    head = {"id": "gen-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return f"data: {json.dumps({**head, 'choices': list(choices)})}\n\n".encode()


def says(content: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": {} if content is None else {"content": content}, "finish_reason": None}


def moved(mark: bytes, by: int) -> Change:
    """The first event with these bytes comes that many events later, or earlier."""

    def change(body: bytes) -> bytes:
        blocks = [block + b"\n\n" for block in body.split(b"\n\n")[:-1]]
        events = [number for number, block in enumerate(blocks) if not block.startswith(b":")]
        at = next((at for at, number in enumerate(events) if mark in blocks[number]), None)
        if at is not None and 0 <= at + by < len(events):
            block, target = blocks[events[at]], events[at + by]
            blocks[events[at]] = b""
            blocks[target] = blocks[target] + block if by > 0 else block + blocks[target]
        return b"".join(blocks)

    return change


def rewritten(chunk: dict[str, Any]) -> dict[str, Any]:
    return dict(sorted(chunk.items(), reverse=True))


def without_nulls(text: str) -> Any:
    return json.loads(text, object_hook=lambda one: {name: value for name, value in one.items() if value is not None})


def of_the_first_choice(chunk: dict[str, Any]) -> object:
    if chunk["choices"] and all(one["index"] for one in chunk["choices"]):
        return False
    chunk["choices"] = [one for one in chunk["choices"] if not one["index"]]
    return None


def first_of_each(chunk: dict[str, Any]) -> None:
    chunk["choices"] = chunk["choices"][:1]


def text_of(block: bytes) -> tuple[int, str] | None:
    """The index of the one choice that a chunk has, and its text."""
    choices = json.loads(block[6:])["choices"] if block.startswith(b"data: {") else []
    return (choices[0]["index"], choices[0]["delta"].get("content") or "") if len(choices) == 1 else None


def twice(block: bytes) -> bytes:
    return b"data: " + json.dumps(block[6:].decode().strip()).encode() + b"\n\n"


def text_in(chunk: dict[str, Any]) -> str:
    return str(chunk["choices"][0]["delta"].get("content") or "x")


def without_repetition(body: bytes) -> bytes:
    blocks = [block + b"\n\n" for block in body.split(b"\n\n")[:-1]]
    return b"".join(one for one, before in zip(blocks, [b"", *blocks], strict=False) if one != before or one == COMMENT)


def split(block: bytes) -> bytes:
    if text_of(block) is None or b'"content":"tok002 "' not in block:
        return block
    return block.replace(b'"tok002 "', b'"tok"', 1) + block.replace(b'"tok002 "', b'"002 "', 1)


def joined(body: bytes) -> bytes:
    """Two deltas of a choice made one, where they follow each other."""
    made: list[bytes] = []
    for block in (block + b"\n\n" for block in body.split(b"\n\n")[:-1]):
        one, other = text_of(made[-1]) if made else None, text_of(block)
        if one and other and one[1] and other[1] and one[0] == other[0]:
            was, now = (json.dumps({"content": text}, ensure_ascii=False)[1:-1] for text in (one[1], one[1] + other[1]))
            made[-1] = made[-1].replace(was.replace(": ", ":", 1).encode(), now.replace(": ", ":", 1).encode())
        else:
            made.append(block)
    return b"".join(made)


def named_other(choice: dict[str, Any]) -> None:
    choice["message"] = choice.pop("delta")


def pretty(block: bytes) -> bytes:
    """The JSON of a chunk over several data lines."""
    if not block.startswith(b"data: {"):
        return block
    lines = json.dumps(json.loads(block[6:]), indent=1).encode().split(b"\n")
    return b"".join(b"data: " + line + b"\n" for line in lines) + b"\n"


def cut_text(choice: dict[str, Any]) -> None:
    if content := choice["delta"].get("content"):
        choice["delta"]["content"] = content[:65536]


def reasoning_as_text(choice: dict[str, Any]) -> None:
    delta = choice["delta"]
    if said := delta.pop("reasoning", None) or delta.pop("reasoning_content", None):
        delta["content"] = (delta.get("content") or "") + said


def refusal_as_text(choice: dict[str, Any]) -> None:
    if choice["delta"].get("refusal"):
        choice["delta"]["content"] = choice["delta"].pop("refusal")


def usage_as_texts(chunk: dict[str, Any]) -> None:
    if counts := chunk.get("usage"):
        chunk["usage"] = {name: one if isinstance(one, dict) else str(one) for name, one in counts.items()}


def without_details(chunk: dict[str, Any]) -> None:
    if counts := chunk.get("usage"):
        chunk["usage"] = {name: one for name, one in counts.items() if not isinstance(one, dict)}


def rounded(choice: dict[str, Any]) -> None:
    for one in (choice.get("logprobs") or {}).get("content") or ():
        one["logprob"] = round(one["logprob"])


def without_tool_ids(choice: dict[str, Any]) -> None:
    for call in choice["delta"].get("tool_calls") or ():
        call["id"] = None

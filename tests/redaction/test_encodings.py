"""Texts in other dresses than a string in UTF-8: bodies in UTF-16, the numbers that spell a token."""

from __future__ import annotations

import json

import pytest

from orharness.redaction import SecretFinder, cut, spans_in

KEY = "sk-or-v1-" + "0123456789abcdef" * 2


def redacted(body: bytes, *secrets: str) -> bytes:
    return cut(body, 0, len(body), spans_in(body, secrets))


DOCUMENT = {"ü中\N{GRINNING FACE}": "kept", "password": "hunter2", "a": [KEY]}
TEXTS = [
    json.dumps(DOCUMENT, ensure_ascii=False, indent=1),
    f'data: {{"a": "中 {KEY[:9]}"}}\n\ndata: {{"a": "{KEY[9:]} 中"}}\n\n',
]


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", TEXTS)
def test_a_body_in_utf_16_is_searched_wherever_it_is_cut(mark: str, encoding: str, text: str) -> None:
    body = (mark + text).encode(encoding)
    assert redacted(body) == (mark + redacted(text.encode()).decode()).encode(encoding)
    finder, written, before = SecretFinder(), b"", 0
    for at in range(len(body)):
        finder.feed(body[at : at + 1])
        assert before <= finder.known <= at + 1
        written += cut(body[before : finder.known], before, finder.known, finder.spans)
        before = finder.known
    finder.finish()
    assert finder.known == len(body)
    written += cut(body[before:], before, len(body), finder.spans)
    assert KEY[9:] not in written.decode(encoding)
    assert "hunter2" not in written.decode(encoding)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"\0\0\0\x1c{}", b"\x08\0\x12\0" + KEY.encode()])
def test_what_is_not_utf_16_is_searched_as_it_is(body: bytes) -> None:
    assert redacted(body) == body.replace(KEY.encode(), b"REDACTED")


def entry(text: str, *others: str) -> dict[str, object]:
    tokens = [{"token": one, "logprob": -0.1, "bytes": [*one.encode()]} for one in (text, *others)]
    return {**tokens[0], "top_logprobs": tokens}


TOKENS = ["Your", " key ", *(KEY[at : at + 3] for at in range(0, len(KEY), 3)), " ü", "."]


def spelled(document: dict[str, object]) -> str:
    """All that the bytes of the tokens say, of the first alternatives too."""
    entries = document["content"]
    assert isinstance(entries, list)
    found = b"".join(bytes(one["bytes"]) for one in entries)
    found += b"|" + b"".join(bytes(one["top_logprobs"][0]["bytes"]) for one in entries)
    return (found + b"|" + b"".join(bytes(one["top_logprobs"][1]["bytes"]) for one in entries)).decode()


EXPECTED = "|".join(("Your key " + "*" * len(KEY) + " ü.", "Your key " + "*" * len(KEY) + " ü.", "zz" * len(TOKENS)))


@pytest.mark.parametrize("indent", [None, 2])
def test_the_bytes_of_a_secrets_tokens_are_no_longer_its_own(indent: int | None) -> None:
    document = {"content": [entry(one, "zz") for one in TOKENS]}
    assert spelled(json.loads(redacted(json.dumps(document, indent=indent).encode()))) == EXPECTED


@pytest.mark.parametrize("secrets", [(), (KEY,)])
def test_the_bytes_of_tokens_in_events(secrets: tuple[str, ...]) -> None:
    events = [{"choices": [{"index": 0, "logprobs": {"content": [entry(one, "zz")]}}]} for one in TOKENS]
    body = b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in events)
    found = [json.loads(line[6:]) for line in redacted(body, *secrets).splitlines() if line]
    entries = [one["choices"][0]["logprobs"]["content"][0] for one in found]
    assert spelled({"content": entries}) == EXPECTED
    assert "".join(one["token"] for one in entries) == "Your key REDACTED ü."


def test_other_lists_of_numbers_stay_as_they_are() -> None:
    for document in ({"bytes": [1, 2, 300, *KEY.encode()[:5]]}, {"embedding": [*KEY.encode()]}, {"bytes": 5}):
        body = json.dumps(document).encode()
        assert redacted(body) == body

"""Secrets that a pair of fields, an option, an element or the head of a part gives away."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from orharness.redaction import SecretFinder, cut, hide, spans_in
from orharness.sse import Event, decode

S = "Zx9kQ2mW7pR4tV1n"
R = "REDACTED"


def redacted(text: str) -> str:
    body = text.encode()
    return cut(body, 0, len(body), spans_in(body)).decode()


PLACES = [
    f'{{"name": "DB_PASSWORD", "value": "{S}"}}',
    f'{{"key": "Authorization", "type": "text", "value": "{S}", "after": "kept"}}',
    f"{{'name': 'X-Api-Key', 'value': '{S}'}}",
    f'[["Accept", "kept"], ["X-Api-Key", "{S}"], ["Other", "kept"]]',
    f"[ ['authorization', '{S}'] ]",
    f"tool --api-key {S} --verbose",
    f'["tool", "--client-secret", "{S}", "--other", "kept"]',
    f"tool --password={S} -x",
    f"curl -s -u me:{S} https://a.example/x",
    f"curl --user 'me:{S}' https://a.example/x",
    f"<config><password>{S}</password><user>kept</user></config>",
    f'<a:ApiKey xmlns:a="b">{S}</a:ApiKey>',
    f'api_key = "{S}"',
    f"{{:password=>'{S}'}}",
    f'mutation {{ login(user: "kept", password: "{S}") }}',
    f"https://a.example/callback#access_token={S}&state=kept",
]


def delta(text: str) -> bytes:
    return b"data: " + json.dumps({"choices": [{"delta": {"content": text}}]}).encode() + b"\n\n"


def said(body: bytes) -> str:
    events = (json.loads(item.data) for item in decode(body) if isinstance(item, Event))
    return "".join(one["choices"][0]["delta"]["content"] for one in events)


@pytest.mark.parametrize("text", PLACES)
def test_it_is_found_there(text: str) -> None:
    expected = text.replace(S, R)
    assert hide(text) == expected
    for depth in range(1, 3):
        document, found = text, ""
        for _ in range(depth):
            document = json.dumps({"a": document})
        found = redacted(document)
        for _ in range(depth):
            found = json.loads(found)["a"]
        assert found == expected


@pytest.mark.parametrize("size", [1, 3, 7])
@pytest.mark.parametrize("text", PLACES)
def test_it_is_found_in_deltas_and_not_written_before(text: str, size: int) -> None:
    text = f"say: {text}, yes"
    body = b"".join(delta(text[at : at + size]) for at in range(0, len(text), size))
    finder, written, before = SecretFinder(), b"", 0
    for at in range(0, len(body), 11):
        finder.feed(body[at : at + 11])
        written += cut(body[before : finder.known], before, finder.known, finder.spans)
        before = finder.known
    finder.finish()
    written += cut(body[before:], before, len(body), finder.spans)
    assert said(written) == text.replace(S, "") or said(written) == text.replace(S, R)
    assert said(redacted(body.decode()).encode()) == text.replace(S, R)


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "get_password", "arguments": "kept", "value": 1}',
        '{"name": "author", "value": "somebody12"}',
        '[{"name": "password"}, {"value": "kept and kept"}]',
        '{"required": ["api_key", "region"], "anyOf": [{"required": ["password", "user"]}]}',
        '[["region", "api_key"], ["user", "password"]]',
        '["api_key", "region"]',
        '[["X-Api-Key", 5], ["X-Api-Key", ["kept"]]]',
        "the options --api-key and --password are required; --max-tokens 4096000 is not",
        "use the --password option, --client-secret YOUR_SECRET or --api-key <key>",
        "curl -u me https://a.example:8080/x",
        "<p>password</p><author>somebody</author><max_tokens>40960</max_tokens> a<b",
        '<password>REDACTED</password> <input name="password" type="password">',
        "https://a.example/page#section=introduction",
        '--b\r\nContent-Disposition: form-data; name="note"\r\n\r\npassword\r\n--b--\r\n',
    ],
)
def test_what_only_looks_so_stays(text: str) -> None:
    assert redacted(text) == text
    assert hide(text) == text
    body = b"".join(map(delta, text))
    assert redacted(body.decode()).encode() == body


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_a_pair_of_a_list_whose_elements_are_in_lines_of_their_own(depth: int) -> None:
    document: object = [["Accept", "kept"], ["X-Api-Key", S, "kept"], ["Other", "kept"], ["kept", "Authorization"]]
    for _ in range(depth):
        document = {"a": document}
    text = json.dumps(document, indent=2)
    assert redacted(text) == text.replace(S, R)
    assert redacted(json.dumps({"required": ["api_key", "region"]}, indent=2)).count("region") == 1


def parts(value: str) -> Iterator[str]:
    """A part as curl, .NET and Java write it."""
    for head in (
        'Content-Disposition: form-data; name="client_secret"',
        "Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: form-data; name=client_secret",
        'content-disposition: form-data; name="api_key"\r\nContent-Type: text/plain\r\nContent-Length: 16',
        'Content-Disposition: form-data; name="user[password]"\r\nContent-Transfer-Encoding: 8bit',
    ):
        after = (
            'Content-Disposition: form-data; name="a"\r\nContent-Type: text/plain\r\n\r\nkept, and kept\r\n--b--\r\n'
        )
        yield f"--b\r\n{head}\r\n\r\n{value}\r\n--b\r\n{after}"


@pytest.mark.parametrize("size", [1, 1000])
def test_a_part_of_a_form_whatever_its_head(size: int) -> None:
    for text, expected in zip(parts("correct horse"), parts(R), strict=True):
        body = text.encode()
        finder, written, before = SecretFinder(), b"", 0
        for at in range(0, len(body), size):
            finder.feed(body[at : at + size])
            written += cut(body[before : finder.known], before, finder.known, finder.spans)
            before = finder.known
        finder.finish()
        written += cut(body[before:], before, len(body), finder.spans)
        assert written.decode() == expected

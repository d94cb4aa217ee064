"""What authenticates is never written."""

from __future__ import annotations

from pathlib import Path

import pytest

from orharness.cassette import RecordedRequest, Tape, load, redact, save, scrub, scrub_uri
from orharness.cassette.secrets import hidden
from orharness.journal import Request
from orharness.recording.secrets import Redaction
from tests.support.cassette_samples import URI, an_interaction

SECRETS = [
    ("Authorization", "Bearer secret"),
    ("proxy-authorization", "Basic secret"),
    ("Cookie", "a=secret"),
    ("Set-Cookie", "a=secret"),
    ("x-api-key", "secret"),
    ("API-KEY", "secret"),
    ("X-Goog-Api-Key", "secret"),
    ("Ocp-Apim-Subscription-Key", "secret"),
    ("X-Amz-Security-Token", "secret"),
    ("X-Auth-Key", "secret"),
    ("key", "secret"),
    ("X-Auth", "secret"),
    ("Cf-Access-Jwt-Assertion", "secret"),
]


HARMLESS = [
    ("Content-Type", "a"),
    ("x-ratelimit-remaining-tokens", "5"),
    ("anthropic-version", "1"),
    ("Monkey", "1"),
    ("Idempotency-Key", "1"),
    ("X-Prompt-Cache-Key", "1"),
    ("Sec-WebSocket-Key", "1"),
    ("Surrogate-Key", "1"),
    ("Access-Control-Allow-Credentials", "true"),
    ("WWW-Authenticate", "Bearer"),
]


def test_secrets_are_never_written(tmp_path: Path) -> None:
    headers = (*SECRETS, *HARMLESS)
    request = RecordedRequest("POST", "https://me:secret@llm.example/v1/x?key=secret&a=b&api_key=secret", headers)
    recorded = an_interaction(request=request, headers=headers)
    save(tmp_path / "saved.yaml", [recorded])
    Tape(tmp_path / "taped.yaml").add(recorded)

    for path in tmp_path.iterdir():
        assert b"secret" not in path.read_bytes()
        (found,) = load(path)
        assert found.headers == found.request.headers == tuple(HARMLESS)
        assert found.request.uri == "https://llm.example/v1/x?a=b"


def test_scrub() -> None:
    assert scrub([*SECRETS, *HARMLESS]) == tuple(HARMLESS)


@pytest.mark.parametrize("name", [name for name, _ in SECRETS] + ["x-goog-api-key", "openai-api-key", "X-Auth-Token"])
def test_the_journal_of_a_server_hides_what_a_cassette_does_not_keep(name: str) -> None:
    assert Request("GET", "/", ((name, "secret"), *HARMLESS)).to_json()["headers"] == {
        name: "[hidden]",
        **dict(HARMLESS),
    }


@pytest.mark.parametrize(
    ("uri", "clean"),
    [
        ("https://a/b?key=1", "https://a/b"),
        ("https://a/b?api%5Fkey=1&x=%20+&y", "https://a/b?x=%20+&y"),
        ("https://a/b?API-Key=1&access_token=2&monkey=3", "https://a/b?monkey=3"),
        ("https://a/b?x-goog-api-key=1&client_secret=2&X-Amz-Signature=3&sort_key=4", "https://a/b?sort_key=4"),
        ("https://a/b?sig=1&page_token=2", "https://a/b?page_token=2"),
        ("https://user:word@a:80/b#c", "https://a:80/b#c"),
        ("https://a/b?x=%7e&&y=", "https://a/b?x=%7e&&y="),
        ("https://a/b?", "https://a/b?"),
    ],
)
def test_scrub_uri(uri: str, clean: str) -> None:
    assert scrub_uri(uri) == clean


def test_redact_moves_the_boundaries() -> None:
    request = RecordedRequest("POST", URI + "?user=sk-1", (("A", "sk-1"),), b'{"key": "sk-1"}')
    recorded = an_interaction(
        b"data: sk", b"-1 and sk-1\n\n", b"data: b\n\n", request=request, headers=(("B", "sk-1"),)
    )

    found = redact(recorded, ["sk-1", ""])

    assert found.stream.body == b"data: REDACTED and REDACTED\n\ndata: b\n\n"
    assert [chunk.data for chunk in found.stream.chunks] == [b"data: REDACTED", b" and REDACTED\n\n", b"data: b\n\n"]
    assert found.request == RecordedRequest(
        "POST", URI + "?user=REDACTED", (("A", "REDACTED"),), b'{"key": "REDACTED"}'
    )
    assert found.headers == (("B", "REDACTED"),)


def test_a_key_in_the_name_of_a_header_is_not_written() -> None:
    """``curl -H "sk-…: "``: a client that forgot what goes before the colon."""
    key = "sk-or-v1-0123456789abcdef0123456789"
    headers = ((key, "1"), (f"X-{key}", "2"), ("X-Mine", "3"), ("X-Request-Id", "4"))
    kept = (("REDACTED", "REDACTED"), ("X-REDACTED", "REDACTED"), ("X-Mine", "REDACTED"), ("X-Request-Id", "4"))
    assert Redaction().headers(headers) == kept
    request = RecordedRequest("POST", URI, headers)
    found = hidden(an_interaction(request=request, headers=headers))
    assert found.headers == found.request.headers == kept

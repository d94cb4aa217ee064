"""Secrets that nobody named beforehand: known by their shape or their name, in whatever text, wherever it is cut."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from orharness.cassette import load
from orharness.redaction import SecretFinder, cut, hide, is_kept_header, is_secret_parameter, spans_in
from orharness.redaction.shapes import shapes
from orharness.sse import Event, decode
from tests.support.planted import Planted, with_a_name, with_a_shape

SHAPED, NAMED = with_a_shape(), with_a_name()
shaped = pytest.mark.parametrize("planted", SHAPED, ids=lambda one: one.kind)
named = pytest.mark.parametrize("planted", NAMED, ids=lambda one: one.name)


def redacted(body: bytes) -> bytes:
    return cut(body, 0, len(body), spans_in(body))


def delta(text: str) -> bytes:
    return (
        b"data: "
        + json.dumps({"id": "gen-1", "choices": [{"index": 0, "delta": {"content": text}}]}).encode()
        + b"\n\n"
    )


def arguments(text: str) -> bytes:
    call = {"index": 0, "function": {"arguments": text}}
    return b"data: " + json.dumps({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}).encode() + b"\n\n"


def texts_in(body: bytes) -> str:
    found = [json.loads(item.data)["choices"][0]["delta"] for item in decode(body) if isinstance(item, Event)]
    return "".join(
        one["content"] if "content" in one else one["tool_calls"][0]["function"]["arguments"] for one in found
    )


PLACES: dict[str, Callable[[str], bytes]] = {
    "plain": lambda text: f"an error about {text}, sorry\n".encode(),
    "line": lambda text: text.encode(),
    "quoted": lambda text: f"data: '{text}' is wrong\n\n".encode(),
    "json": lambda text: json.dumps({"error": {"code": 401, "message": f"wrong: {text}."}}).encode(),
    "delta": lambda text: delta(f"say {text}, yes"),
    "json in json": lambda text: json.dumps({"a": json.dumps({"b": f"c {text} d"})}).encode(),
    "url": lambda text: f"data: {quote(text, safe='')}\n\n".encode(),
    "unicode": lambda text: ('data: {"a": "' + "".join(f"\\u{ord(one):04x}" for one in text) + '"}\n\n').encode(),
    "base64": lambda text: json.dumps({"a": base64.b64encode(text.encode()).decode()}).encode(),
    "base64 in base64's other alphabet": lambda text: base64.urlsafe_b64encode(f"key: {text}\n".encode()),
}


def same_but(body: bytes, planted: Planted, found: bytes) -> None:
    assert planted.value.encode() not in found
    assert b"REDACTED" in found
    if body.startswith(b"{"):
        json.loads(found)


@shaped
@pytest.mark.parametrize("place", PLACES)
def test_a_shape_is_found_in_every_place(planted: Planted, place: str) -> None:
    body = PLACES[place](str(planted))
    found = redacted(body)
    same_but(body, planted, found)
    if "base64" not in place and place not in ("url", "unicode"):
        assert found == body.replace(planted.value.encode(), b"REDACTED")
    assert redacted(found) == found  # what was redacted stays as it is


@shaped
def test_a_shape_is_found_wherever_two_deltas_split_it(planted: Planted) -> None:
    text = f"say {planted}, yes"
    step = max(1, len(text) // 40)
    for at in range(1, len(text), step):
        body = delta(text[:at]) + delta(text[at:])
        found = redacted(body)
        assert planted.value not in texts_in(found), at
        assert texts_in(found) in (
            text.replace(planted.value, "REDACTED"),
            text.replace(str(planted), "REDACTED"),
        ), at


@shaped
def test_a_shape_is_found_in_deltas_of_a_character(planted: Planted) -> None:
    text = f"say {planted}, yes"
    assert texts_in(redacted(b"".join(map(delta, text)))) == text.replace(planted.value, "REDACTED")


@shaped
def test_of_a_shape_the_beginning_is_held_back(planted: Planted) -> None:
    """What is written before the rest has come, as a spool is, does not hold the secret either."""
    body = b"".join(map(delta, f"say {planted}, yes"))
    finder, written, before = SecretFinder(), b"", 0
    for at in range(0, len(body), 7):
        finder.feed(body[at : at + 7])
        now = finder.known
        assert before <= now
        written += cut(body[before:now], before, now, finder.spans)
        before = now
    finder.finish()
    written += cut(body[before:], before, len(body), finder.spans)
    assert texts_in(written).replace("REDACTED", "").startswith("say ")
    assert planted.value[8:] not in texts_in(written)


@shaped
def test_each_beginning_of_a_shape_is_known_as_one(planted: Planted) -> None:
    """``find`` and ``begins`` are written apart: each text that ``find`` would take must begin with what begins."""
    text = str(planted).encode()
    first = {"password in an address": len("postgres:"), "assignment": len("OPENROUTER_")}.get(planted.kind, 1)
    for size in range(first, text.rindex(b"@") if first == len("postgres:") else len(text)):
        begun = shapes().begins(b"say " + text[:size])
        assert begun is not None, text[:size]
        assert begun.start <= 4 + first, text[:size]


def _letters(size: int) -> str:
    return ("a1B2c3D4e5F6g7H8i9J0" * 8)[:size]


def _hexadecimal(size: int) -> str:
    return ("0a1b2c3d4e5f6789" * 8)[:size]


@pytest.mark.parametrize(
    ("before", "secret", "kept"),
    [
        *(("", head + _letters(60), "") for head in ("GOCSPX-", "1//0", "vck_", "jina_", "pcsk_", "tvly-", "lsv2_pt_")),
        *(
            ("", head + _letters(60), "")
            for head in ("glrt-", "gldt-", "glcbt-", "EAAA", "doo_v1_", "ntn_", "hvs.", "dp.pt.")
        ),
        *(
            ("", head + _letters(60), "")
            for head in ("shpat_", "glsa_", "glc_", "sntrys_", "figd_", "PMAK-", "dckr_pat_", "AKC")
        ),
        *(("", head + _letters(60).upper(), "") for head in ("rpa_", "NRAK-", "AGE-SECRET-KEY-1")),
        *(("", head + _hexadecimal(48), "") for head in ("sk_", "e2b_", "dapi", "sbp_")),
        *(("", head + _hexadecimal(32), "") for head in ("SK", "key-")),
        ("", "pa-" + _letters(43), ""),
        ("", "AQ.Ab8RN6" + _letters(40), ""),
        ("", "ABSK" + _letters(60) + "=", ""),
        ("", "pscale_tkn_" + _letters(40), ""),
        ("https://discord.com/api/webhooks/", "123456789012345678/" + _letters(68), ""),
        ("https://a.webhook.office.com/webhookb2/", "a1-b2@c3/IncomingWebhook/" + _letters(32) + "/d4-e5", ""),
        ("Authorization: ", "Token " + _letters(40), ""),
        ("Authorization: ", "ApiKey " + _letters(40), ""),
        ("authorization: ", _letters(40), ""),
        ("Authorization: ", "AWS4-HMAC-SHA256 Credential=a1/b2,SignedHeaders=host, Signature=" + _letters(64), ""),
        ("OPENAI_API_KEY=", _letters(30), ""),
        ("OPENAI_API_KEY=", "ctQKQHBobSWebHdsSsxzCL7q", ""),
        ("x-api-key: ", _letters(30), ""),
        ("the password: ", "hunter2hunter23", ""),
        ("apikey = '", _letters(20), "'"),
        ("bot_token=", _letters(20), ""),
        ("Cookie: ", "sid=" + _letters(20), ""),
    ],
)
def test_a_shape_is_found_whole_and_in_pieces_of_any_size(before: str, secret: str, kept: str) -> None:
    text = f"say {before}{secret}{kept} ."
    expected = f"say {before}REDACTED{kept} ."
    assert hide(text) == expected
    for depth in range(1, 4):
        document, found = text, text
        for _ in range(depth):
            document = json.dumps({"a": document})
        found = redacted(document.encode()).decode()
        for _ in range(depth):
            found = json.loads(found)["a"]
        assert found == expected
    for size in (1, 3):
        for first in range(size):
            pieces = [text[:first], *(text[at : at + size] for at in range(first, len(text), size))]
            assert texts_in(redacted(b"".join(map(delta, pieces)))) == expected, (size, first)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_cookie_at_the_end_of_a_string_leaves_its_quotes(depth: int) -> None:
    document: object = f"Set-Cookie: session={_letters(20)}"
    for _ in range(depth):
        document = json.dumps([document])
    assert isinstance(document, str)
    found = json.loads(redacted(document.encode()))
    for _ in range(depth - 1):
        found = json.loads(found[0])
    assert found == ["Set-Cookie: REDACTED"]


@named
def test_a_field_is_found_by_its_name(planted: Planted) -> None:
    document = {"a": [{"b": {planted.name: planted.value, "c": "d"}}]}
    for body in (
        json.dumps(document).encode(),
        json.dumps(document, indent=2).encode(),
        b"data: " + json.dumps(document).encode() + b"\n\n",
    ):
        found = redacted(body)
        assert found == body.replace(json.dumps(planted.value)[1:-1].encode(), b"REDACTED")
    assert hide(f"wrong: {document}") == f"wrong: {document}".replace(planted.value, "REDACTED")


@named
def test_a_field_of_a_tool_call_is_found_wherever_its_deltas_split_it(planted: Planted) -> None:
    text = json.dumps({"to": "a", planted.name: planted.value, "b": 1})
    for at in range(1, len(text)):
        found = texts_in(redacted(arguments(text[:at]) + arguments(text[at:])))
        assert json.loads(found) == {"to": "a", planted.name: "REDACTED", "b": 1}, at
    found = texts_in(redacted(b"".join(map(arguments, text))))
    assert json.loads(found) == {"to": "a", planted.name: "REDACTED", "b": 1}


@pytest.mark.parametrize("depth", range(3))
@pytest.mark.parametrize("value", ['a"b\\c"d', "\\", '"', "a\\\\", "\n\t", "ü\N{GRINNING FACE}"])
def test_a_field_ends_where_its_string_ends(depth: int, value: str) -> None:
    inner: object = {"password": value, "after": "kept"}
    for _ in range(depth):
        inner = {"a": json.dumps(inner)}
    found = json.loads(redacted(json.dumps(inner).encode()))
    for _ in range(depth):
        found = json.loads(found["a"])
    assert found["after"] == "kept"
    assert found["password"].rstrip("\\") == "REDACTED"


def test_a_number_becomes_a_text() -> None:
    assert json.loads(redacted(b'{"pwd": 12345678, "max_tokens": 5}')) == {"pwd": "REDACTED", "max_tokens": 5}


@pytest.mark.parametrize(
    "body",
    [
        b'{"usage": {"prompt_tokens": 12, "completion_tokens": 5}, "error": {"code": "invalid_api_key"}}',
        b'{"logprobs": {"content": [{"token": "Hello", "logprob": -0.1}]}, "signature": "EqQBCgIYAhIkY2", "key": "a"}',
        b'{"tools": [{"parameters": {"properties": {"password": {"type": "string"}}, "required": ["password"]}}]}',
        b'data: {"choices": [{"delta": {"content": "client = OpenAI(api_key=os.environ[\\"OPENAI_API_KEY\\"])"}}]}\n\n',
        b"def f(token, key=None): return sorted(rows, key=lambda row: row.name)\n",
        b"scikit: sk-learn-compatible-estimators, task-2024-11-22-report-final, risk-adjusted-return\n",
        b"Bearer authentication, basic troubleshooting, the bearer of bad news; Authorization: who may do what?\n",
        b"https://user@host.example/path?page=2&order=asc and http://localhost:8080/v1?x=1\n",
        b'{"image": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5="}',
        b'{"api_key": "$OPENAI_API_KEY", "password": "", "secret": null, "token": true, "jwt": "{{jwt}}"}',
        b"sk_learn, key-value store, dp.columns, pa-system-for-outdoor-events-and-all-of-it-2024\n",
        b"https://discord.com/api/webhooks/ and SKU 1234, AKCESS, EAAA, 1//0, hvs.dev, Authorization: required\n",
        b"api_key=getTheKeyOfTheService2(), api_key = settings.openrouter_api_key_of_v2, secret: SomethingElse\n",
        b"mail a@b.example, call +49 30 901820 or 555-123-4567, at 10.0.0.1 or 2001:db8::1\n",
    ],
)
def test_what_is_not_secret_stays_as_it_is(body: bytes) -> None:
    assert redacted(body) == body


@pytest.mark.parametrize(
    "value", ["$OPENAI_KEY", "$api_key", "${apiKey}", "{password}", "{{jwt}}", "<your key>", "****"]
)
def test_a_placeholder_stays_as_it_is(value: str) -> None:
    body = json.dumps({"password": value}).encode()
    assert redacted(body) == body


@pytest.mark.parametrize("value", ["$up3rS3cret", "$ecret-Horse", "{4f9a,8b7c", "<4f9a8b7c", "*4f9a8b7c", "{{4f9a8b7c"])
def test_a_secret_that_begins_as_a_placeholder_does_is_none(value: str) -> None:
    assert value.encode() not in redacted(json.dumps({"password": value}).encode())


@pytest.mark.parametrize(
    "text",
    [
        "a.b+c@mail.example.org",
        "10.0.0.1",
        "2001:db8::8a2e:370:7334",
        "+49 30 9018 2021",
        "(555) 123-4567",
        "555-123-4567",
    ],
)
def test_personal_data_is_found_where_that_is_asked_for(text: str) -> None:
    body = f"data: write to {text}, now\n\n".encode()
    assert spans_in(body) == []
    assert cut(body, 0, len(body), spans_in(body, personal=True)) == b"data: write to REDACTED, now\n\n"
    for at in range(1, len(text)):
        split = delta(f"to {text[:at]}") + delta(f"{text[at:]}, now")
        found = texts_in(cut(split, 0, len(split), spans_in(split, personal=True)))
        assert found == "to REDACTED, now", at


@pytest.mark.parametrize(
    "text",
    ["1.2.3", "10:30:00", "0.123456789", "2026-11-22T06:00:00Z", "12345678901234", "std::vector", "1.2.3.4.5", "a@b"],
)
def test_what_is_not_personal_stays_as_it_is(text: str) -> None:
    body = f"data: at {text}, now\n\n".encode()
    assert spans_in(body, personal=True) == []


def test_a_value_of_a_form_and_of_an_address_in_a_text() -> None:
    form = b"grant_type=client_credentials&client_secret=abcdef&code=xyz987&scope=a"
    assert redacted(form) == b"grant_type=client_credentials&client_secret=REDACTED&code=REDACTED&scope=a"
    assert redacted(b"client_secret=abcdef&a=b") == b"client_secret=REDACTED&a=b"
    text = b'{"message": "GET https://a.example/x?sig=abc%2Fdef&page=2 failed"}'
    assert redacted(text) == b'{"message": "GET https://a.example/x?sig=REDACTED&page=2 failed"}'


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize("name", ["api_key", "client_secret", "password", "code", "X-Amz-Signature"])
def test_a_field_of_a_multipart_form_is_found_by_its_name(name: str, size: int) -> None:
    def form(value: str) -> bytes:
        fields = {"before": "kept", name: value, "after": "kept too"}
        parts = (
            f'--b\r\nContent-Disposition: form-data; name="{one}"\r\n\r\n{text}\r\n' for one, text in fields.items()
        )
        file = '--b\r\nContent-Disposition: form-data; name="password"; filename="a.txt"\r\n\r\nof a file\r\n--b--\r\n'
        return "".join((*parts, file)).encode()

    body = form("correct horse: battery/staple+1")
    finder, written, before = SecretFinder(), b"", 0
    for at in range(0, len(body), size):
        finder.feed(body[at : at + size])
        written += cut(body[before : finder.known], before, finder.known, finder.spans)
        before = finder.known
    finder.finish()
    assert written + cut(body[before:], before, len(body), finder.spans) == form("REDACTED")


@pytest.mark.parametrize(
    "name",
    [
        "client_secret",
        "code",
        "sig",
        "X-Amz-Credential",
        "x-amz-signature",
        "jwt",
        "session",
        "sessionid",
        "key",
        "api_key",
    ],
)
def test_secret_parameters(name: str) -> None:
    assert is_secret_parameter(name)


@pytest.mark.parametrize(
    "name", ["page_token", "sort_key", "monkey", "model", "api-version", "alt", "encoding", "codec", "design"]
)
def test_parameters_that_are_not_secret(name: str) -> None:
    assert not is_secret_parameter(name)


def test_headers_are_kept_by_an_allow_list() -> None:
    for name in (
        "Content-Type",
        "x-request-id",
        "anthropic-version",
        "X-RateLimit-Remaining-Tokens",
        "openai-processing-ms",
    ):
        assert is_kept_header(name)
    for name in (
        "Authorization",
        "X-My-Account",
        "openai-organization",
        "anthropic-organization-id",
        "X-Forwarded-For",
        "Sec-WebSocket-Protocol",
    ):
        assert not is_kept_header(name)


def test_real_streams_have_nothing_that_looks_like_a_secret(recordings: Path) -> None:
    """Answers and prompts of real services: what is recorded of them is what they sent."""
    for path in sorted(recordings.glob("*.yaml")):
        for one in load(path):
            assert (path.name, spans_in(one.stream.body)) == (path.name, [])
            assert (path.name, spans_in(one.request.body)) == (path.name, [])


@pytest.mark.slow
@pytest.mark.parametrize(
    "unit",
    [
        *(b"sk-", b"token-", b"a_b", b"api_key", b"-eyJ", b"bearer ", b"basic", b"'a"),
        *(
            b'"credentials": [',
            b'{"auth": {',
            b'"name": "password", ',
            b"--api-key ",
            b"curl -u ",
            b"<password>",
            b"<a ",
        ),
        *(b"password: ", b"passwords=[", b'"key": "a", {', b'{"index": 0, "a": "b", "c":', b"&auth=", b"["),
    ],
)
def test_the_beginnings_of_many_secrets_do_not_take_long(unit: bytes) -> None:
    """Each was quadratic once: 300 KB took minutes."""
    body = unit * (60_000 // len(unit))
    assert spans_in(body + b" \n") == []

"""Secrets that their name gives away: which names do, and where their values are in a document."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from orharness.redaction import SecretFinder, cut, hide, is_secret_parameter, spans_in
from orharness.redaction.names import is_secret_name

SECRET = re.findall(
    r"\S+",
    "credentials credential creds passcode auth basic_auth X-Auth sessionKey sessionkey user_password userPassword"
    " USER-PASSWORD app_secret appSecret secrets apiKey APIKey API_KEYS OpenAIKey Client-Secret user[password]"
    " password2 password_confirmation SecretString api_key_value db.password passphrase access_tokens slackToken"
    " deploy_token id_token idtoken AWS_SECRET_ACCESS_KEY connectionString cookie cookies jwt otp smtp_pass pass",
)
NOT_SECRET = re.findall(
    r"\S+",
    "max_tokens maxTokens token_count prompt_tokens completion_tokens tokens token token_id eos_token pad_token"
    " stop_token next_page_token nextPageToken cost_per_token key keys sort_key primaryKey public_key cache_key"
    " prompt_cache_key monkey keyboard keyword author authors authority authorized authentication authenticated"
    " secretary secret_name passed bypass compass passage code signature description id",
)


@pytest.mark.parametrize("name", SECRET)
def test_a_name_whose_last_word_is_a_secret_word_is_secret(name: str) -> None:
    assert is_secret_name(name)
    assert is_secret_parameter(name)
    assert "hunter2" not in redacted(json.dumps({name: "hunter2"}))
    assert redacted(f"a=b&{name}=hunter2&c=d") == f"a=b&{name}=REDACTED&c=d"
    assert redacted(f"GET https://a.example/x?{name}=hunter2&c=d") == f"GET https://a.example/x?{name}=REDACTED&c=d"


@pytest.mark.parametrize("name", NOT_SECRET)
def test_a_name_that_only_has_such_a_word_or_its_letters_is_not(name: str) -> None:
    assert not is_secret_name(name)
    for value in ("hunter2", ["hunter2"], {"value": "hunter2"}, 12345):
        body = json.dumps({name: value})
        assert redacted(body) == body


def redacted(text: str) -> str:
    body = text.encode()
    return cut(body, 0, len(body), spans_in(body)).decode()


R = "REDACTED"
HELD: list[tuple[object, object]] = [
    ({"api_key": ["abcdef", "b c"]}, {"api_key": [R, R]}),
    ({"password": {"value": "hunter2"}}, {"password": {"value": R}}),
    ({"auth": {"type": "basic", "user": "me", "pass": "b"}}, {"auth": {"type": "basic", "user": R, "pass": R}}),
    ({"credentials": [{"a": [["x"]], "name": "db"}, "y"]}, {"credentials": [{"a": [[R]], "name": "db"}, R]}),
    ({"db_password": {"type": "string", "value": "hunter2"}}, {"db_password": {"type": "string", "value": R}}),
    (
        {"secrets": {"A": "", "B": None, "D": 'a"b\\'}},
        {"secrets": {"A": "", "B": None, "D": R}},
    ),
]
DRESSES: dict[str, tuple[Callable[[object], str], Callable[[str], object]]] = {
    "a line": (json.dumps, json.loads),
    "indented": (lambda one: json.dumps(one, indent=2), json.loads),
    "each token in a line": (lambda one: json.dumps(one, separators=("\n,", ":\n"), indent=0), json.loads),
    "an event": (lambda one: f"data: {json.dumps(one)}\n\n", lambda text: json.loads(text[6:])),
    "JSON in JSON": (lambda one: json.dumps({"a": json.dumps(one)}), lambda text: json.loads(json.loads(text)["a"])),
    "indented JSON in JSON": (
        lambda one: json.dumps({"a": json.dumps(one, indent=1)}),
        lambda text: json.loads(json.loads(text)["a"]),
    ),
}


@pytest.mark.parametrize(("document", "expected"), HELD)
@pytest.mark.parametrize("dress", DRESSES)
def test_each_string_in_a_secret_list_or_object_is_secret(dress: str, document: object, expected: object) -> None:
    write, read = DRESSES[dress]
    around = {"before": "kept", "a": [document], "after": "kept"}
    assert read(redacted(write(around))) == {"before": "kept", "a": [expected], "after": "kept"}


def test_a_python_literal_in_a_message() -> None:
    text = "failed with {'credentials': {'user': 'me', 'n': 1}, 'api_key': ['abcdef']}, sorry"
    assert hide(text) == "failed with {'credentials': {'user': 'REDACTED', 'n': 1}, 'api_key': ['REDACTED']}, sorry"


def delta(text: str) -> bytes:
    call = {"index": 0, "function": {"arguments": text}}
    return b"data: " + json.dumps({"choices": [{"delta": {"tool_calls": [call]}}]}).encode() + b"\n\n"


def arguments(body: bytes) -> str:
    events = [json.loads(line[6:]) for line in body.splitlines() if line]
    return "".join(one["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"] for one in events)


@pytest.mark.parametrize(("document", "expected"), HELD)
def test_the_arguments_of_a_tool_call_in_pieces_and_as_they_are_written(document: object, expected: object) -> None:
    """What is written before the rest has come, as a spool is, holds none of it either."""
    text = json.dumps({"to": "a", "with": document, "b": "kept"})
    for size in (1, 2, 5, 11):
        body = b"".join(delta(text[at : at + size]) for at in range(0, len(text), size))
        finder, written, before = SecretFinder(), b"", 0
        for at in range(0, len(body), 13):
            finder.feed(body[at : at + 13])
            written += cut(body[before : finder.known], before, finder.known, finder.spans)
            before = finder.known
        finder.finish()
        written += cut(body[before:], before, len(body), finder.spans)
        assert json.loads(arguments(written)) == {"to": "a", "with": expected, "b": "kept"}, size


@pytest.mark.parametrize(
    "document",
    [
        {"properties": {"password": {"type": "string", "description": "Of the user", "enum": ["a"]}}},
        {"credentials": {"type": "object", "properties": {"user": {"type": "string"}}, "required": ["user"]}},
        {"errors": {"password": {"message": "is too short"}}},
        {"auth": "bearer", "credentials": "include", "mode": {"auth": "none"}},
        {"password": {"length": 8, "set": True}},
        {"inside_token": 2, "slackTokens": 40, "access_token": 0.5},
        {"secrets": {"A": "<your key>", "B": "$B_KEY"}},
    ],
)
@pytest.mark.parametrize("dress", DRESSES)
def test_what_is_said_about_a_secret_field_stays(dress: str, document: object) -> None:
    text = DRESSES[dress][0](document)
    assert redacted(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bad config:\n  api_key:\n    abc123def456ghi\n  a: b", "bad config:\n  api_key:\n    REDACTED\n  a: b"),
        ("[db]\npassword =\n\tp@ssw0rd!23\nhost = a", "[db]\npassword =\n\tREDACTED\nhost = a"),
        ("passphrase: |-\n  hunter2!hunter23\na: b", "passphrase: |-\n  REDACTED\na: b"),
        ("api_keys:\n- abc123def456ghi\n- b", "api_keys:\n- REDACTED\n- b"),
        ("the password is wrong: hunter2hunter23", "the password is wrong: hunter2hunter23"),
        ("password:\n  must be 8-16 characters", "password:\n  must be 8-16 characters"),
        ("max_tokens:\n  abc123def456ghi", "max_tokens:\n  abc123def456ghi"),
    ],
)
def test_a_value_in_the_line_after_its_name(text: str, expected: str) -> None:
    """As a message quotes a file; in lines of their own, too, where the next one is not looked at here."""
    for depth in range(3):
        document, found = text, text
        for _ in range(depth + 1):
            document = json.dumps({"a": document})
        found = redacted(document)
        for _ in range(depth + 1):
            found = json.loads(found)["a"]
        assert found == expected
    last = next((number for number, line in enumerate(expected.splitlines(), 1) if "REDACTED" in line), None)
    assert hide(text).splitlines()[:last] == expected.splitlines()[:last]

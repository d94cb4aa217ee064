"""What looks like a secret in a recorded file is listed, whatever recorded it."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from orharness.cassette import save
from orharness.cassette.scan import SuspectText, files_in, scan
from orharness.cli.app import app
from orharness.errors import CassetteError
from tests.support.cassette_samples import an_interaction
from tests.support.places import ROOT
from tests.support.planted import with_a_name, with_a_shape

KEY = "sk-or-v1-0123456789abcdef0123456789abcdef"


def kinds(findings: list[SuspectText]) -> list[tuple[str, str]]:
    return [(one.where, one.kind) for one in findings]


def vcrpys(path: Path, request: dict[str, Any], response: dict[str, Any]) -> Path:
    asked = {"method": "POST", "uri": "https://a/v1/x", "body": None, "headers": {}, **request}
    answered = {"status": {"code": 200, "message": "OK"}, "headers": {}, "body": {"string": ""}, **response}
    path.write_text(yaml.safe_dump({"version": 1, "interactions": [{"request": asked, "response": answered}]}), "utf-8")
    return path


def test_a_cassette_of_vcrpy(tmp_path: Path) -> None:
    body = json.dumps({"messages": [], "user_password": "hunter2-and-more"})
    packed = gzip.compress(f'data: {{"a": 1}}\n\ndata: {{"b": "it is {KEY}"}}\n\n'.encode())
    path = vcrpys(
        tmp_path / "a.yaml",
        {
            "uri": f"https://me:swordfish9@a/v1/x?key={KEY[9:]}&page_token=7",
            "headers": {"Authorization": [f"Bearer {KEY}"], "Cookie": ["a=12345678"], "X-Request-Id": ["1"]},
            "body": body,
        },
        {"headers": {"Set-Cookie": ["s=12345678"], "content-encoding": ["gzip"]}, "body": {"string": packed}},
    )
    where = "interactions[0]"
    assert kinds(scan(path)) == [
        (f"{where}.request.headers.Authorization", "header that authenticates"),
        (f"{where}.request.headers.Cookie", "header that authenticates"),
        (f"{where}.request.uri", "password in an address"),
        (f"{where}.request.uri", "parameter key"),
        (f"{where}.request.body byte 35 (line 1)", "field user_password"),
        (f"{where}.response.headers.Set-Cookie", "header that authenticates"),
        (f"{where}.response.body byte 35 (line 3)", "API key"),
    ]


@pytest.mark.parametrize(
    "value", ["REDACTED", "Bearer DUMMY", "<key>", "xxxxxxxxxxxx", "Bearer test-key", "$KEY", "***"]
)
def test_a_placeholder_is_no_finding(tmp_path: Path, value: str) -> None:
    path = vcrpys(
        tmp_path / "a.yaml",
        {
            "headers": {"Authorization": [value]},
            "body": json.dumps({"api_key": value}),
            "uri": f"https://a/?key={value}",
        },
        {},
    )
    assert scan(path) == []


@pytest.mark.parametrize(
    "value",
    [
        "Bearer prod-test-4f9a8b7c6d5e4f3a",
        "acme-example-4f9a8b7c6d5e",
        "your_4f9a8b7c6d5e",
        "<4f9a8b7c6d5e",
        "test-horse-battery",
        "$up3rS3cret",
    ],
)
def test_a_word_of_a_placeholder_in_a_value_excuses_nothing(tmp_path: Path, value: str) -> None:
    where = "interactions[0].request"
    path = vcrpys(
        tmp_path / "a.yaml",
        {
            "headers": {"X-Api-Key": [value]},
            "body": json.dumps({"apiKey": f"a{value}"}),
            "uri": f"https://a/?key={value}",
        },
        {},
    )
    assert {one.where.partition(" byte")[0] for one in scan(path)} == {
        f"{where}.headers.X-Api-Key",
        f"{where}.body",
        f"{where}.uri",
    }


def a_token(number: int) -> str:
    return f"ghp_{number:036}"


def test_a_secret_is_found_wherever_it_is_in_a_file_that_loads(tmp_path: Path) -> None:
    """Also in what no form of file knows."""
    path = vcrpys(tmp_path / "a.yaml", {"x-own": a_token(1)}, {"protocol": a_token(2)})
    data = yaml.safe_load(path.read_text("utf-8"))
    data["interactions"][0]["meta"], data["notes"] = {"auth": [a_token(3)]}, a_token(4)
    path.write_text(f"# with KEY={a_token(5)}\n{yaml.safe_dump(data)}", "utf-8")
    found = {one.text: one.where for one in scan(path)}
    assert len(found) == len(scan(path))
    assert found == {
        a_token(1): "interactions[0].request.x-own",
        a_token(2): "interactions[0].response.protocol",
        a_token(3): "interactions[0].meta",
        a_token(4): "notes",
        a_token(5): "text byte 11 (line 1)",
    }


def test_a_repeated_key_hides_nothing(tmp_path: Path) -> None:
    path, other = vcrpys(tmp_path / "a.yaml", {"body": a_token(1)}, {}), vcrpys(tmp_path / "b.yaml", {}, {})
    path.write_text(path.read_text("utf-8") + other.read_text("utf-8"), "utf-8")
    assert [one.text for one in scan(path)] == [a_token(1)]


def test_what_is_found_decoded_is_not_found_again_in_the_text(tmp_path: Path) -> None:
    """The text has it escaped, folded, or in base64."""
    said = json.dumps({"password": 'a "quoted" pass/word', "b": f"Grüße {KEY}"}) + "\n"
    for number, body in enumerate((said, said.encode() + b"\xff", json.dumps({"c": said}))):
        path = vcrpys(tmp_path / f"{number}.yaml", {"body": body, "uri": f"https://a/?key={KEY}"}, {})
        assert [one.kind for one in scan(path)] == ["parameter key", "field password", "API key"], number


def test_a_text_in_utf_16_is_searched(tmp_path: Path) -> None:
    path = vcrpys(tmp_path / "a.YAML", {"body": KEY}, {})
    path.write_text(path.read_text("utf-8"), "utf-16")
    assert files_in(tmp_path) == [path]
    assert [one.text for one in scan(path)] == [KEY]


def test_what_the_shipped_and_the_saved_hold_is_no_secret(tmp_path: Path) -> None:
    save(tmp_path / "a.yaml", [an_interaction()])
    files = [*files_in(tmp_path), *files_in(ROOT / "cassettes")]
    assert len(files) == 5
    assert [one for file in files for one in scan(file)] == []


@pytest.mark.parametrize("planted", with_a_shape() + with_a_name(), ids=lambda one: one.kind)
@pytest.mark.parametrize("form", ["cassette", "split", "har", "har64", "spool", "json", "text", "broken"])
def test_each_kind_is_found_in_each_form_of_file(tmp_path: Path, planted: Any, form: str) -> None:
    said = {"a": str(planted), planted.name or "b": planted.value}
    body = f"data: {json.dumps(said)}\n\n".encode()
    if form == "split":
        text = json.dumps(said)
        calls = [{"delta": {"arguments": text[at : at + 6]}} for at in range(0, len(text), 6)]
        body = b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in calls)
    path = tmp_path / f"a.{'har' if form.startswith('har') else 'yaml'}"
    if form in ("cassette", "split", "broken"):
        save(path, [an_interaction(body)])
        data = path.read_bytes()
        path.write_bytes(data[:-12] if form == "broken" else data)
    elif form.startswith("har"):
        content = (
            {"text": base64.b64encode(body).decode(), "encoding": "base64"}
            if form == "har64"
            else {"text": body.decode()}
        )
        entry = {
            "request": {"method": "GET", "url": "https://a/x", "headers": [], "cookies": []},
            "response": {"status": 200, "headers": [{"name": "Content-Encoding", "value": "gzip"}], "content": content},
        }
        path.write_text(json.dumps({"log": {"version": "1.2", "entries": [entry]}}))
    elif form == "spool":
        packed = [base64.b64encode(one).decode() for one in (b"{}", body[:20], body[20:])]
        lines: list[dict[str, Any]] = [
            {
                "order": 3,
                "request": {"uri": "https://a/x", "headers": [], "body": packed[0]},
                "response": {"headers": []},
            },
            {"order": 3, "delay": 0.1, "data": packed[1]},
            {"order": 3, "chunk": 0, "more": packed[2]},
        ]
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    else:
        path.write_bytes(body if form == "text" else json.dumps({"x": said}).encode())
    findings = scan(path)
    assert findings
    assert any(planted.value[:4] in one.text or form == "split" for one in findings)
    for one in findings:
        assert planted.value not in one.shown


def test_the_command_lists_and_exits_with_1(tmp_path: Path) -> None:
    clean, leaky = tmp_path / "b.yaml", tmp_path / "deep" / "a.yaml"
    leaky.parent.mkdir()
    save(clean, [an_interaction()])
    vcrpys(leaky, {"headers": {"X-Api-Key": [KEY]}}, {})
    (tmp_path / "notes.txt").write_text(KEY)
    found = CliRunner().invoke(app, ["cassette", "scan", str(tmp_path)])
    assert found.exit_code == 1
    line, count = found.output.splitlines()  # click before 8.2 keeps stdout and stderr in one
    where = f"{leaky}: interactions[0].request.headers.X-Api-Key"
    assert line == f"{where}: header that authenticates: sk-o… (41 characters)"
    assert count == "1 finding in 2 files"
    assert KEY not in found.output
    assert CliRunner().invoke(app, ["cassette", "scan", str(clean)]).exit_code == 0
    assert CliRunner().invoke(app, ["cassette", "scan", str(tmp_path), "--allow", "^sk-or-v1-0123"]).exit_code == 0
    notes = CliRunner().invoke(app, ["cassette", "scan", str(tmp_path / "notes.txt")])
    assert notes.stdout.startswith(f"{tmp_path / 'notes.txt'}: body byte 0 (line 1): API key: sk-o…")


def test_personal_data_is_listed_where_that_is_asked_for(tmp_path: Path) -> None:
    path = vcrpys(tmp_path / "a.yaml", {"body": '{"text": "mail a@mail.org"}'}, {})
    assert scan(path) == []
    assert kinds(scan(path, personal=True)) == [("interactions[0].request.body byte 15 (line 1)", "e-mail address")]


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(CassetteError, match="there is no such file or folder"):
        files_in(tmp_path / "none")


@pytest.mark.slow
def test_the_hook_names_what_exists() -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    assert hook["entry"].split()[0] == "orharness"
    assert CliRunner().invoke(app, [*hook["entry"].split()[1:], "--help"]).exit_code == 0


def test_the_command_seals(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    save(path, [an_interaction()])
    path.write_text(path.read_text("utf-8").replace("data: a", "data: edited"), "utf-8")
    found = CliRunner().invoke(app, ["cassette", "seal", str(path)])
    assert found.exit_code == 0
    assert "the chunks have their delays" in found.stdout
    assert CliRunner().invoke(app, ["cassette", "seal", str(tmp_path / "none.yaml")]).exception is not None


def test_a_har_is_searched_in_all_of_its_places(tmp_path: Path) -> None:
    """Those that browsers and tools add are in no list: web sockets, initiators, titles, comments."""
    secrets = {where: f"ghp_{number:036}" for number, where in enumerate(("pages", "comment", "_own", "asked", "got"))}
    path = tmp_path / "a.har"
    entry = {
        "request": {"method": "GET", "url": "https://a.example/", "headers": [], "comment": secrets["asked"]},
        "response": {"status": 200, "headers": [], "content": {"text": "ok"}, "_error": {"a": [secrets["got"]]}},
        "_own": [{"data": json.dumps({"a": secrets["_own"]})}],
    }
    pages = [{"title": f"https://a.example/#{secrets['pages']}"}]
    path.write_text(json.dumps({"log": {"entries": [entry], "pages": pages, "comment": secrets["comment"]}}), "utf-8")
    assert {(one.where, one.text) for one in scan(path)} == {
        ("log.pages", secrets["pages"]),
        ("log.comment", secrets["comment"]),
        ("log.entries[0]._own", secrets["_own"]),
        ("log.entries[0].request.comment", secrets["asked"]),
        ("log.entries[0].response._error", secrets["got"]),
    }


def test_a_name_of_a_header_may_be_a_secret(tmp_path: Path) -> None:
    path, secret = tmp_path / "a.har", f"ghp_{7:036}"
    request = {"method": "GET", "url": "https://a.example/", "headers": [{"name": secret, "value": "1"}]}
    path.write_text(json.dumps({"log": {"entries": [{"request": request, "response": {"headers": []}}]}}), "utf-8")
    assert [(one.where, one.text) for one in scan(path)] == [("log.entries[0].request.headers", secret)]

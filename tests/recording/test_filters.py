"""A user's own rules: vcrpy's filters as they are, while recording and on replay."""

from __future__ import annotations

import asyncio
import inspect
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from vcr.config import VCR  # type: ignore[import-untyped]

from orharness.cassette import Filters, Interaction, RecordedRequest, header, load
from orharness.cassette.filters import edits
from orharness.cli.plugins import settings_at
from orharness.errors import CassetteError, ScenarioError
from orharness.recording import RecordingServer
from orharness.recording.filter_settings import packed, unpacked
from orharness.server.facade import SseServer
from orharness.stream import Stream, edit
from tests.support.recording_bench import Wire, asking, chunks_of, contents, recording, serving, until_written

ASKED = {"model": "m", "user": "u-1", "meta": {"user": "u-2"}}


async def greets(wire: Wire) -> None:
    wire.head("X-Account: acme-inc", "X-Request-Id: abc")
    wire.chunks(b"data: hello ", b"acme, acme\n\n", b"data: [DONE]\n\n")
    wire.last_chunk()


def without_acme(response: dict[str, Any]) -> dict[str, Any]:
    response["body"]["string"] = response["body"]["string"].replace(b"acme", b"N")
    return response


def only_posts(request: Any) -> Any:
    return request if request.method == "POST" and "/skip" not in request.path else None


NESTED = "filter_nested_post_data_parameters"  # vcrpy 8 has it not
KNOWS_NESTED = NESTED in inspect.signature(VCR).parameters
FILTERS = {
    "filter_headers": [("User-Agent", "a test")],
    "filter_query_parameters": ["team"],
    "filter_post_data_parameters": ["user"],
    **({NESTED: True} if KNOWS_NESTED else {}),
    "before_record_request": only_posts,
    "before_record_response": without_acme,
}


@pytest.mark.asyncio
async def test_vcrpys_filters_work_as_they_are(to: Path) -> None:
    async def looked_at(wire: Wire) -> None:
        await greets(wire)
        if "/skip" not in wire.request.decode():
            await until_written(to.with_name("a.yaml.recording"), chunks=3)
        for path in to.parent.iterdir():
            assert b"YWNtZ" not in contents(path)  # acme in base64

    async with recording(to, looked_at, filters=FILTERS) as bench:
        for path in ("/chat?team=t1&a=1", "/skip"):
            sent = ("User-Agent: x", "Content-Type: application/json")  # vcrpy changes JSON only where it is named
            async with asking(bench.base_url, path, *sent, body=json.dumps(ASKED).encode()) as client:
                assert b"acme" in await client.rest()

    (found,) = load(to)
    assert found.request.uri.endswith("/v1/chat?a=1")
    assert header(found.request.headers, "User-Agent") == "a test"
    assert json.loads(found.request.body) == {"model": "m", "meta": {} if KNOWS_NESTED else {"user": "u-2"}}
    assert chunks_of(found) == [b"data: hello ", b"N, N\n\n", b"data: [DONE]\n\n"]
    assert header(found.headers, "X-Account") == "REDACTED"
    assert header(found.headers, "X-Request-Id") == "abc"


@pytest.mark.asyncio
async def test_headers_that_nobody_vouches_for_are_kept_where_that_is_asked_for(to: Path) -> None:
    async with recording(to, greets, keep_headers=["x-account"], redact_personal=True) as bench:
        body = b'{"text": "mail a@b.example from 10.0.0.1"}'
        async with asking(bench.base_url, "/x", "X-Account: mine", "X-Other: theirs", body=body) as client:
            await client.rest()
    (found,) = load(to)
    assert header(found.headers, "X-Account") == "acme-inc"
    assert header(found.request.headers, "X-Account") == "mine"
    assert header(found.request.headers, "X-Other") == "REDACTED"
    assert found.request.body == b'{"text": "mail REDACTED from REDACTED"}'


def fails(request: Any) -> Any:
    raise LookupError("no such thing")


@pytest.mark.asyncio
@pytest.mark.parametrize("name", ["before_record_request", "before_record_response"])
async def test_a_filter_that_fails_keeps_the_exchange_from_the_disk_and_not_from_the_client(
    to: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def asked() -> None:
        async with recording(to, greets, filters={name: fails}) as bench, asking(bench.base_url) as client:
            assert (await client.rest()).endswith(b"0\r\n\r\n")

    with pytest.raises(CassetteError, match="failed, so this exchange is not recorded: LookupError: no such thing"):
        await asked()
    assert list(to.parent.glob("*.yaml")) == []
    assert "Traceback" not in caplog.text


def test_what_is_no_filter_is_refused() -> None:
    with pytest.raises(ScenarioError, match="'filter_header' is not a known filter of vcrpy: filter_headers"):
        Filters({"filter_header": ["a"]})


def test_a_filter_that_the_installed_vcrpy_does_not_know_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def older(filter_headers: object = ()) -> object:
        raise AssertionError

    monkeypatch.setattr("orharness.cassette.filters.VCR", older)
    with pytest.raises(ScenarioError, match=r"the vcrpy that is installed does not take these filters: .*ignore_hosts"):
        Filters({"ignore_hosts": ["a"]})


def test_settings_are_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "conftest.py"
    file.write_text(
        "import pytest\n@pytest.fixture(scope='module')\ndef vcr_config():\n    return {'filter_headers': ['a']}\n"
        "plain = {'filter_headers': ['b']}\nodd = 3\n"
    )
    assert settings_at(f"{file}:vcr_config") == {"filter_headers": ["a"]}
    assert settings_at(f"{file}:plain") == {"filter_headers": ["b"]}
    for where, said in [
        (f"{file}:other", "there is no other"),
        (f"{file}:odd", "a mapping such as a vcr_config"),
        ("plain", "is FILE.py:NAME"),
        (f"{tmp_path / 'none.py'}:a", "FileNotFoundError"),
    ]:
        with pytest.raises(ScenarioError, match=said):
            settings_at(where)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"a\nb\nc\n", b"a\nx\nc\n"),
        (b"a acme b acme\n", b"a N b N\n"),
        (b"a\nb\n", b"b\n"),
        (b"", b"a"),
        (b"aaa", b"aa"),
        (b"a\nb", b""),
        (b"x" * 2**20 + b"secret" + b"y" * 9, b"x" * 2**20 + b"y" * 9),
    ],
)
def test_edits_make_one_body_the_other(old: bytes, new: bytes) -> None:
    assert edit(Stream.of(old), list(edits(old, new))).body == new


def a_replay(body: object, filters: dict[str, Any] | None, recorded: object, tmp_path: Path) -> int:
    from orharness.cassette import save

    request = RecordedRequest("POST", "http://a/v1/chat/completions", (), json.dumps(recorded).encode())
    save(tmp_path / "a.yaml", [Interaction(request, stream=Stream.of(b"data: a\n\n"))])
    with SseServer(strict=False) as server:
        server.cassette(tmp_path / "a.yaml", filters=filters)
        answer = httpx.post(
            f"{server.base_url}/chat/completions",
            json=body,
            headers={"Authorization": "Bearer sk-my-own-key-is-long-1"},
        )
    return answer.status_code


KEY = "sk-or-v1-0123456789abcdef0123456789"


@pytest.mark.parametrize(
    ("live", "filters", "recorded", "status"),
    [
        ({"a": 1, "user": "u"}, None, {"a": 1}, 404),
        ({"a": 1, "user": "u"}, {"filter_post_data_parameters": ["user"]}, {"a": 1}, 200),
        ({"a": 2, "user": "u"}, {"filter_post_data_parameters": ["user"]}, {"a": 1}, 404),
        ({"password": "mine", "a": 1}, None, {"password": "REDACTED", "a": 1}, 200),
        ({"password": "mine", "a": 2}, None, {"password": "REDACTED", "a": 1}, 404),
        ({"a": f"my key is {KEY}"}, None, {"a": "my key is REDACTED"}, 200),
        ({"a": "said sk-my-own-key-is-long-1"}, None, {"a": "said REDACTED"}, 200),
        ({"password": "mine"}, None, {"password": "theirs"}, 200),  # recorded by a version that did not redact it
        ({"a": "from 10.0.0.1"}, None, {"a": "from REDACTED"}, 200),
        ({"a": "from 10.0.0.1"}, None, {"a": "from 10.0.0.2"}, 404),
    ],
)
def test_a_request_passes_through_the_same_redaction_before_it_is_matched(
    live: object, filters: dict[str, Any] | None, recorded: object, status: int, tmp_path: Path
) -> None:
    assert a_replay(live, filters, recorded, tmp_path) == status


@pytest.mark.slow
@pytest.mark.asyncio
async def test_the_recorder_of_a_test_run_takes_the_same_rules(to: Path, tmp_path: Path) -> None:
    settings = tmp_path / "conftest.py"
    settings.write_text("def vcr_config():\n    return {'filter_query_parameters': ['team']}\n")
    async with serving(greets) as upstream:

        def recorder() -> RecordingServer:
            rules = {"filters": f"{settings}:vcr_config", "keep_headers": ["X-Account"], "redact_personal": True}
            return RecordingServer(upstream.url, to, **rules)  # type: ignore[arg-type]

        server = await asyncio.to_thread(recorder)
        try:
            async with asking(server.base_url, "/x?team=a&b=c", body=b'{"text": "mail a@b.example"}') as client:
                await client.rest()
        finally:
            await asyncio.to_thread(server.close)
    (found,) = load(to)
    assert found.request.uri.endswith("/x?b=c")
    assert found.request.body == b'{"text": "mail REDACTED"}'
    assert header(found.headers, "X-Account") == "acme-inc"


class Rules:
    """Functions of a user, below a name at the top of a file."""

    @staticmethod
    def hidden(key: str, value: str, request: Any) -> str:
        return f"hidden-{key}"


def test_filters_reach_another_process_as_a_text() -> None:
    settings = {
        "filter_headers": ["a", ("b", "x"), ("user-agent", Rules.hidden)],
        "filter_query_parameters": {"team": None},
        "before_record_request": only_posts,
        "before_record_response": [without_acme],
        "ignore_localhost": False,
    }
    found = unpacked(packed(settings))

    a, b, (name, hidden) = found["filter_headers"]
    assert (a, b, name, hidden("k", "v", None)) == ("a", ("b", "x"), "user-agent", "hidden-k")
    assert found["filter_query_parameters"] == [("team", None)]
    assert found["before_record_request"].__name__ == "only_posts"
    assert found["before_record_response"][0].__name__ == "without_acme"
    assert found["ignore_localhost"] is False


def test_a_function_without_a_name_cannot_be_handed_over() -> None:
    with pytest.raises(ScenarioError, match=r"before_record_request: .*lambda.* write it as a function at the top"):
        packed({"before_record_request": lambda request: request})
    with pytest.raises(ScenarioError, match="cannot be handed over to the recorder"):
        packed({"filter_headers": [b"a"]})


def test_filters_as_json() -> None:
    assert settings_at('{"filter_headers": ["a"]}') == {"filter_headers": ["a"]}
    with pytest.raises(ScenarioError, match="the filters are not JSON"):
        settings_at("{")

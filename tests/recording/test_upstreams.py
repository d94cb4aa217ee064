"""Several servers recorded by one recorder: each request goes to the server of its API, with that server's key."""

from __future__ import annotations

from pathlib import Path

import pytest

from orharness.cassette import load
from orharness.errors import ScenarioError
from orharness.recording import Recorder
from orharness.recording.upstreams import Upstreams, named_values
from tests.support.recording_bench import Wire, asking, contents, dechunked, serving

THREE = {
    "": "https://openai/v1",
    "messages": "https://anthropic",
    "gemini": "https://google/v1beta",
}


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("/v1/chat/completions", "https://openai/v1/chat/completions"),
        ("/v1/responses", "https://openai/v1/responses"),
        ("/v1/models", "https://openai/v1/models"),
        ("/v1/messages?beta=true", "https://anthropic/v1/messages?beta=true"),
        ("/v1/messages/count_tokens", "https://anthropic/v1/messages/count_tokens"),
        (
            "/v1beta/models/m:streamGenerateContent?alt=sse",
            "https://google/v1beta/models/m:streamGenerateContent?alt=sse",
        ),
        ("/v1beta/models", "https://google/v1beta/models"),
        ("/v1beta/files/a", "https://google/v1beta/files/a"),
    ],
)
def test_a_request_goes_to_the_server_of_its_api(path: str, uri: str) -> None:
    found = Upstreams(THREE).of(path)

    assert found is not None
    assert found.uri(path) == uri


def test_an_api_without_a_server_has_none() -> None:
    assert Upstreams({"messages": "https://anthropic"}).of("/v1/chat/completions") is None


def test_an_address_without_a_path_gets_the_prefix_of_its_api() -> None:
    bare = Upstreams({"gemini": "https://google/", "chat": "https://openai", "ollama": "http://here:11434"})

    assert str(bare) == "gemini=https://google/v1beta, chat=https://openai/v1, ollama=http://here:11434"


@pytest.mark.parametrize(
    ("given", "key_env", "said"),
    [
        ({"mesages": "https://a/v1"}, None, "there is no dialect 'mesages' .did you mean 'messages'?"),
        ({}, None, "there is no upstream"),
        ({"chat": "https://a/v1"}, "SOME_KEY", "the key of all other requests has no upstream to go to"),
        ({"chat": "https://a/v1"}, {"messages": "SOME_KEY"}, "the key of messages has no upstream to go to"),
        ({"chat": "nowhere"}, None, "an upstream is a base URL"),
        ("http://h.test/v1?api-version=1", None, "an upstream is a base URL without a query"),
        (
            "http://me:p4ssw0rd@h.test/v1?key=abcd",
            None,
            r"not 'http://me:REDACTED@h\.test/v1\?key=REDACTED': paths are",
        ),
        ("http://h.test/v1#a", None, "an upstream is a base URL without a query"),
        ("http://h.test/v1 ", None, "an upstream is a base URL without a query"),
    ],
)
def test_impossible_upstreams(given: dict[str, str], key_env: str | dict[str, str] | None, said: str) -> None:
    with pytest.raises(ScenarioError, match=said):
        Upstreams(given, key_env)


def test_values_by_the_name_of_an_api() -> None:
    assert named_values(["https://a/v1?x=y", "messages=https://b"], "--upstream") == {
        "": "https://a/v1?x=y",
        "messages": "https://b",
    }
    with pytest.raises(ScenarioError, match="--upstream https://b: there is one already for all other requests"):
        named_values(["https://a", "https://b"], "--upstream")


def answering(name: bytes) -> list[object]:
    async def answers(wire: Wire) -> None:
        wire.head()
        wire.chunks(b"data: %s\n\n" % name)
        wire.last_chunk()

    return [answers]


@pytest.mark.asyncio
async def test_three_apis_are_in_one_cassette_and_no_key_goes_to_another_server(
    to: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {"": "sk-of-the-first-server", "messages": "sk-ant-of-the-second-one"}
    for name, key in keys.items():
        monkeypatch.setenv(f"KEY_{name}", key)
    async with (
        serving(*answering(b"chat")) as first,  # type: ignore[arg-type]
        serving(*answering(b"messages")) as second,  # type: ignore[arg-type]
        serving(*answering(b"gemini")) as third,  # type: ignore[arg-type]
    ):
        upstreams = {"": first.url, "messages": second.url, "gemini": f"http://127.0.0.1:{third.port}/v1beta"}
        key_env = {name: f"KEY_{name}" for name in keys}
        async with Recorder(upstreams, to, key_env=key_env) as recorder:
            for path, header in [
                ("/chat/completions", "Authorization: Bearer mine"),
                ("/messages", "x-api-key: mine"),
                ("beta/models/m:streamGenerateContent?alt=sse", "x-goog-api-key: the-third-is-the-clients-own"),
            ]:
                async with asking(recorder.base_url, path, header) as client:
                    await client.head()
                    assert dechunked(await client.rest())[0][-1] == b"END"

    assert [one.stream.body for one in load(to)] == [b"data: chat\n\n", b"data: messages\n\n", b"data: gemini\n\n"]
    assert first.requests[0].header("Authorization") == f"Bearer {keys['']}"
    assert second.requests[0].header("x-api-key") == keys["messages"]
    assert third.requests[0].header("x-goog-api-key") == "the-third-is-the-clients-own"
    assert third.requests[0].request.startswith(b"POST /v1beta/models/m:streamGenerateContent?alt=sse ")
    text = contents(to).decode()
    assert not any(key in text for key in (*keys.values(), "clients-own"))


@pytest.mark.asyncio
async def test_a_request_of_an_api_that_nobody_named_is_refused(to: Path) -> None:
    async with (
        Recorder({"messages": "http://127.0.0.1:9/v1"}, to) as recorder,
        asking(recorder.base_url, "/chat/completions?key=x") as client,
    ):
        said = await client.rest()

    assert said.startswith(b"HTTP/1.1 502 ")
    assert (
        b"no upstream is named for POST /v1/chat/completions: it is of none of the APIs of messages=http://127" in said
    )

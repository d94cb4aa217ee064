"""vcrpy replays our cassettes and keeps what is ours in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest
import requests
import vcr  # type: ignore[import-untyped]

from orharness.cassette import Interaction, RecordedRequest, load, save
from orharness.errors import CassetteError
from tests.support.cassette_samples import URI, an_interaction, ours
from tests.support.places import ROOT


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """A cassette of ours with bytes of every kind."""
    pieces = [
        "data: Grüße, 世界\n\n".encode()[:9],
        "data: Grüße, 世界\n\n".encode()[9:],
        b": \n\n",
        b"data: [DONE]\r\n\r\n",
    ]
    request = RecordedRequest("POST", URI, (("Content-Type", "application/json"),), b'{"model": "m"}')
    save(tmp_path / "shipped.yaml", [an_interaction(*pieces, request=request)])
    return tmp_path / "shipped.yaml"


def with_httpx() -> bytes:
    return httpx.post(URI, json={"model": "m"}).content


def with_requests() -> bytes:
    return requests.post(URI, json={"model": "m"}, timeout=5).content


@pytest.mark.parametrize("client", [with_httpx, with_requests])
def test_vcrpy_replays_it_byte_for_byte(shipped: Path, client: Callable[[], bytes]) -> None:
    with vcr.use_cassette(shipped, record_mode="none") as cassette:
        assert client() == load(shipped)[0].stream.body
        assert cassette.all_played


def resaved_when_dirty(path: Path) -> None:
    with vcr.use_cassette(path, record_mode="new_episodes") as cassette:
        cassette.dirty = True


def resaved_by_force(path: Path) -> None:
    with vcr.use_cassette(path, record_mode="none") as cassette:
        cassette._save(force=True)


@pytest.mark.parametrize("resave", [resaved_when_dirty, resaved_by_force])
def test_chunks_and_timing_survive_a_save_by_vcrpy(shipped: Path, resave: Callable[[Path], None]) -> None:
    before, text = load(shipped), shipped.read_bytes()
    resave(shipped)

    assert shipped.read_bytes() != text  # vcrpy has a style of its own
    assert load(shipped) == before


class Answer(BaseHTTPRequestHandler):
    """A server that vcrpy can record."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Set-Cookie", "a=secret")
        self.end_headers()
        self.wfile.write("data: Grüße, 世界 \N{GRINNING FACE}\n\n".encode())

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def a_server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1/models?key=secret"
        finally:
            server.shutdown()
            thread.join()


def test_a_vcrpy_user_can_register_serializer_and_persister(tmp_path: Path) -> None:
    path = tmp_path / "new" / "recorded"
    with a_server() as uri, ours().use_cassette(path):
        first = requests.get(uri, headers={"Authorization": "Bearer secret"}, timeout=5).content
    with ours().use_cassette(path):
        again = requests.get(uri, timeout=5).content

    assert first == again == "data: Grüße, 世界 \N{GRINNING FACE}\n\n".encode()
    text = path.read_bytes().decode()
    assert "      string: |+\n        data: Grüße, 世界 \N{GRINNING FACE}\n" in text
    assert "secret" not in text
    assert load(path)[0].stream.body == first


def test_what_vcrpy_holds_in_memory_stays_bytes(tmp_path: Path) -> None:
    with ours().use_cassette(tmp_path / "a") as cassette:
        response = {
            "status": {"code": 200, "message": "OK"},
            "headers": {"Set-Cookie": ["a"]},
            "body": {"string": b"a"},
        }
        cassette.append(vcr.request.Request("GET", URI, b"b", {"Authorization": "c"}), response)
        cassette._save(force=True)

        assert cassette.responses[0]["body"] == {"string": b"a"}
        assert cassette.responses[0]["headers"] == {"Set-Cookie": ["a"]}
        assert cassette.requests[0].headers == {"Authorization": "c"}


def test_damage_is_no_empty_cassette_to_a_vcrpy_user_either(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"interactions: [\xff]")

    with pytest.raises(CassetteError, match="the file is not UTF-8"), ours().use_cassette(tmp_path / "a"):
        pass


def test_a_filter_of_vcrpy_that_changed_the_body_is_seen(shipped: Path) -> None:
    if int(vcr.__version__.partition(".")[0]) < 9:
        pytest.skip("filter_sensitive_data came with vcrpy 9")
    hiding = vcr.VCR(filter_sensitive_data={"<HIDDEN>": "世界"}, record_mode="new_episodes")
    with hiding.use_cassette(shipped) as cassette:
        cassette.dirty = True

    with pytest.raises(CassetteError, match=r"chunks: the sizes add up to 43, but the body has 45 bytes"):
        load(shipped)


FOLDERS = ("cassettes", "examples", "benchmarks")
RECORDED = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.yaml"))
OURS = [path for path in RECORDED if b"x-orharness:" in path.read_bytes()]


def test_all_recorded_cassettes_of_the_repository_are_looked_at() -> None:
    assert len(OURS) >= 40
    assert len(RECORDED) > len(OURS)


def in_one_order(one: Interaction) -> Interaction:
    """The interaction with its headers sorted: vcrpy writes the keys of a mapping in order."""
    request = replace(one.request, headers=tuple(sorted(one.request.headers)))
    return replace(one, request=request, headers=tuple(sorted(one.headers)))


@pytest.mark.slow
def test_vcrpy_plays_each_recorded_cassette_and_its_re_save_is_the_same_recording(tmp_path: Path) -> None:
    for path in OURS:
        copy = tmp_path / path.name
        copy.write_bytes(path.read_bytes())
        before = load(copy)
        with vcr.use_cassette(copy, record_mode="none", match_on=["method", "uri", "body"]) as cassette:
            answers = [cassette.play_response(request)["body"]["string"] for request in list(cassette.requests)]
        assert answers == [one.stream.body for one in before], path
        resaved_by_force(copy)
        assert list(map(in_one_order, load(copy))) == list(map(in_one_order, before)), path

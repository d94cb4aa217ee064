"""Programs with a literal ``https://`` address in their code: recorded, and replayed without a network."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orharness.cassette import Interaction, RecordedRequest, load, save
from orharness.cli.run import Options, run_and_judge
from orharness.cli.run_recorded import RecordOptions, run_and_record
from orharness.stream import Chunk, Stream
from tests.support.tls_upstream import CHUNKS, TlsUpstream, tls_upstream

KEY = "sk-a-key-that-is-long-enough"
TEXT = b"".join(CHUNKS).decode()
Command = Callable[[Path, str], list[str]]

PYTHON = {
    "httpx": """
import httpx
with httpx.stream("POST", URL, content=BODY, headers=HEADERS) as response:
    print("".join(response.iter_text()), end="")
""",
    "requests": """
import requests
response = requests.post(URL, data=BODY, headers=HEADERS, stream=True)
print(b"".join(response.iter_content(None)).decode(), end="")
""",
    "urllib": """
import urllib.request
print(urllib.request.urlopen(urllib.request.Request(URL, BODY, HEADERS)).read().decode(), end="")
""",
    "aiohttp": """
import aiohttp, asyncio
async def main():
    async with aiohttp.ClientSession(trust_env=True) as session:
        async with session.post(URL, data=BODY, headers=HEADERS) as response:
            print(await response.text(), end="")
asyncio.run(main())
""",
}
NODE = {
    "fetch": """
fetch(URL, { method: "POST", body: BODY, headers: HEADERS })
  .then((response) => response.text()).then((text) => process.stdout.write(text));
""",
    "https": """
const request = require("node:https").request(URL, { method: "POST", headers: HEADERS }, (response) => {
  response.pipe(process.stdout);
});
request.end(BODY);
""",
}
GO = """package main

import ("fmt"; "io"; "net/http"; "strings")

func main() {
    request, _ := http.NewRequest("POST", %s, strings.NewReader("{}"))
    request.Header.Set("Authorization", "Bearer %s")
    response, err := http.DefaultClient.Do(request)
    if err != nil { panic(err) }
    text, _ := io.ReadAll(response.Body)
    fmt.Print(string(text))
}
"""


def python(code: str) -> Command:
    def command(folder: Path, url: str) -> list[str]:
        begin = f"URL, BODY, HEADERS = {url!r}, b'{{}}', {{'Authorization': 'Bearer {KEY}'}}\n"
        return [sys.executable, "-X", "utf8", "-c", begin + code]

    return command


def node(code: str) -> Command:
    def command(folder: Path, url: str) -> list[str]:
        begin = f"const URL_ = {json.dumps(url)}, BODY = '{{}}', HEADERS = {{ Authorization: 'Bearer {KEY}' }};\n"
        file = folder / "program.cjs"
        file.write_text(begin + code.replace("URL", "URL_"), "utf-8")
        return ["node", str(file)]

    return command


def go(folder: Path, url: str) -> list[str]:
    if shutil.which("go") is None:
        pytest.skip("there is no go here")
    (folder / "program.go").write_text(GO % (json.dumps(url), KEY), "utf-8")
    return ["go", "run", str(folder / "program.go")]


PROGRAMS = {
    **{name: python(code) for name, code in PYTHON.items()},
    **{f"node {name}": node(code) for name, code in NODE.items()},
    "go": go,
}


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[TlsUpstream]:
    with tls_upstream(tmp_path) as upstream:
        yield upstream


@pytest.fixture(autouse=True)
def _no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def recorded(command: list[str], to: Path, *upstreams: TlsUpstream) -> int:
    hosts, resolve = [one.host for one in upstreams], [one.resolve for one in upstreams]
    return run_and_record(RecordOptions(command, to, intercept=hosts, resolve=resolve, ca=upstreams[0].ca))


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_is_recorded_and_replayed(
    tmp_path: Path, upstream: TlsUpstream, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    command, to = PROGRAMS[name](tmp_path, upstream.url), tmp_path / "cassettes" / "a.yaml"
    assert recorded(command, to, upstream) == 0
    assert capfd.readouterr().out == TEXT

    (found,) = load(to)
    assert (found.request.method, found.request.uri) == ("POST", upstream.url)
    assert [chunk.data for chunk in found.stream.chunks] == CHUNKS
    assert KEY.encode() in upstream.heads[0]
    assert KEY not in to.read_text("utf-8")

    assert run_and_judge(Options(command, cassette=to, intercept=[upstream.host])) == 0
    assert capfd.readouterr().out == TEXT
    assert len(upstream.heads) == 1, "it was asked again"


@pytest.mark.slow
def test_several_hosts_go_into_one_cassette_and_all_else_passes_through(
    tmp_path: Path, upstream: TlsUpstream, capfd: pytest.CaptureFixture[str]
) -> None:
    to = tmp_path / "a.yaml"
    with tls_upstream(tmp_path, "other.test") as other, tls_upstream(tmp_path, "untouched.test") as untouched:
        both = tmp_path / "both.pem"
        both.write_bytes(upstream.ca.read_bytes() + other.ca.read_bytes())
        code = f"""
import httpx, ssl
for url in {[upstream.url, other.url]!r}:
    assert httpx.post(url, content=BODY).status_code == 200
# The certificate is its own: it was not opened.
trusted = ssl.create_default_context(cafile={str(untouched.ca)!r})
assert httpx.post({untouched.url!r}, content=BODY, verify=trusted).status_code == 200
"""
        command = python(code)(tmp_path, "")
        options = RecordOptions(
            command,
            to,
            intercept=[upstream.host, other.host],
            resolve=[one.resolve for one in (upstream, other, untouched)],
            ca=both,
        )
        assert run_and_record(options) == 0, capfd.readouterr().err
        assert len(untouched.heads) == 1
    assert [one.request.uri for one in load(to)] == [upstream.url, other.url]
    assert "2 answers recorded" in capfd.readouterr().err


SEVERAL = """
import urllib.request
for url in URLS:
    print(urllib.request.urlopen(urllib.request.Request(url, b"{}")).read().decode())
"""


def several(urls: list[str]) -> list[str]:
    return [sys.executable, "-c", f"URLS = {urls!r}\n{SEVERAL}"]


def test_each_host_of_a_cassette_answers_its_own_requests(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    to = tmp_path / "a.yaml"
    hosts = ["api.test", "other.test:8443"]
    recorded = [RecordedRequest("POST", f"https://{host}/v1/a", (), b"{}") for host in hosts]
    save(to, [Interaction(one, stream=Stream((Chunk(one.uri.encode()),))) for one in recorded])
    intercept = ["API.test", "*.test"]

    urls = ["https://other.test:8443/v1/a", "http://api.test/v1/a"]
    assert run_and_judge(Options(several(urls), cassette=to, intercept=intercept)) == 0
    assert capfd.readouterr().out.split() == [urls[0], "https://api.test/v1/a"]

    assert run_and_judge(Options(several(["https://third.test/v1/a"]), cassette=to, intercept=intercept)) == 1
    assert "host: expected 'api.test', got 'third.test'" in capfd.readouterr().err

    found = "import os; URLS = [os.environ['OPENAI_BASE_URL'] + '/a'] * 2" + SEVERAL  # a base URL names no host
    assert run_and_judge(Options([sys.executable, "-c", found], cassette=to, intercept=intercept)) == 0


@pytest.mark.slow
def test_with_a_cassette_nothing_goes_to_the_network(
    tmp_path: Path, upstream: TlsUpstream, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.2")
    to = tmp_path / "a.yaml"
    assert recorded(python(PYTHON["httpx"])(tmp_path, upstream.url), to, upstream) == 0
    capfd.readouterr()
    with tls_upstream(tmp_path, "other.test") as other:
        code = f"""
import httpx
try:
    httpx.post("https://127.0.0.2:{other.port}/", content=BODY, verify=False)
except httpx.ProxyError as error:
    print(error)
"""
        command = python(PYTHON["httpx"] + code)(tmp_path, upstream.url)
        assert run_and_judge(Options(command, cassette=to, intercept=[upstream.host])) == 0
        assert other.heads == []
    out, told = capfd.readouterr()
    assert "403" in out
    assert "127.0.0.2 was refused (1 request): nothing goes to the network with --cassette" in told


@pytest.mark.slow
def test_an_interaction_that_is_not_asked_for_fails(
    tmp_path: Path, upstream: TlsUpstream, capfd: pytest.CaptureFixture[str]
) -> None:
    to = tmp_path / "a.yaml"
    assert recorded(python(PYTHON["httpx"])(tmp_path, upstream.url), to, upstream) == 0
    assert run_and_judge(Options([sys.executable, "-c", ""], cassette=to, intercept=[upstream.host])) == 1
    assert "a reply that was never asked for" in capfd.readouterr().err


@pytest.mark.slow
def test_a_cancel_reaches_the_server(tmp_path: Path) -> None:
    to = tmp_path / "a.yaml"
    code = """
import httpx, os
with httpx.stream("POST", URL, content=BODY) as response:
    next(response.iter_raw())
print(os.environ["SSL_CERT_FILE"])
import time
time.sleep(0.5)
"""
    with tls_upstream(tmp_path, endless=True) as upstream:
        assert recorded(python(code)(tmp_path, upstream.url), to, upstream) == 0
        assert upstream.left.wait(10)
    (found,) = load(to)
    assert found.ending_recorded == "client_disconnected"


@pytest.mark.slow
def test_base_urls_lead_to_the_recorder_and_a_key_that_is_there_stays(
    tmp_path: Path, upstream: TlsUpstream, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    code = """
import httpx, os
assert os.environ["GROQ_API_KEY"]
headers = {"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"]}
print(httpx.post(os.environ["OPENAI_BASE_URL"] + "/chat/completions", content=BODY, headers=headers).text, end="")
"""
    command, to = python(code)(tmp_path, ""), tmp_path / "a.yaml"
    options = RecordOptions(
        command, to, [f"chat=https://{upstream.host}/v1"], resolve=[upstream.resolve], ca=upstream.ca
    )
    assert run_and_record(options) == 0, capfd.readouterr().err
    assert capfd.readouterr().out == TEXT
    assert KEY.encode() in upstream.heads[0]
    assert [one.request.uri for one in load(to)] == [upstream.url]
    assert run_and_judge(Options(command, cassette=to)) == 0


@pytest.mark.slow
def test_the_exit_code_and_the_files_of_the_command(
    tmp_path: Path, upstream: TlsUpstream, capfd: pytest.CaptureFixture[str]
) -> None:
    code = """
import os, pathlib, sys
folder = pathlib.Path(os.environ["SSL_CERT_FILE"]).parent
print(folder)
for file in folder.iterdir():
    assert b"PRIVATE KEY" not in file.read_bytes(), file
sys.exit(7)
"""
    assert recorded(python(code)(tmp_path, ""), tmp_path / "a.yaml", upstream) == 7
    out, told = capfd.readouterr()
    assert not os.path.exists(out.strip()), "it was left behind"  # noqa: PTH110
    assert "nothing was recorded" in told

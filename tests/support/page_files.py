"""The files that the pages of the documents suppose where they do not show them: small programs, clients and tests."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping

from tests.support import other_recordings
from tests.support.places import ROOT, SUPPORT

TEXT = "Grüße, 世界"  # what the services answer
Files = Mapping[str, str]
APP = """
import json, os, urllib.request
url = ADDRESS + "/chat/completions"
headers = {"Content-Type": "application/json", "Authorization": "Bearer " + os.environ["OPENAI_API_KEY"]}
asked = json.dumps({"model": "m", "messages": [], "stream": True}).encode()
with urllib.request.urlopen(urllib.request.Request(url, asked, headers)) as answer:
    print(answer.read().decode())
"""
CLIENT = "from tests.support.correct_clients import correct as stream\n"
OLLAMA_CLIENT = """
from orharness.dialects import OLLAMA
from tests.support.dialect_clients import client_of, ollama
stream = client_of(OLLAMA, ollama)
"""
FAULTY_CLIENT = """
from tests.support.correct_clients import correct
from tests.support.mutants import UnescapesHtml

def stream(base_url):
    yield from correct(base_url, UnescapesHtml)
"""
RECORDED_TEST = f"""
import pytest
from tests.support.correct_clients import correct

@pytest.mark.sse_cassette
def test_answer(sse_server):
    assert "".join(correct(sse_server.base_url)) == "{TEXT}"
"""
FAILING_TEST = """
from tests.support.correct_clients import correct

def test_answer(sse_server):
    sse_server.chat("Hello")
    assert "".join(correct(sse_server.base_url)) == "Good morning"
"""
FILTERS = """
vcr_config = {"filter_post_data_parameters": ["messages"]}
"""
SCENARIO = f"""
orharness: 1
routes:
- chat: "{TEXT}"
"""
PROGRAM = (SUPPORT / "program.mjs").read_text("utf-8")
PACKAGE = {"name": "app", "version": "1.0.0", "scripts": {"test": "node test.mjs"}}


def _app(block: str) -> Files:
    """A program that takes a base URL, or has the address in its code."""
    address = '"https://llm.onerouter.pro/v1"' if "--intercept" in block else 'os.environ["OPENAI_BASE_URL"]'
    return {"app.py": APP.replace("ADDRESS", address)}


def _readme(block: str) -> Files:
    """The FastAPI app of the page on relays, or a test with a cassette."""
    if "relay-check" not in block:
        return {"test_answer.py": RECORDED_TEST}
    page = (ROOT / "docs" / "relays.md").read_text("utf-8")
    [app] = re.findall(r"^```python\n# fastapi_app\.py\n(.*?)^```$", page, re.M | re.S)
    return {"app.py": app, "body.json": json.dumps({"model": "m", "messages": [], "stream": True})}


# What each page supposes beside the files that its own blocks show.
FILES: dict[str, Callable[[str], Files] | Files] = {
    "README.md": _readme,
    "clients/go/README.md": {"my-project/go.mod": "module example.org/app\n\ngo 1.19\n"},
    "clients/node/README.md": {"my-project/package.json": json.dumps(PACKAGE)},
    "docs/any-program.md": _app,
    "docs/case-files.md": {"my_client.py": FAULTY_CLIENT},
    "docs/cassettes.md": {"session.har": other_recordings.har().decode()},
    "docs/contract.md": {"my_client.py": CLIENT, "ollama_client.py": OLLAMA_CLIENT, "my.mjs": PROGRAM},
    "docs/control.md": {
        "scenario.yaml": SCENARIO,
        "package.json": json.dumps(PACKAGE),
        "test.mjs": PROGRAM,
    },
    "docs/from-pytest-recording.md": {"test_answer.py": RECORDED_TEST},
    "docs/live-page.md": {"test_answer.py": FAILING_TEST},
    "docs/secrets.md": {"tests/conftest.py": FILTERS},
}


def supposed(page: str, block: str) -> Files:
    """Return the files of a page for one of its blocks, by their paths in its folder."""
    found = FILES.get(page, {})
    return found if isinstance(found, Mapping) else found(block)

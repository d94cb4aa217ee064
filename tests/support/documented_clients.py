"""The two loops over ``requests`` that gateways document, as clients under test: the first ones that a user brings.

They are written out as the manuals have them, faults included; only ``yield`` stands where the manual prints.
"""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator

import requests

BODY = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": True}


def reading_loop(base_url: str) -> Iterator[str]:
    """ "Streaming": iter_content into a buffer, cut at newlines, stop at ``[DONE]``, JSON errors passed over."""
    buffer = ""
    with requests.post(f"{base_url}/chat/completions", json=BODY, stream=True, timeout=60) as response:
        for chunk in response.iter_content(chunk_size=1024, decode_unicode=True):
            buffer += chunk
            while True:
                line_end = buffer.find("\n")
                if line_end == -1:
                    break
                line = buffer[:line_end].strip()
                buffer = buffer[line_end + 1 :]
                if line.startswith("data: "):
                    data = line[6:]
                    if data == "[DONE]":
                        break
                    try:
                        content = json.loads(data)["choices"][0]["delta"].get("content")
                        if content:
                            yield content
                    except json.JSONDecodeError:
                        pass


def cancelling_thread(base_url: str) -> Iterator[str]:
    """ "Cancellation": a thread runs through iter_lines and closes the response when it sees an ``Event`` set."""
    cancel = threading.Event()
    pieces: queue.Queue[str | None] = queue.Queue()

    def work() -> None:
        try:
            with requests.post(f"{base_url}/chat/completions", json=BODY, stream=True, timeout=60) as response:
                for line in response.iter_lines():
                    if cancel.is_set():
                        response.close()
                        return
                    if line.startswith(b"data: ") and line != b"data: [DONE]":
                        for choice in json.loads(line[6:])["choices"]:
                            if content := choice["delta"].get("content"):
                                pieces.put(content)
        except requests.RequestException:
            pass  # the manual's thread dies with a traceback here; what it shows the user is the same
        finally:
            pieces.put(None)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while (piece := pieces.get()) is not None:
            yield piece
    finally:
        cancel.set()

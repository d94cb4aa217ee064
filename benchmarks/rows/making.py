"""What it costs to have something to play: completions made, cassettes loaded, routes mounted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from time import thread_time

import yaml

from benchmarks.rows.row import Row, Sizes, cpu, least
from orharness.cassette import Interaction, RecordedRequest, load, save
from orharness.journal import Request
from orharness.scenario import Reply
from orharness.scenario.playback import serving_routes
from orharness.server.facade import SseServer
from orharness.server.thread import ServerThread
from orharness.stream import Chunk, Stream

PATH = "/v1/chat/completions"
_EVENT_STREAM = (("Content-Type", "text/event-stream"),)


def body(model: str) -> bytes:
    """The body of a request for a stream."""
    asked = {"model": model, "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    return json.dumps(asked).encode()


def ask(port: int, model: str, times: int = 1) -> None:
    """Requests on one connection, each read to its end."""
    connection = HTTPConnection("127.0.0.1", port)
    for _ in range(times):
        connection.request("POST", PATH, body(model), {"Content-Type": "application/json"})
        connection.getresponse().read()
    connection.close()


@contextmanager
def serving(**options: object) -> Iterator[tuple[SseServer, ServerThread]]:
    """A server, and the thread whose CPU time is measured."""
    thread = ServerThread().start()
    try:
        with SseServer(thread, strict=False, **options) as server:  # type: ignore[arg-type]
            yield server, thread
    finally:
        thread.stop()


def completions(sizes: Sizes) -> Iterator[Row]:
    """``chat(tokens=N)``."""
    n = sizes.tokens
    choice = {"index": 0, "delta": {"content": " token"}, "logprobs": None, "finish_reason": None}
    head = {"id": "gen-0123456789abcdef01234567", "object": "chat.completion.chunk", "created": 1_767_225_600}
    events = [{**head, "model": "openai/gpt-4o-mini", "provider": "OpenAI", "choices": [choice]} for _ in range(n)]
    base = least(lambda: cpu(lambda: [json.dumps(event) for event in events]), sizes.times)
    made = least(lambda: cpu(lambda: Reply.chat(tokens=n)), sizes.times)
    reply = Reply.chat(tokens=n)
    models = iter(range(1000))

    def answered(model: str) -> float:
        return cpu(lambda: reply.answer(Request("POST", PATH, (), body(model))))

    another = least(lambda: answered(f"m/{next(models)}"), sizes.times)
    again = least(lambda: answered("m/0"), sizes.times)
    dumped = f"json.dumps of {n:,} events: {base * 1e3:.3g} ms"
    yield Row(f"chat(tokens={n:,}), made", f"{made * 1e3:.3g} ms", dumped, made / base, 2)
    yield Row("the first request that names another model", f"{another * 1e3:.3g} ms", dumped, another / base, 2)
    yield Row("each further request", f"{again * 1e3:.3g} ms", dumped, again / base, 0.1)


def cassettes(sizes: Sizes) -> Iterator[Row]:
    """A cassette of some size, loaded and mounted."""
    stream = Reply.chat(tokens=500).answer(Request("POST", PATH, (), body("m"))).stream
    timed = Stream(tuple(Chunk(chunk.data, number % 50 / 1000) for number, chunk in enumerate(stream.chunks)))
    with TemporaryDirectory() as folder:
        for many in sizes.interactions:
            asked = [RecordedRequest("POST", f"http://h{PATH}", body=body(f"m/{number}")) for number in range(many)]
            file = Path(folder) / f"{many}.yaml"
            save(file, [Interaction(one, headers=_EVENT_STREAM, stream=timed) for one in asked])
            text = file.read_text("utf-8")
            readings = [_loaded(file, text) for _ in range(sizes.times + 2)]  # in turns: machines are noisy
            base, ours = (min(seconds) for seconds in zip(*readings, strict=True))
            what = f"a cassette of {len(text) / 1e6:.2g} MB, loaded and mounted"
            yield Row(what, f"{ours * 1e3:.3g} ms", f"CSafeLoader: {base * 1e3:.3g} ms", ours / base, 1.5)


def _loaded(file: Path, text: str) -> tuple[float, float]:
    """CPU seconds of CSafeLoader alone, and of loading and mounting."""
    base = cpu(lambda: yaml.load(text, Loader=yaml.CSafeLoader))
    return base, cpu(lambda: serving_routes(load(file)))


def mounted(sizes: Sizes) -> Iterator[Row]:
    """A request where many routes are mounted."""
    spent = {}
    for many in (1, 100, 1000):
        with serving(pacing="instant") as (server, thread):
            for number in range(many):
                server.chat("hello", when={"model": f"m/{number}"})
            last = f"m/{many - 1}"
            ask(server.port, last, 10)

            def once(port: int = server.port, last: str = last, thread: ServerThread = thread) -> float:
                before = thread.call(thread_time)
                ask(port, last, sizes.requests)
                return (thread.call(thread_time) - before) / sizes.requests

            spent[many] = least(once, sizes.times)
    for many in (100, 1000):
        measured, base = f"{spent[many] * 1e6:.0f} µs", f"1 route: {spent[1] * 1e6:.0f} µs"
        yield Row(f"a request where {many:,} routes are mounted", measured, base, spent[many] / spent[1], 1.2)

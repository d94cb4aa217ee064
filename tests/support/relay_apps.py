"""Relays, right and wrong, in a thread of this process: the mode is the path, the upstream a header of the request."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from typing import Any

import aiohttp
from aiohttp import web

from orharness.dialects import DIALECTS, Part
from orharness.dialects.chat.fold import fold
from orharness.dialects.messages import parts
from orharness.server.thread import loopback_sockets
from orharness.sse import Decoder, Event, encode

BODY = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": True}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
RELAYS: dict[str, Handler] = {}
_EVENTS = {"Content-Type": "text/event-stream"}
_tasks: set[asyncio.Task[None]] = set()
_circuit: dict[str, bool] = {}


def relay(handler: Handler) -> Handler:
    RELAYS[handler.__name__] = handler
    return handler


@asynccontextmanager
async def upstream(
    request: web.Request, path: str = "/chat/completions", **fields: object
) -> AsyncIterator[aiohttp.ClientResponse]:
    body = {**await request.json(), **fields}
    # Bytes are passed on without a Content-Encoding, so none must be asked for.
    async with (
        aiohttp.ClientSession(auto_decompress=False, headers={"Accept-Encoding": "identity"}) as session,
        session.post(request.headers["X-Upstream"] + path, json=body) as answer,
    ):
        yield answer


async def begun(request: web.Request, answer: aiohttp.ClientResponse, kind: str = "") -> web.StreamResponse:
    kept = {name: answer.headers[name] for name in ("Retry-After",) if name in answer.headers}
    headers = {"Content-Type": kind or answer.headers["Content-Type"], **kept}
    response = web.StreamResponse(status=answer.status, headers=headers)
    await response.prepare(request)
    return response


async def mapped(request: web.Request, change: Callable[[bytes], bytes], last: bytes = b"") -> web.StreamResponse:
    """Each piece of bytes changed, as it comes."""
    async with upstream(request) as answer:
        response = await begun(request, answer)
        async for piece in answer.content.iter_any():
            await response.write(change(piece))
        if last:
            await response.write(last)
        return response


async def by_event(
    request: web.Request, change: Callable[[Event], bytes], kind: str = "", behind: int = 0
) -> web.StreamResponse:
    """Each event changed, as it comes; ``behind``: so many are kept back. What is not an answer is passed on."""
    decoder, kept = Decoder(), []
    async with upstream(request) as answer:
        response = await begun(request, answer, kind if answer.status == 200 else "")
        async for piece in answer.content.iter_any():
            if answer.status != 200:
                await response.write(piece)
            kept += [change(item) for item in decoder.feed(piece) if isinstance(item, Event)]
            while len(kept) > behind:
                if data := kept.pop(0):
                    await response.write(data)
        await response.write(b"".join(kept) or b"\n")
        return response


def said(event: Event) -> str:
    """The text of an event; an upstream's error is an error of the relay."""
    answer = fold([event])
    if answer.error is not None:
        raise RuntimeError(answer.error.message)
    return answer.text


@relay
async def right(request: web.Request) -> web.StreamResponse:
    return await mapped(request, bytes)


@relay
async def begins_late(request: web.Request) -> web.StreamResponse:
    """Its head comes a moment after that of the upstream, as on a busy machine."""
    async with upstream(request) as answer:
        await asyncio.sleep(0.1)
        response = await begun(request, answer)
        async for piece in answer.content.iter_any():
            await response.write(piece)
        return response


@relay
async def plain_text(request: web.Request) -> web.StreamResponse:
    return await by_event(request, lambda event: said(event).encode(), "text/plain; charset=utf-8")


@relay
async def own_events(request: web.Request) -> web.StreamResponse:
    """A text of its own form, that tells of the end: a cut answer lacks it."""

    def change(event: Event) -> bytes:
        return encode(f'{{"type":"delta","piece":{json.dumps(said(event))}}}')

    return await by_event(request, change, "text/event-stream")


@relay
async def buffers_all(request: web.Request) -> web.StreamResponse:
    async with upstream(request) as answer:
        return web.Response(status=answer.status, headers=_EVENTS, body=await answer.read())


@relay
async def compresses(request: web.Request) -> web.StreamResponse:
    """As a middleware does: it compresses what the browser can unpack, and the compressor keeps bytes back."""
    async with upstream(request) as answer:
        response = web.StreamResponse(status=answer.status, headers=_EVENTS)
        response.enable_compression(web.ContentCoding.gzip)
        await response.prepare(request)
        async for piece in answer.content.iter_any():
            await response.write(piece)
        return response


@relay
async def keeps_two_back(request: web.Request) -> web.StreamResponse:
    return await by_event(request, lambda event: encode(event), behind=2)


@relay
async def drops_comments(request: web.Request) -> web.StreamResponse:
    return await by_event(request, lambda event: encode(event))


@relay
async def wrong_type(request: web.Request) -> web.StreamResponse:
    return await by_event(request, lambda event: encode(event), "text/plain")


@relay
async def swallows(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    await response.prepare(request)
    try:
        async with upstream(request) as answer:
            decoder = Decoder()
            async for piece in answer.content.iter_any():
                events = [item for item in decoder.feed(piece) if isinstance(item, Event)]
                await response.write("".join(map(said, events)).encode() or b"\n")
    except (aiohttp.ClientError, RuntimeError):
        pass
    return response


@relay
async def hangs_on_errors(request: web.Request) -> web.StreamResponse:
    try:
        async with upstream(request) as answer:
            answer.raise_for_status()
    except aiohttp.ClientError:
        await asyncio.Event().wait()
    raise web.HTTPNoContent


@relay
async def reads_on(request: web.Request) -> web.StreamResponse:
    """A task of its own fills a queue."""
    queue: asyncio.Queue[bytes] = asyncio.Queue()

    async def fill() -> None:
        async with upstream(request) as answer:
            async for piece in answer.content.iter_any():
                queue.put_nowait(piece)
        queue.put_nowait(b"")

    in_a_task(fill())
    response = web.StreamResponse(headers=_EVENTS)
    await response.prepare(request)
    while piece := await queue.get():
        await response.write(piece)
    return response


async def ask_later(request: web.Request, body: object) -> None:
    await asyncio.sleep(0.1)
    async with (
        aiohttp.ClientSession() as session,
        session.post(request.headers["X-Upstream"] + "/chat/completions", json=body) as answer,
    ):
        await answer.read()


def in_a_task(coroutine: Coroutine[object, object, None]) -> None:
    task = asyncio.create_task(coroutine)
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


@relay
async def asks_after_a_cancel(request: web.Request) -> web.StreamResponse:
    """Leaves the upstream when its browser leaves, and then tries again: it takes the cancel for a failure."""
    body = await request.json()
    try:
        return await right(request)
    except asyncio.CancelledError:
        in_a_task(ask_later(request, body))
        raise


@relay
async def asks_after_comments(request: web.Request) -> web.StreamResponse:
    """Passes everything on, and asks once more when the browser has an answer with keep-alive comments."""
    passed: list[bytes] = []
    response = await mapped(request, lambda piece: passed.append(piece) or piece)  # type: ignore[func-returns-value]
    if b": ONEROUTER" in b"".join(passed):
        in_a_task(ask_later(request, await request.json()))
    return response


@relay
async def asks_twice(request: web.Request) -> web.StreamResponse:
    """A hedge: two requests at once, one answer is passed on."""
    async with upstream(request):
        return await right(request)


@relay
async def retries_errors(request: web.Request) -> web.StreamResponse:
    """As SDKs and gateways do: an error before the stream is tried again, twice."""
    for last in (False, False, True):
        async with upstream(request) as answer:
            if answer.status == 200 or last:
                response = await begun(request, answer)
                async for piece in answer.content.iter_any():
                    await response.write(piece)
                return response
    raise AssertionError


@relay
async def asks_for_a_title_too(request: web.Request) -> web.StreamResponse:
    """Another question to the same upstream is not a repetition."""
    async with upstream(request, messages=[{"role": "user", "content": "A title for: hi"}], stream=False) as answer:
        await answer.read()
    return await right(request)


@relay
async def breaks_the_circuit(request: web.Request) -> web.StreamResponse:
    """After an error of its upstream, the next request is refused without asking."""
    if _circuit.pop(request.headers["X-Upstream"], False):
        raise web.HTTPServiceUnavailable
    async with upstream(request) as answer:
        _circuit[request.headers["X-Upstream"]] = answer.status >= 500
        response = await begun(request, answer)
        async for piece in answer.content.iter_any():
            await response.write(piece)
        return response


@relay
async def second_done(request: web.Request) -> web.StreamResponse:
    return await mapped(request, bytes, b"data: [DONE]\n\n")


@relay
async def loses_done(request: web.Request) -> web.StreamResponse:
    return await by_event(request, lambda event: b"" if event.data == "[DONE]" else encode(event))


@relay
async def breaks_characters(request: web.Request) -> web.StreamResponse:
    return await mapped(request, lambda piece: piece.decode("utf-8", "replace").encode())


@relay
async def latin_1(request: web.Request) -> web.StreamResponse:
    return await mapped(request, lambda piece: piece.decode("latin-1").encode())


@relay
async def joins_events(request: web.Request) -> web.StreamResponse:
    """A line end after each event, not two, but for the last."""
    return await by_event(request, lambda event: f"data: {event.data}\n".encode() + b"\n" * (event.data == "[DONE]"))


@relay
async def a_piece_is_an_event(request: web.Request) -> web.StreamResponse:
    return await mapped(request, lambda piece: encode(piece.decode("utf-8", "replace").strip().removeprefix("data: ")))


@relay
async def loses_events(request: web.Request) -> web.StreamResponse:
    return await by_event(request, lambda event: b"" if "tok003" in event.data else encode(event))


@relay
async def repeats_events(request: web.Request) -> web.StreamResponse:
    return await by_event(request, lambda event: encode(event) * (1 + ("tok003" in event.data)))


async def by_chunk(request: web.Request, change: Callable[[dict[str, Any]], object]) -> web.StreamResponse:
    """Each chunk changed in place, or dropped where ``change`` returns False; all else as it is."""
    rest = b""

    def changed(block: bytes) -> bytes:
        if not block.startswith(b"data: {"):
            return block
        document = json.loads(block[6:])
        return b"" if change(document) is False else b"data: " + json.dumps(document).encode() + b"\n\n"

    async with upstream(request) as answer:
        response = await begun(request, answer)
        async for piece in answer.content.iter_any():
            *blocks, rest = (rest + piece).split(b"\n\n")
            for block in blocks:
                await response.write(changed(block + b"\n\n") or b"")
        return response


def choice_of(chunk: dict[str, Any]) -> dict[str, Any]:
    choices = chunk.get("choices") or [{}]
    return {"delta": {}, **choices[0]} if "delta" not in choices[0] else choices[0]


@relay
async def drops_role(request: web.Request) -> web.StreamResponse:
    return await by_chunk(request, lambda chunk: choice_of(chunk)["delta"].pop("role", None))


@relay
async def drops_finish(request: web.Request) -> web.StreamResponse:
    def change(chunk: dict[str, Any]) -> None:
        if choice_of(chunk).get("finish_reason") == "tool_calls":
            choice_of(chunk)["finish_reason"] = None

    return await by_chunk(request, change)


@relay
async def repeats_finish(request: web.Request) -> web.StreamResponse:
    return await by_event(request, lambda one: b": kept\n\n" + encode(one) * (1 + ('"tool_calls","nat' in one.data)))


@relay
async def names_two_lengths(request: web.Request) -> web.StreamResponse:
    """Both lengths in one head, which a proxy and a browser may read each in another way."""
    async with upstream(request) as answer:
        data = await answer.read()
    assert request.transport is not None
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    request.transport.write(head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data))
    request.transport.close()
    return web.Response()


@relay
async def drops_id(request: web.Request) -> web.StreamResponse:
    return await by_chunk(request, lambda chunk: chunk.pop("id", None))


@relay
async def makes_ids(request: web.Request) -> web.StreamResponse:
    numbers = count()
    return await by_chunk(request, lambda chunk: chunk.update(id=f"mine-{next(numbers)}"))


@relay
async def strips_text(request: web.Request) -> web.StreamResponse:
    def change(chunk: dict[str, Any]) -> None:
        delta = choice_of(chunk)["delta"]
        delta["content"] = delta.get("content", "").strip()

    return await by_chunk(request, change)


@relay
async def leaves_out_null(request: web.Request) -> web.StreamResponse:
    def change(chunk: dict[str, Any]) -> None:
        if "finish_reason" in choice_of(chunk) and choice_of(chunk)["finish_reason"] is None:
            del choice_of(chunk)["finish_reason"]

    return await by_chunk(request, change)


@relay
async def drops_usage(request: web.Request) -> web.StreamResponse:
    return await by_chunk(request, lambda chunk: not chunk.get("usage"))


@relay
async def doubles_usage(request: web.Request) -> web.StreamResponse:
    def change(chunk: dict[str, Any]) -> None:
        if chunk.get("usage"):
            chunk["usage"]["total_tokens"] *= 2

    return await by_chunk(request, change)


@relay
async def drops_reasoning(request: web.Request) -> web.StreamResponse:
    return await by_chunk(request, lambda chunk: choice_of(chunk)["delta"].pop("reasoning", None))


@relay
async def merges_tools(request: web.Request) -> web.StreamResponse:
    def change(chunk: dict[str, Any]) -> None:
        for call in choice_of(chunk)["delta"].get("tool_calls", ()):
            call["index"] = 0

    return await by_chunk(request, change)


@relay
async def drops_a_call(request: web.Request) -> web.StreamResponse:
    return await by_chunk(request, lambda chunk: '"index": 1' not in json.dumps(choice_of(chunk)["delta"]))


@relay
async def adds_a_chunk_after_the_finish(request: web.Request) -> web.StreamResponse:
    def change(event: Event) -> bytes:
        if '"finish_reason":"tool_calls"' not in event.data:
            return b": kept\n\n" + encode(event)
        return encode(event) + encode(Event(data=event.data.replace('"tool_calls"', "null")))

    return await by_event(request, change)


@relay
async def drops_unknown(request: web.Request) -> web.StreamResponse:
    return await by_chunk(request, lambda chunk: chunk.pop("provider", None))


@relay
async def adds_a_warning(request: web.Request) -> web.StreamResponse:
    return await mapped(request, lambda piece: piece.replace(b"data: [DONE]", b'data: {"warning":"w"}\n\ndata: [DONE]'))


@relay
async def adds_a_ping(request: web.Request) -> web.StreamResponse:
    ping = b'event: ping\ndata: {"type":"ping"}\n\n'
    return await mapped(request, lambda piece: piece.replace(b"data: [DONE]", ping + b"data: [DONE]"))


@relay
async def a_keep_alive_as_data(request: web.Request) -> web.StreamResponse:
    return await by_event(request, lambda one: b"data: \n\n" * (one.data == "[DONE]") + encode(one))


@relay
async def glues_the_error(request: web.Request) -> web.StreamResponse:
    async with upstream(request) as answer:
        response = await begun(request, answer)
        try:
            async for piece in answer.content.iter_any():
                await response.write(piece)
        except aiohttp.ClientError:
            await response.write(b'data: {"error":{"message":"reading the upstream failed","code":502}}\n\n')
        return response


_one: list[asyncio.Lock] = []
_last: list[bytes] = []


@relay
async def one_at_a_time(request: web.Request) -> web.StreamResponse:
    lock = _one[0] if _one else asyncio.Lock()
    _one[:] = [lock]
    async with lock:
        return await right(request)


@relay
async def mixes_up(request: web.Request) -> web.StreamResponse:
    """A buffer that all requests share."""

    def change(piece: bytes) -> bytes:
        before = b"".join(_last)
        _last[:] = [piece] if b"[DONE]" not in piece else []
        return before + piece if before and b"[DONE]" not in before else piece

    return await mapped(request, change)


@relay
async def asks_nobody(request: web.Request) -> web.StreamResponse:
    return web.Response(text="an answer of its own")


async def as_messages(request: web.Request, opening: Sequence[Event]) -> web.StreamResponse:
    """The model is asked in chat completions, and the browser gets Messages: it begins with these events."""
    started: list[bool] = []

    def change(event: Event) -> bytes:
        before = [] if started else opening
        started.append(True)
        if event.data == "[DONE]":
            ending = (*parts.closing(""), parts.event_of(Part(finish="stop")), parts.event_of(Part(end=True)))
            return encode(*before, *ending)
        chunk = json.loads(event.data)
        if "error" in chunk:
            return encode(*before, Event("error", json.dumps({"type": "error", "error": chunk["error"]})))
        text = "".join(choice["delta"].get("content") or "" for choice in chunk["choices"])
        return encode(*before, *([parts.event_of(Part(text=text))] if text else []))

    return await by_event(request, change)


@relay
async def translates_to_messages(request: web.Request) -> web.StreamResponse:
    return await as_messages(request, parts.OPENING)


@relay
async def translates_with_two_starts(request: web.Request) -> web.StreamResponse:
    return await as_messages(request, [parts.OPENING[0], *parts.OPENING])


@relay
async def translates_without_a_block(request: web.Request) -> web.StreamResponse:
    return await as_messages(request, parts.OPENING[:1])


@relay
async def passes_any_on(request: web.Request) -> web.StreamResponse:
    """Bytes of the API whose short request the header names."""
    asked = DIALECTS[request.headers["X-Dialect"]]
    origin = request.headers["X-Upstream"].removesuffix("/v1")
    url = f"{origin}{asked.example_request.path}?{asked.example_query}"
    async with aiohttp.ClientSession() as session, session.post(url, json=asked.example()) as answer:
        response = await begun(request, answer)
        async for piece in answer.content.iter_any():
            await response.write(piece)
        return response


@relay
async def asks_for_embeddings(request: web.Request) -> web.StreamResponse:
    async with upstream(request, "/embeddings") as answer:
        return web.Response(status=502, text=f"upstream said {answer.status}")


@relay
async def asks_for_all(request: web.Request) -> web.StreamResponse:
    async with upstream(request, stream=False) as answer:
        return web.json_response(await answer.json())


@contextmanager
def running(relays: Mapping[str, Handler] = RELAYS) -> Iterator[Callable[[str], str]]:
    """The address of each relay; ``name!`` is the one without ``handler_cancellation``."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="relays")
    thread.start()
    runners: list[web.AppRunner] = []

    async def start(cancellation: bool) -> int:
        app = web.Application()
        for name, handler in relays.items():
            app.router.add_post(f"/{name}", handler)
        runner = web.AppRunner(app, handler_cancellation=cancellation, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        (*_, one) = sockets = loopback_sockets()
        for each in sockets:
            await web.SockSite(runner, each).start()
        runners.append(runner)
        return int(one.getsockname()[1])

    async def stop() -> None:
        for task in _tasks:
            task.cancel()
        for runner in runners:
            await runner.cleanup()

    def run(coroutine: object) -> object:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(60)  # type: ignore[arg-type]

    try:
        ports = {cancellation: run(start(cancellation)) for cancellation in (True, False)}
        yield lambda name: f"http://127.0.0.1:{ports[not name.endswith('!')]}/{name.rstrip('!')}"
    finally:
        run(stop())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

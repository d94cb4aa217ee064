"""Clients that differ in how long they wait, and for what. Each reads bytes alone, so nothing else can be wrong."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlsplit

from tests.support.correct_clients import ASK, HEADERS, Answer, AnswerError

LIMIT = float(os.environ.get("WAITING_LIMIT", "0.5"))  # seconds


def _answer(base_url: str, timeout: float | None) -> tuple[HTTPConnection, HTTPResponse]:
    address = urlsplit(base_url)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=timeout)
    connection.request("POST", f"{address.path}/chat/completions", ASK, HEADERS)
    return connection, connection.getresponse()


def _texts(base_url: str, timeout: float | None) -> Iterator[tuple[bytes, list[str]]]:
    """Each piece of bytes with the texts that it completes."""
    connection, response = _answer(base_url, timeout)
    with closing(connection), closing(response):
        answer = Answer()
        while not answer.done and (data := response.read1(65536)):
            yield data, list(answer.feed(data))
        if not answer.done:
            raise AnswerError("no end")


def right(base_url: str) -> Iterator[str]:
    """Allows a silence of LIMIT between two pieces of bytes."""
    for _, texts in _texts(base_url, LIMIT):
        yield from texts


def waits_for_ever(base_url: str) -> Iterator[str]:
    for _, texts in _texts(base_url, None):
        yield from texts


def counts_texts_only(base_url: str) -> Iterator[str]:
    """A watchdog that only a text resets."""
    last = time.monotonic()
    for _, texts in _texts(base_url, LIMIT):
        if texts:
            last = time.monotonic()
        elif time.monotonic() - last > LIMIT:
            raise TimeoutError("no text came")
        yield from texts


def counts_events_only(base_url: str) -> Iterator[str]:
    """A watchdog that only an event resets."""
    last = time.monotonic()
    for data, texts in _texts(base_url, LIMIT):
        if b"data:" in data:
            last = time.monotonic()
        elif time.monotonic() - last > LIMIT:
            raise TimeoutError("no event came")
        yield from texts


def in_all(base_url: str) -> Iterator[str]:
    """A limit on the whole answer, and an error that names no time."""
    began = time.monotonic()
    for _, texts in _texts(base_url, LIMIT):
        if time.monotonic() - began > LIMIT:
            raise AnswerError("aborted")
        yield from texts


def asks_again(base_url: str) -> Iterator[str]:
    try:
        yield from right(base_url)
    except TimeoutError:
        yield from right(base_url)


def asks_again_and_goes_on(base_url: str) -> Iterator[str]:
    """What it has yielded already it leaves out of the second answer."""
    had = ""
    try:
        for piece in right(base_url):
            had += piece
            yield piece
    except TimeoutError:
        yield "".join(right(base_url)).removeprefix(had)


def ends_silently(base_url: str) -> Iterator[str]:
    try:
        yield from right(base_url)
    except TimeoutError:
        return


def waits_in_a_queue(base_url: str) -> Iterator[str]:
    """Reads in a thread, without a limit there, and waits for that thread with a limit: as ``right`` does."""
    texts: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        for _, found in _texts(base_url, None):
            for one in ["", *found]:
                texts.put(one)
        texts.put(None)

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            text = texts.get(timeout=LIMIT)
        except queue.Empty:
            raise TimeoutError("nothing came") from None
        if text is None:
            return
        yield text

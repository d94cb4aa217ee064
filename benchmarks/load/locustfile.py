"""Streaming clients for Locust: time to first token, inter-token latency, cancels at random, and the bill at the end.

``locust -f benchmarks/load/locustfile.py --host http://127.0.0.1:8080 --headless --users 200 --spawn-rate 50
--run-time 60s``. The host is ``orharness serve`` or a gateway before it; ``--served`` is then the address of ``serve``,
whose journal has the bill. It needs nothing of orharness, so that a machine of workers can run it alone. Locust
(https://locust.io) shows what is reported here beside its own figures, in milliseconds:

- ``TTFT``: from the sending of a request to its first event that carries text;
- ``ITL``: the mean time between two such events of one answer, one value an answer;
- ``answer`` and ``cancelled``: the whole time of an answer, or until it was left.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import closing
from time import perf_counter
from typing import Any
from urllib.request import urlopen

import requests
from locust import HttpUser, between, events, task
from locust.runners import WorkerRunner

PATH = "/v1/chat/completions"
MOST_BEFORE_CANCEL = 20  # events that a client reads before it leaves


@events.init_command_line_parser.add_listener
def _options(parser: Any) -> None:
    parser.add_argument("--cancels", type=float, default=0.2, help="the part of the answers that their client leaves")
    parser.add_argument("--seed", type=int, default=1, help="of the cancels")
    parser.add_argument("--served", default="", help="the address of orharness serve, if the host is a gateway")
    parser.add_argument("--model", default="openai/gpt-4o-mini", help="the model that requests name")


class Reader(HttpUser):
    """A client that reads one stream after the other, and leaves some of them."""

    wait_time = between(0.0, 0.2)

    def on_start(self) -> None:
        options = self.environment.parsed_options
        self._chance = random.Random(f"{options.seed} {id(self)}")
        self._body = {"model": options.model, "stream": True, "messages": [{"role": "user", "content": "Say a lot."}]}
        self._session = requests.Session()
        self._session.trust_env = False

    @task
    def read(self) -> None:
        """Read an answer, or a part of it."""
        cancels = self._chance.random() < self.environment.parsed_options.cancels
        leaves_after = self._chance.randint(1, MOST_BEFORE_CANCEL) if cancels else None
        began = perf_counter()
        try:
            moments, whole, size = self._read(leaves_after)
        except requests.RequestException as error:
            self._report("answer", perf_counter() - began, 0, error)
            return
        if moments:
            self._report("TTFT", moments[0] - began, 0)
        if len(moments) > 1:
            self._report("ITL", (moments[-1] - moments[0]) / (len(moments) - 1), 0)
        wrong = None if whole or leaves_after is not None else EOFError("the answer ended without [DONE]")
        self._report("answer" if whole else "cancelled", perf_counter() - began, size, wrong)

    def _read(self, leaves_after: int | None) -> tuple[list[float], bool, int]:
        """The moments of the events with text, whether the end was reached, and the bytes that were read."""
        moments: list[float] = []
        size = 0
        url, limit = f"{self.host}{PATH}", (10, 60)
        with closing(self._session.post(url, json=self._body, stream=True, timeout=limit)) as answer:
            answer.raise_for_status()
            for line in _lines(answer):
                size += len(line) + 1
                if line == b"data: [DONE]":
                    return moments, True, size
                if line.startswith(b"data: ") and _has_text(line[6:]):
                    moments.append(perf_counter())
                    if len(moments) == leaves_after:
                        break  # closing() ends the connection: that is the cancel
        return moments, False, size

    def _report(self, name: str, seconds: float, size: int, error: BaseException | None = None) -> None:
        self.environment.events.request.fire(
            request_type="SSE",
            name=name,
            response_time=seconds * 1e3,
            response_length=size,
            exception=error,
            context={},
        )


def _lines(answer: requests.Response) -> Iterator[bytes]:
    """The lines of a body, each as soon as it is there: `iter_lines` waits for 512 bytes."""
    rest = b""
    for piece in answer.iter_content(chunk_size=None):
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines


def _has_text(data: bytes) -> bool:
    choices = json.loads(data).get("choices") or [{}]
    return bool(choices[0].get("delta", {}).get("content"))


@events.quit.add_listener
def _bill(**_: Any) -> None:
    """Print what the model made, what was read of it, and what leaked: billed, and read by nobody."""
    if _environment is None or isinstance(_environment.runner, WorkerRunner):
        return
    options = _environment.parsed_options
    served = (options.served or _environment.host or "").rstrip("/")
    with urlopen(f"{served}/_orharness/journal", timeout=60) as answer:
        journal = json.load(answer)
    exchanges = [one for one in journal["exchanges"] if one["bill"] is not None]
    outcomes = sorted({str(one["outcome"]) for one in exchanges})
    counted = ", ".join(f"{sum(str(one['outcome']) == name for one in exchanges)} {name}" for name in outcomes)
    made, read, billed = (
        sum(one["bill"][key] or 0 for one in exchanges) for key in ("tokens_made", "tokens_read", "tokens_billed")
    )
    print(f"bill of {len(exchanges):,} answers ({counted}; {journal['dropped']:,} dropped before):")
    print(f"  {made:,} tokens made, {read:,} read, {billed:,} billed, {billed - read:,} billed and read by nobody")


_environment: Any = None


@events.init.add_listener
def _keep(environment: Any, **_: Any) -> None:
    global _environment
    _environment = environment

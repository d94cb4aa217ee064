"""Draw the README's picture: one stop button, two providers. ``python -m benchmarks.picture [--to FILE]``.

A server plays one answer of 200 tokens for a provider that stops when its client leaves, and one for a provider that
does not. A client of each reads 60 tokens and closes its connection. The picture is drawn from what the server
measured: when the first and the last token were made, when the clients left, and what was billed. Without ``--to`` it
is written to ``docs/two-bills.svg``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from html import escape
from itertools import islice
from math import ceil
from pathlib import Path

from orharness.cli.demo_clients import correct
from orharness.journal import Bill, Exchange
from orharness.server.facade import SseServer
from orharness.server.handles import LiveRoute
from orharness.server.thread import ServerThread
from orharness.upstream import PRICE

PICTURE = Path(__file__).parents[1] / "docs" / "two-bills.svg"
PROVIDERS = ("Anthropic", "Groq")  # one that stops on cancel, one that goes on
TOKENS, READ = 200, 60  # of the whole answer, and how many of them the client reads
PACE = 0.004  # seconds a token
_LOOK = 0.001  # seconds between two looks at the bill


@dataclass(frozen=True)
class Lane:
    """What one provider did. Moments are seconds after the request was read.

    ``began``: when the answer's first event was written; ``left_at``: when the client left; ``ended``: when the model
    had made its last token.
    """

    provider: str
    stops: bool
    began: float
    left_at: float
    ended: float
    bill: Bill


# --- the run ----------------------------------------------------------------------------------------------------------


def measure() -> list[Lane]:
    """Play both answers at the same time and return what was seen of each."""
    thread = ServerThread().start()
    try:
        with ExitStack() as stack:
            servers = [stack.enter_context(SseServer(thread, pacing="recorded")) for _ in PROVIDERS]
            pool = stack.enter_context(ThreadPoolExecutor(len(servers)))
            return list(pool.map(_lane, servers, PROVIDERS))
    finally:
        thread.stop()


def _lane(server: SseServer, provider: str) -> Lane:
    route = server.chat(tokens=TOKENS, delay=PACE, provider=provider)
    with ThreadPoolExecutor(1) as beside:
        client = beside.submit(_read_and_leave, server.base_url)
        exchange, ended = _watch(route)
        client.result()
    left_at = exchange.left_after
    if left_at is None or exchange.bill is None:
        raise RuntimeError(f"the client of {provider} did not leave: {exchange!r}")
    # A model that stops makes its last token before the client leaves, and the looks come a moment later.
    ended = min(ended, left_at) if exchange.provider_stops else ended
    return Lane(provider, bool(exchange.provider_stops), exchange.written_at[0], left_at, ended, exchange.bill)


def _read_and_leave(base_url: str) -> None:
    pieces = correct(base_url)
    for _ in islice(pieces, READ):
        pass
    pieces.close()


def _watch(route: LiveRoute) -> tuple[Exchange, float]:
    """Look at the bill until all of it is made; return the exchange, and the moment of that."""
    call = route.wait_call()
    while True:
        exchange = call.exchange
        moment = time.monotonic() - route.exchanges[0].started
        bill = exchange.bill
        if exchange.outcome is not None and bill is not None and bill.tokens_made >= bill.tokens_billed:
            return exchange, moment
        time.sleep(_LOOK)


# --- the picture ------------------------------------------------------------------------------------------------------

_WIDTH, _MARGIN = 860, 24  # pixels
_LEFT, _RIGHT = 200, 690  # pixels: both ends of the time axis
_TOP, _LANE, _BAR = 86, 64, 40  # pixels: the first bar, from bar to bar, the height of a bar
_STYLE = """
  text { font: 14px system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; fill: #1f2328 }
  .card { fill: #ffffff; stroke: #d1d9e0 }
  .title { font-size: 17px; font-weight: 600 }
  .name { font-weight: 600 }
  .dim { font-size: 12px; fill: #59636e }
  .inside { fill: #ffffff; font-size: 13px }
  .middle { text-anchor: middle }
  .bill { font-size: 20px; font-weight: 600 }
  .track { fill: #eff2f5 }
  .sent { fill: #0969da }
  .wasted { fill: #b04000 }
  .stop { stroke: #cf222e; stroke-width: 2 }
  text.stop { fill: #cf222e; stroke: none; font-weight: 600 }
  .axis { stroke: #8c959f }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .card { fill: #0d1117; stroke: #3d444d }
    .dim { fill: #9198a1 }
    .track { fill: #212830 }
    .sent { fill: #1f6feb }
    text.wasted { fill: #f0883e }
    .stop { stroke: #ff7b72 }
    text.stop { fill: #ff7b72 }
    .axis { stroke: #656c76 }
  }
"""


@dataclass(frozen=True)
class Axis:
    """The time axis: from 0 to ``seconds`` over the width of the bars."""

    seconds: float

    def x(self, moment: float) -> float:
        """Return the pixel of a moment."""
        return round(_LEFT + (_RIGHT - _LEFT) * moment / self.seconds, 1)


def draw(lanes: Sequence[Lane]) -> str:
    """Return the picture as SVG. It follows the reader's light or dark scheme and is legible on a page of either."""
    axis = Axis(ceil(max(lane.ended for lane in lanes) * 10) / 10)  # it ends at a tenth of a second
    bottom = _TOP + _LANE * len(lanes) - 12
    height = bottom + 66
    stop = min(lane.left_at for lane in lanes)
    told = ", ".join(f"{lane.provider} bills {lane.bill.tokens_billed} tokens ({_dollars(lane)})" for lane in lanes)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"'
        ' role="img" aria-labelledby="told">',
        f'<title id="told">{escape(f"Stop pressed at {stop:.2f} s: {told}")}</title>',
        f"<style>{_STYLE}</style>",
        f'<rect class="card" x="0.5" y="0.5" width="{_WIDTH - 1}" height="{height - 1}" rx="8"/>',
        _text(_MARGIN, 36, f"An answer of {TOKENS} tokens, one stop button, two providers", "title"),
        *(part for row, lane in enumerate(lanes) for part in _drawn(lane, _TOP + row * _LANE, axis)),
        f'<path class="stop" d="M{axis.x(stop)} 58V{bottom}"/>',
        _text(axis.x(stop) + 8, 70, f"stop pressed at {stop:.2f} s", "stop"),
        *_ticks(axis, bottom),
        _text(_MARGIN, height - 18, "A real run with simulated models: python -m benchmarks.picture", "dim"),
        _text(_RIGHT + 24, height - 18, f"${PRICE * 1e6:g} a million tokens", "dim"),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _drawn(lane: Lane, top: int, axis: Axis) -> list[str]:
    """One lane: who it is, what it made before and after the client left, the bill."""
    sent = lane.bill.tokens_written
    wasted = lane.bill.tokens_billed - sent
    first, second = top + 17, top + 35  # the base lines of two lines of text
    parts = [
        _text(_MARGIN, first, lane.provider, "name"),
        _text(_MARGIN, second, "stops when its client leaves" if lane.stops else "goes on without its client", "dim"),
        f'<rect class="track" x="{_LEFT}" y="{top}" width="{_RIGHT - _LEFT}" height="{_BAR}"/>',
        *_bar("sent", lane.began, min(lane.left_at, lane.ended), f"{sent} tokens sent", top, axis),
        _text(_RIGHT + 24, first, _dollars(lane), "bill wasted" if wasted else "bill"),
        _text(_RIGHT + 24, second, f"{lane.bill.tokens_billed} tokens billed", ""),
    ]
    if wasted:
        parts += _bar("wasted", lane.left_at, lane.ended, f"{wasted} tokens made for nobody", top, axis)
    return parts


def _bar(name: str, begin: float, end: float, text: str, top: int, axis: Axis) -> list[str]:
    left, right = axis.x(begin), axis.x(end)
    return [
        f'<rect class="{name}" x="{left}" y="{top}" width="{right - left:.1f}" height="{_BAR}"/>',
        _text(round((left + right) / 2, 1), top + 25, text, "inside middle"),
    ]


def _ticks(axis: Axis, bottom: int) -> list[str]:
    moments = [tenth / 10 for tenth in range(0, round(axis.seconds * 10) + 1, 2)]
    line = f"M{_LEFT} {bottom}H{_RIGHT}" + "".join(f"M{axis.x(moment)} {bottom}v5" for moment in moments)
    texts = [_text(axis.x(moment), bottom + 20, f"{moment:.1f} s", "dim middle") for moment in moments]
    return [f'<path class="axis" d="{line}"/>', *texts]


def _text(x: float, y: float, text: str, names: str) -> str:
    return f'<text class="{names}" x="{x}" y="{y}">{escape(text)}</text>'


def _dollars(lane: Lane) -> str:
    return f"${lane.bill.cost:.4f}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, draw, write the file, and print the two bills."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.picture", description=__doc__)
    parser.add_argument("--to", type=Path, default=PICTURE, metavar="FILE")
    to: Path = parser.parse_args(arguments).to
    lanes = measure()
    to.write_text(draw(lanes), encoding="utf-8")
    for lane in lanes:
        bill = lane.bill
        print(
            f"{lane.provider}: the client left after {lane.left_at:.2f} s and {bill.tokens_written} tokens;"
            f" {bill.tokens_billed} tokens billed, {_dollars(lane)}"
        )


if __name__ == "__main__":
    main()

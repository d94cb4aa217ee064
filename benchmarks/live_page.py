"""How long does the script of the live page take for a frame? ``python -m benchmarks.live_page [--lanes 200]``.

``orharness serve``, the clients and Chromium are processes of their own. Each client streams an answer at 20 chunks a
second, all at once, and asks again when it is over; two in three read to the end, and one leaves. Measured is what the
page's scripts take for each frame: reading and taking in the events, and drawing; as people see it (the lanes that fit
the window are drawn), and with a window so high that all lanes are. What counts is the processor's time in Chromium's
trace, of every script between two frames, so that a busy machine does not show. Needs ``pip install playwright`` and a
Chromium; times are reported, not judged.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from bisect import bisect_right
from contextlib import suppress
from importlib import import_module
from multiprocessing import Process
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.tables import percentile

SCENARIO = {
    "orharness": 1,
    "routes": [
        {
            "chat": {"tokens": 200},
            "provider": "Groq",
            "through": [{"pace": 0.05}, {"comments": {"text": ": KEEP-ALIVE", "every": 5}}],
        }
    ],
}
ASKED = b'{"messages": [], "stream": true}'
REQUEST = b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n%b" % (len(ASKED), ASKED)
SCRIPTS = ("FireAnimationFrame", "FunctionCall", "RunMicrotasks", "TimerFire", "EvaluateScript", "v8.run")
WARM = 6.0  # seconds before the measurement: every lane has a plan then


async def client(port: int, number: int) -> None:
    await asyncio.sleep(number * 0.01)
    while True:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(REQUEST)
        with suppress(asyncio.TimeoutError):
            async with asyncio.timeout(5.0 if number % 3 == 0 else 60.0):
                while b"[DONE]" not in await reader.read(65536):
                    pass
        writer.close()


def clients(port: int, number: int) -> None:
    async def all_of_them() -> None:
        await asyncio.gather(*(client(port, one) for one in range(number)))

    asyncio.run(all_of_them())


def served(folder: Path) -> tuple[subprocess.Popen[str], str, str]:
    """A server, its origin, and its token."""
    file = folder / "scenario.json"
    file.write_text(json.dumps(SCENARIO), "utf-8")
    command = [sys.executable, "-m", "orharness", "serve", "--scenario", str(file)]
    env = {**os.environ, "ORHARNESS_TOKEN": "of the benchmark"}
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env)
    assert server.stdout is not None
    return server, server.stdout.readline().strip().removesuffix("/v1"), "of%20the%20benchmark"


def measured(page: Any, seconds: float) -> dict[str, float]:
    """Milliseconds of processor that scripts took for a frame: what is between the begins of two frames."""
    page.context.browser.start_tracing(page=page, categories=["devtools.timeline"])
    page.wait_for_timeout(seconds * 1000)
    events = json.loads(page.context.browser.stop_tracing())["traceEvents"]
    frames = sorted((one for one in events if one["name"] == "FireAnimationFrame" and "tdur" in one), key=_begin)
    thread = (frames[0]["pid"], frames[0]["tid"])
    spent = [0.0] * len(frames)
    begins, over = [_begin(one) for one in frames], 0.0
    for one in sorted((one for one in events if one["name"] in SCRIPTS and "tdur" in one), key=_begin):
        # one that began inside another is counted with it
        if (one["pid"], one["tid"]) == thread and one["ts"] >= over and (at := bisect_right(begins, _begin(one))):
            over = one["ts"] + one["dur"]
            spent[at - 1] += one["tdur"] / 1000
    drawn = [one["tdur"] / 1000 for one in frames]
    return {
        "frames a second": len(frames) / seconds,
        **{f"p{part}": percentile(spent, part / 100) for part in (50, 95, 99)},
        "p95 of the frame's own": percentile(drawn, 0.95),
    }


def _begin(event: dict[str, Any]) -> float:
    return float(event["ts"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lanes", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement")
    given = parser.parse_args()
    sync_playwright = import_module("playwright.sync_api").sync_playwright
    chromium = os.environ.get("ORHARNESS_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with TemporaryDirectory() as folder:
        server, origin, token = served(Path(folder))
        port = int(re.findall(r":(\d+)$", origin)[0])
        reading = Process(target=clients, args=(port, given.lanes), daemon=True)
        reading.start()
        try:
            with sync_playwright() as running:
                browser = running.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
                for name, height in (("as seen", 900), ("all lanes drawn", 200 + 46 * given.lanes)):
                    page = browser.new_page(viewport={"width": 1400, "height": height})
                    page.goto(f"{origin}/#token={token}")
                    page.wait_for_timeout(WARM * 1000)
                    lanes = page.locator("#lanes > li").count()
                    found = measured(page, given.seconds)
                    figures = ", ".join(f"{key} {value:.2f}" for key, value in found.items())
                    print(f"{name}: {lanes} lanes, {figures} (milliseconds of script)")
                    page.close()
                browser.close()
        finally:
            reading.terminate()
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()

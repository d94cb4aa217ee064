"""requests: https://requests.readthedocs.io/en/latest/user/advanced/#body-content-workflow"""

from __future__ import annotations

from threading import Event

import requests

from benchmarks.ways.app import BODY, App


def sync_break(app: App) -> None:
    response = requests.post(app.url, json=BODY, stream=True, timeout=60)
    for _ in response.iter_lines():
        if app.stopped:
            break


def sync_with(app: App) -> None:
    with requests.post(app.url, json=BODY, stream=True, timeout=60) as response:
        for _ in response.iter_lines():
            if app.stopped:
                break


def sync_close_from_a_thread(app: App) -> None:
    response = requests.post(app.url, json=BODY, stream=True, timeout=60)
    app.on_stop(response.close)
    for _ in response.iter_lines():
        pass


def sync_event(app: App) -> None:
    """As gateways document it: https://openrouter.ai/docs/api-reference/streaming#stream-cancellation."""
    cancel_event = Event()
    app.on_stop(cancel_event.set)
    with requests.post(app.url, json=BODY, stream=True, timeout=60) as response:
        for _ in response.iter_lines():
            if cancel_event.is_set():
                response.close()
                return

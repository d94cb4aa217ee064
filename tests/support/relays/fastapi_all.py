"""All FastAPI relays in one process, each under its module's name: ``/fastapi_openai/chat`` and so on."""

from __future__ import annotations

from fastapi import FastAPI

from tests.support.relays import (
    fastapi_buffering,
    fastapi_httpx,
    fastapi_middleware,
    fastapi_openai,
    fastapi_queue,
    fastapi_sync_generator,
)

app = FastAPI()
for module in (
    fastapi_buffering,
    fastapi_httpx,
    fastapi_middleware,
    fastapi_openai,
    fastapi_queue,
    fastapi_sync_generator,
):
    app.mount(f"/{module.__name__.rpartition('.')[2]}", module.app)

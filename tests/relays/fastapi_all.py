"""All FastAPI relays in one process, each under its module's name: ``/fastapi_openai/chat`` and so on."""

from __future__ import annotations

import fastapi_buffering
import fastapi_httpx
import fastapi_middleware
import fastapi_openai
import fastapi_queue
import fastapi_sync_generator
from fastapi import FastAPI

app = FastAPI()
for module in (
    fastapi_buffering,
    fastapi_httpx,
    fastapi_middleware,
    fastapi_openai,
    fastapi_queue,
    fastapi_sync_generator,
):
    app.mount(f"/{module.__name__}", module.app)

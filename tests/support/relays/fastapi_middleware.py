"""The right relay behind the two middlewares that are blamed most: compression, and one of ``@app.middleware``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request, Response
from fastapi.middleware.gzip import GZipMiddleware

from tests.support.relays import fastapi_openai

app = FastAPI()
app.add_middleware(GZipMiddleware, minimum_size=1)
app.mount("/", fastapi_openai.app)


@app.middleware("http")
async def stamp(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Adds a header, as a middleware for logs or authentication would."""
    response = await call_next(request)
    response.headers["X-Stamp"] = "1"
    return response

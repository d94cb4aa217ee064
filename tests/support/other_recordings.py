"""One exchange as each of the other tools records it."""

from __future__ import annotations

import json
from typing import Any

URL = "https://api.example.com/v1/chat/completions"
ASKED = b'{"model":"m","stream":true}'
EVENTS = (
    'data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":'
    '{"content":"Grüße"},"finish_reason":null}]}',
    'data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},'
    '"finish_reason":"stop"}]}',
    "data: [DONE]",
)
BODY = "".join(f"{event}\n\n" for event in EVENTS).encode()


def _indented(text: str, blanks: int) -> str:
    return "".join(f"{' ' * blanks}{line}\n" if line else "\n" for line in text.splitlines())


RUBY = f"""---
http_interactions:
- request:
    method: post
    uri: {URL}
    body:
      encoding: UTF-8
      string: '{ASKED.decode()}'
    headers:
      Authorization:
      - Bearer sk-or-v1-0123456789abcdef0123456789abcdef
  response:
    status:
      code: 200
      message: OK
    headers:
      Content-Type:
      - text/event-stream
    body:
      encoding: UTF-8
      string: |+
{_indented(BODY.decode(), 8)}  recorded_at: Wed, 01 Jan 2025 00:00:00 GMT
recorded_with: VCR 6.3.1
""".encode()

GO = f"""---
version: 2
interactions:
- id: 0
  request:
    proto: HTTP/1.1
    content_length: {len(ASKED)}
    host: api.example.com
    body: '{ASKED.decode()}'
    headers: {{}}
    url: {URL}
    method: POST
  response:
    proto: HTTP/1.1
    transfer_encoding: [chunked]
    content_length: -1
    body: |+
{_indented(BODY.decode(), 6)}    headers:
      Content-Type: [text/event-stream]
    status: 200 OK
    code: 200
    duration: 1m0.5005s
""".encode()

CURL = (
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 307 Elsewhere\r\nLocation: /v1\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n" + BODY
)

CHUNKS = "".join(f"{event.removeprefix('data: ')}\n" for event in EVENTS[:2]).encode()

PARTS = json.dumps(
    [
        {"type": "stream-start", "warnings": []},
        {"type": "text-start", "id": "0"},
        {"type": "text-delta", "id": "0", "delta": "Grü"},
        {"type": "text-delta", "id": "0", "delta": "ße"},
        {"type": "reasoning-delta", "id": "1", "delta": "They greet."},
        {"type": "source", "url": "https://a"},
        {"type": "tool-call", "toolCallId": "c1", "toolName": "wave", "input": '{"hands": 2}'},
        {"type": "finish", "finishReason": "tool-calls"},
    ]
).encode()


def har(**changes: Any) -> bytes:
    """A HAR file as a browser writes it. ``changes``: of its one entry that is not of a page."""
    entry = {
        "startedDateTime": "2025-01-01T00:00:00.000Z",
        "time": 1500,
        "request": {
            "method": "POST",
            "url": URL,
            "httpVersion": "h3",
            "headers": [{"name": ":authority", "value": "api.example.com"}, {"name": "x-mine", "value": "1"}],
            "postData": {"mimeType": "application/json", "text": ASKED.decode()},
        },
        "response": {
            "status": 200,
            "statusText": "",
            "headers": [
                {"name": "content-type", "value": "text/event-stream"},
                {"name": "content-encoding", "value": "br"},
            ],
            "content": {"size": len(BODY), "mimeType": "text/event-stream", "text": BODY.decode()},
        },
        "timings": {"send": 1, "wait": 250, "receive": 1249},
        "_resourceType": "fetch",
        **changes,
    }
    page = {
        "_resourceType": "script",
        "request": {"method": "GET", "url": "https://a/b.js"},
        "response": {"status": 200},
    }
    log = {"version": "1.2", "creator": {"name": "WebInspector"}, "entries": [page, entry]}
    return json.dumps({"log": log}, ensure_ascii=False).encode()


AIMOCK = json.dumps(
    {
        "fixtures": [
            {"match": {"userMessage": "joke", "sequenceIndex": 0}, "response": {"content": "one"}, "chunkSize": 2},
            {"match": {"userMessage": "joke", "sequenceIndex": 1}, "response": {"content": "two"}, "latency": 20},
            {
                "match": {"toolName": "wave", "hasToolResult": False},
                "response": {
                    "toolCalls": [{"name": "wave", "arguments": {"hands": 2}, "id": "c1"}],
                    "reasoning": "They greet.",
                    "usage": {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7},
                },
            },
            {"match": {"userMessage": "busy"}, "response": {"error": {"message": "slow down"}, "status": 429}},
            {"match": {"toolCallId": "c1"}, "response": {"content": "never"}},
            {"match": {"userMessage": "draw"}, "response": {"embedding": [0.1]}},
            {
                "match": {"userMessage": "gravity"},
                "response": {"content": "falls"},
                "streamingProfile": {"ttft": 200, "tps": 40, "jitter": 0.1},
            },
        ]
    }
).encode()

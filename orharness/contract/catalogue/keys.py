"""The keys of a case document, and what each means: ``parse``, ``checked`` and ``sending`` take no others.

The page of the reference that has them is made from here. A text has no mark but code.
"""

from __future__ import annotations

from collections.abc import Mapping

Meanings = Mapping[str, str]
NEEDED = ("id", "title", "reply", "expect")

CASE: Meanings = {
    "id": "its name, `FAMILY/NAME`, which no other case has",
    "title": "what is asked, in one sentence; `${end}` stands for the event that ends an answer of the API",
    "source": "the address where the rule, or the report, is written down",
    "level": "`MUST` (the default), or `SHOULD`: a fail is shown, and counts with `--strict` alone",
    "profile": "`gateway` (the default), or `whatwg`: run with `--profile whatwg` alone",
    "frame": "the one frame that it is about, `sse`, `ndjson` or `json-array`: n/a for an API with another",
    "reply": "what is sent",
    "again": "the reply to each further request; without it, the same again",
    "expect": "what the client must make of it",
    "also": "a list of further outcomes that are right, each as `expect`",
    "chunkings": "a list of ways to cut the stream; each is tried, and all must hold; by default `as-sent`",
    "request": "what the request itself must have",
    "requests": "how many requests the client may send: a number (1 by default), or `any`",
    "runs": "how often it is run, one run after the other (1 by default)",
    "patience": "a factor on the usual time that a client is given (1 by default)",
    "unit": "`limit`: its times are multiples of the longest silence that the client allows; without it, seconds",
    "plain": "`true`: an answer that is easy to read, so that a client which fails it would fail any other, too",
    "end_event": "`true`: it is about an event that obliges a client to end; n/a for an API without one",
    "cause": "what a client that fails does wrong; it is reported only after a trial has shown it",
    "broken_json": "the cause where the client's JSON parser raised",
    "raises": "the cause where the client raised anything else",
    "mistaken": "lists of parts: the cause is reported only of a client that says one of them; an empty list is nothing"
    " of the kind",
    "beside": "another answer at the same time, held at its gates until both have come as far",
    "then": "the answer after a cancel",
    "control": "the same without what the case is about: where a client fails the case and passes this, the"
    " cause that is in here is reported",
    "pauses": "the least seconds between the requests of one run",
    "grows": "even numbers of events: answers that long are asked for in turn, and their time and memory must not grow"
    " faster",
}
WRITTEN_OUT: Meanings = {
    "case": "the version of this form, 1",
    "dialect": "whose API it is",
    "path": "where the client sends its request, after the base URL",
    "gates": "body offsets at which the stream is held, until the client has been cancelled or has handed over `due`",
    "end_marker": "the offset after the event that ends the answer, or `null`",
    "cuts": "one run for each entry: the body offsets at which to cut, and nowhere else; `null`: as sent",
}
"""What an exported case has for other runners besides. Edited ``cuts`` replace the chunkings; the others are refused
where the reply says something else."""

EXPECT: Meanings = {
    "text": "the text that is handed over; without it, any",
    "sent": "`true`: the text is all that the events of the reply add",
    "parts": "what must be said besides text: reasoning, tool calls, the finish, usage",
    "unsaid": "kinds of parts of which nothing was sent, so that nothing may be said",
    "error": "`true`: the client must show an error; `allowed`: it may; `false` (the default): it must not",
    "cancel": "the client is cancelled, and how; in the `expect` of the case alone",
    "due": "for each gate the text that must have been handed over while the stream is held there; in the `expect` of"
    " the case alone",
}
WITHIN: Mapping[str, Meanings] = {
    "cancel": {
        "after": "the number of pieces of text before the cancel (2 by default); 0: before the first token",
        "silent": "`true`: all before a gate has been read, so that no further byte wakes the client",
        "inside_read": "`true`: inside the read that waits for more, which a synchronous iterator does not know",
        "stops": "`false`: the provider goes on without its client, and bills the whole answer (`true` by default)",
    },
    "pauses": {
        "each": "the least seconds from each request to the next",
        "longest": "the least seconds in the longest pause of a client that asks four times or more",
    },
    "beside": {
        "reply": "the other answer",
        "expect": "what the client must make of it",
        "side_by_side": "`true`: neither of the two requests may wait for the end of the other answer",
    },
    "then": {
        "reply": "the answer after the cancel",
        "expect": "what the client must make of it",
        "cancels": "how many cancels come before it (1 by default)",
    },
    "control": {
        "reply": "the answer without what the case is about",
        "expect": "what the client must make of it",
        "cause": "what a client does wrong that fails the case and passes this",
    },
}
"""The keys inside a value: those of ``cancel`` are in ``expect``."""

REQUEST: Meanings = {
    "accept": "a media type that the header `Accept` must name",
    "type": "`json`: a `Content-Type`, if there is one, is that of JSON; `named`: there is one, too",
    "key": "`true`: an API key is sent, and is not empty",
    "complete": "`true`: nothing is missing that the API requires, and there is a question",
}
REPLY: Meanings = {
    "answer": "a completion: `text`, `reasoning`, `tool_calls`, … as in a scenario",
    "events": "a list of events, in turn",
    "blocks": "`{size: …, times: …, inside: …}`: a long answer, in which `times` ends of blocks of `size` bytes fall"
    " inside a `character`, a `crlf`, a `field`, a `text`, or between `events`; with `away: character` or `away: crlf`"
    " it has one as often, away from those ends",
    "many": "`{events: 1000}`: an answer of that number of events, all sent at once",
    "stream": "the chunks that are sent, as in a scenario",
    "error": "the API's own error document with this message",
    "json": "a plain response with this document",
    "text": "a plain response with this text",
    "body": "a plain response with these bytes",
    "status": "the status of the response (200 by default)",
    "headers": "further headers",
    "head": "seconds until the head is sent",
    "delay": "seconds between the chunks",
    "through": "transforms, as in a scenario; one of `{optional: …}` only where the frame of the API has a form for it",
    "ending": "how the response ends: `eof`, `abort`, `reset`, `hang`",
    "framing": "`chunked`, `length` or `close`",
    "pacing": "`recorded`, `lockstep` or `instant`",
    "encoding": "`gzip`, if the client accepts it",
    "gzipped": "`true`: compressed, whatever the client accepts",
    "provider": "the provider of the simulated model, which stops on cancel or not",
    "gateway": "the gateway whose form answers and errors have",
    "pace": "seconds that the simulated model takes for a token",
}
"""The keys of a reply: first those of which one says what is sent. Those of ``stream`` are of scenario documents."""

EVENT: Meanings = {
    "text": "the event of the API that adds this text; `finish` and `role` may be beside it",
    "finish": "why the model stopped; left out where the API says that in no event of its own",
    "role": "the role, beside a text; by default the first text of a stream has `assistant`, with `null` none",
    "usage": "the counts of tokens; left out where the API says them in no event of its own",
    "end": "`true`: what ends the answer",
    "data": "an event with this data; `${text:Hello}` in it is the data of the event that adds this text, `${end}` of"
    " what ends the answer",
    "event": "its name",
    "id": "its id",
    "named_as": 'in place of `event`: the event of the API whose name it has, as `{text: ""}`',
    "comment": "a comment",
    "retry": "seconds until a client connects again",
    "raw": "bytes as they are written, with the same placeholders",
    "base64": "bytes",
    "delay": "seconds before it",
    "cut": "how many bytes are missing at its end, at most half of it",
    "optional": "`true`: left out where the frame of the API has no form for it",
    "fill": "bytes: the text is repeated until the line of the event has that many",
}
"""The keys of an entry of ``events``."""

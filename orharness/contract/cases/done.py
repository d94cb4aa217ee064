"""done: ``[DONE]`` ends it, there and nowhere else."""

from __future__ import annotations

from orharness.contract.case import Case
from orharness.contract.cases.making import CHAT, GATEWAY, PARSING_RULES, PLAIN, chat, delta, stream, yields
from orharness.stream import Ending
from orharness.transforms import append, split_at

CASES: tuple[Case, ...] = (
    Case("done/clean-end", "`[DONE]`, then the end of the response.", CHAT, chat(PLAIN), yields(PLAIN)),
    Case(
        "done/connection-left-open",
        "`[DONE]`, and the connection stays open: the client must end all the same.",
        GATEWAY,
        chat(PLAIN, ending=Ending.HANG),
        yields(PLAIN),
    ),
    Case(
        "done/event-behind",
        "An event behind `[DONE]`: it is not read.",
        CHAT,
        chat(PLAIN, append(delta(" world"))),
        yields(PLAIN),
    ),
    Case(
        "done/inside-content",
        "`[DONE]` inside the text of an answer does not end it.",
        CHAT,
        stream(delta("say [DONE]"), delta(" world"), "[DONE]"),
        yields("say [DONE] world"),
    ),
    Case(
        "done/cut-in-the-middle",
        "A chunk boundary inside `[DONE]`, and the connection stays open.",
        PARSING_RULES,
        chat(PLAIN, split_at(-6), ending=Ending.HANG),
        yields(PLAIN),
    ),
)

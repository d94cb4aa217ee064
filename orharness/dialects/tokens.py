"""Text cut into pieces that look like tokens, deterministically; no model's tokenizer is needed or imitated."""

from __future__ import annotations

import re
from itertools import chain, count, islice

from orharness.errors import ScenarioError

# Line ends; a word, or part of one, with the space before it; one character of a script without spaces; other
# characters.
_TOKEN = re.compile("\n+| ?[^\\W\u2e80-\U0003ffff]{1,7}| ?\\w| ?[^\\w\\s]{1,3}|\\s")
_SAMPLE = (
    "Grüße aus Zürich: 世界 says “hello” 🙂, and the café's naïve parser nods.",
    'A quoted "word", a back\\slash, data: [DONE] in prose, and 3.14 for π.',
    "Ελληνικά, русский, हिन्दी, عربي, 日本語 — each takes more bytes than signs.",
    "Family 👨‍👩‍👧‍👦, flag 🇨🇭, a\ttab, then one more line.",
)


def tokens_of(text: str) -> list[str]:
    """Return the text cut into token-like pieces; joined, they equal the text."""
    return _TOKEN.findall(text)


def sample_tokens(n: int) -> list[str]:
    """Return ``n`` tokens of numbered sentences in several scripts, always the same; no part repeats.

    Raises ``ScenarioError`` for a negative number.
    """
    if n < 0:
        raise ScenarioError(f"a number of tokens is 0 or more, not {n}")
    sentences = (f"{number}. {_SAMPLE[(number - 1) % len(_SAMPLE)]}\n" for number in count(1))
    return list(islice(chain.from_iterable(map(tokens_of, sentences)), n))

"""Values that stand where a secret was: a filter's, a template's, or an example's."""

from __future__ import annotations

import re

_SCHEME = re.compile(r"(?:bearer|basic|token)\s+", re.I)
_WHOLE = re.compile(
    r"(?-i:\$(?:[A-Z][A-Z0-9_]*|[a-z_]+))|\$\{[A-Z][A-Z0-9_]{0,63}\}"  # not $up3rS3cret
    r"|\$?\{\{[\w .-]{1,64}\}\}|\{\w{1,64}\}"  # {{ secrets.KEY }}, {key}
    r"|<[A-Za-z][A-Za-z _.-]{0,63}>|\[[A-Za-z][A-Za-z _.-]{0,63}\]"  # <your key>, [FILTERED]
    r"|\*+|\.+|-+|x+|bearer|basic|token",
    re.I,
)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|\d+")
_SAME = re.compile(r"([xX0*])\1+")
_TELLING = re.compile(
    r"redacted|filtered|hidden|removed|dummy|fake|placeholder|example|sample|test|testing|mock|none|null|your|orharness"
)
_BESIDE = re.compile(  # words that a placeholder has beside a telling one
    r"a|access|account|ai|ant|anthropic|any|api|apikey|app|auth|authorization|basic|bearer|client|code|cookie|cred"
    r"|credential|for|from|google|here|id|insert|is|it|key|llm|me|my|not|of|only|openai|openrouter|or|pass|password"
    r"|private|proj|project|secret|session|sk|some|string|the|this|to|token|user|v|valid|value|with"
)
_DIGITS = 4  # in all of it: "test-key-2" is a placeholder, "test-4f9a8b7c" may be a key


def is_placeholder(value: str) -> bool:
    """Whether all of a value is a placeholder. A word such as ``test`` in it is not enough: keys have them, too."""
    text = _SCHEME.sub("", value.strip(), count=1)
    if _WHOLE.fullmatch(text):
        return True
    words = [word.lower() for word in _WORD.findall(text) if not _SAME.fullmatch(word)]
    digits = sum(len(word) for word in words if word.isdigit())
    letters = [word for word in words if not word.isdigit()]
    told = _SAME.search(text) is not None or any(_TELLING.fullmatch(word) for word in letters)
    return told and digits <= _DIGITS and all(_TELLING.fullmatch(word) or _BESIDE.fullmatch(word) for word in letters)

"""Path templates: where an API is spoken, also where a part of the path is the request's own, such as the model.

``{name}`` is one or more characters, ``{a|b}`` is one of these words; anything else is itself. So Gemini's endpoints
are ``/models/{model}:{streamGenerateContent|generateContent}``.
"""

from __future__ import annotations

import re
from functools import lru_cache

_PART = re.compile(r"\{([^{}]+)\}")


def is_template(path: str) -> bool:
    """Return whether a path has parts that can be anything."""
    return "{" in path


def fits(template: str, path: str) -> bool:
    """Return whether a whole path is one of the template."""
    return template == path or (is_template(template) and _pattern(template).fullmatch(path) is not None)


def ends_like(template: str, path: str) -> bool:
    """Return whether a path ends as the template says: what is before it is the service's own."""
    return _pattern(template).search(path) is not None if is_template(template) else path.endswith(template)


def values_in(template: str, path: str) -> dict[str, str]:
    """Return what the end of a path has in the place of each ``{name}``; empty for a path that ends otherwise."""
    found = _pattern(template).search(path)
    return {} if found is None else found.groupdict()


def filled(template: str, **values: str) -> str:
    """Return a path of the template: each ``{name}`` by its value, of ``{a|b}`` the first word."""
    return _PART.sub(lambda part: values.get(part[1], part[1].partition("|")[0]), template)


@lru_cache(maxsize=256)  # a server has some, and asks them of each request
def _pattern(template: str) -> re.Pattern[str]:
    texts = _PART.split(template)  # text, part, text, …
    parts = [_part(text) if number % 2 else re.escape(text) for number, text in enumerate(texts)]
    return re.compile("".join(parts) + r"\Z")


def _part(text: str) -> str:
    if "|" in text:
        return f"(?:{'|'.join(map(re.escape, text.split('|')))})"
    return f"(?P<{text}>.+)" if text.isidentifier() else ".+"

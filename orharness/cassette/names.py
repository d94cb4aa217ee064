"""The name of a test's cassette, which every file system accepts."""

from __future__ import annotations

import re
from hashlib import blake2b

_PUNCTUATION = r"\-.,;=+@#$%&'(){}\[\]^!`"  # characters that every file system accepts in a name
_SIMPLE = re.compile(rf"[A-Za-z0-9_]+(?:::[A-Za-z0-9_]+)*(?:\[[a-z0-9_{_PUNCTUATION}]*\])?")
_REPLACED = re.compile(rf"[^\w~{_PUNCTUATION}]")
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\.|$)", re.I)  # names that Windows refuses
_LONGEST = 120  # bytes: most file systems allow 255, and the recorder adds to both ends of the name


def cassette_name(test: str, *, unique: bool = True) -> str:
    """Return the name of a test's cassette without suffix, different for each test even where case does not count.

    ``test`` is what follows the file in the test's id. A simple id is its own name, with ``.`` for ``::``. Any other,
    such as one with capitals in its parameters, has a hash of the id after a ``~``, which no simple id contains.
    ``unique``: whether no test of the file has an id that differs only in the case of its class or function.
    """
    path, bracket, parameters = test.partition("[")
    name = f"{path.replace('::', '.')}{bracket}{parameters}"
    if unique and _SIMPLE.fullmatch(test) and len(name) <= _LONGEST and not _DEVICE.match(name):
        return name
    readable = _REPLACED.sub("-", name).encode()[:_LONGEST].decode("utf-8", "ignore")
    digest = blake2b(test.encode("utf-8", "surrogatepass"), digest_size=5).hexdigest()
    return f"{'_' if _DEVICE.match(readable) else ''}{readable}~{digest}"

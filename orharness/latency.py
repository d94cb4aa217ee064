"""How long a simulated model takes: seeded distributions of the time to the first token and between two tokens.

The words are those of load tests: *prefill* is the time to the first token (TTFT), *itl* the inter-token latency (ITL).
No IO and no clock: a latency changes the delays of a stream.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from math import inf, log
from random import Random

from orharness.errors import ScenarioError
from orharness.stream import Stream

Draw = Callable[[Random], float]
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
_TIME = r"(\d+(?:\.\d+)?)(us|ms|s)"
_EXACT = re.compile(_TIME)
_NORMAL = re.compile(rf"{_TIME}(?:±|\+-){_TIME}")
_LOGNORMAL = re.compile(rf"p50:{_TIME}/p99:{_TIME}")
_Z99 = 2.3263478740408408  # the 99th percentile of the standard normal distribution
_FORMS = "200ms, 200ms±50ms (mean and standard deviation) or p50:200ms/p99:900ms (with a long tail)"
_KEYS = ("prefill", "itl", "seed")


@dataclass(frozen=True)
class Latency:
    """The times of a model, as ``prefill=200ms±50ms,itl=p50:20ms/p99:80ms,seed=7``; two are equal if their texts are.

    ``200ms`` is that time, always. ``200ms±50ms`` (or ``200ms+-50ms``) is a normal distribution: mean and standard
    deviation, of which a time below 0 is drawn again. ``p50:200ms/p99:900ms`` is a log-normal distribution: median and
    99th percentile, as load tests report them. Units are us, ms and s. Raises ``ScenarioError`` for anything else.
    """

    text: str
    seed: str = field(default="0", init=False, compare=False, repr=False)
    _prefill: Draw = field(init=False, compare=False, repr=False)
    _itl: Draw = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        values = _values(self.text)
        object.__setattr__(self, "seed", values.get("seed", "0"))
        for name in ("prefill", "itl"):
            object.__setattr__(self, f"_{name}", _distribution(name, values[name]) if name in values else _none)

    def apply(self, stream: Stream, number: int) -> Stream:
        """Return the stream with the times of request ``number`` added to its delays.

        The first chunk waits for the prefill, each later one for the tokens that begin in it. The same seed and number
        give the same times.
        """
        made = (0.0, *accumulate(self._times(len(stream.tokens), number)))
        ready = (made[_begun(stream.tokens, end)] for end in stream.boundaries)
        waits = (later - before for before, later in pairwise((0.0, *ready)))
        return stream.with_delays(
            [chunk.delay + max(0.0, wait) for chunk, wait in zip(stream.chunks, waits, strict=True)]
        )

    def whole(self, tokens: int, number: int) -> float:
        """Return the seconds in which a whole answer of that many tokens is made, for request ``number``."""
        return sum(self._times(tokens, number))

    def _times(self, tokens: int, number: int) -> Iterator[float]:
        """Yield the seconds that each token takes; an answer without tokens has a prefill as well."""
        chance = Random(f"{self.seed}/{number}")
        yield self._prefill(chance)
        for _ in range(tokens - 1):
            yield self._itl(chance)


def _begun(tokens: tuple[int, ...], end: int) -> int:
    """Return how many tokens begin before a body offset, 1 at least; a token begins where the one before ends."""
    return max(1, min(len(tokens), bisect_left(tokens, end) + 1))


def _values(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in text.split(","):
        key, _, value = part.strip().partition("=")
        if key not in _KEYS:
            raise ScenarioError(f"a model's times are prefill=…, itl=… and seed=…, not {part.strip()!r}")
        if key in found:
            raise ScenarioError(f"a model's times name {key} once, not twice: {text!r}")
        found[key] = value.strip()
    if not {"prefill", "itl"} & set(found):
        raise ScenarioError(f"a model's times need prefill=… or itl=…, such as prefill=200ms,itl=20ms; not {text!r}")
    if not found.get("seed", "0").isdecimal():
        raise ScenarioError(f"seed is a whole number from 0 up, not {found['seed']!r}")
    return found


def _none(chance: Random) -> float:
    return 0.0


def _distribution(name: str, value: str) -> Draw:
    if match := _EXACT.fullmatch(value):
        seconds = _seconds(*match.groups())
        return lambda chance: seconds
    if match := _NORMAL.fullmatch(value):
        groups = match.groups()
        return _normal(name, value, _seconds(*groups[:2]), _seconds(*groups[2:]))
    if match := _LOGNORMAL.fullmatch(value):
        groups = match.groups()
        return _lognormal(name, value, _seconds(*groups[:2]), _seconds(*groups[2:]))
    raise ScenarioError(f"{name} is a time with its unit (us, ms or s): {_FORMS}; not {value!r}")


def _seconds(number: str, unit: str) -> float:
    seconds = float(number) * _UNITS[unit]
    if seconds == inf:
        raise ScenarioError(f"a time is finite, not {number[:20]}…{unit}")
    return seconds


def _normal(name: str, value: str, mean: float, deviation: float) -> Draw:
    # Farther from 0 than this, redrawing changes the mean by less than 3 %.
    if deviation > mean / 2:
        raise ScenarioError(f"{name}: the standard deviation of {value} is over half of its mean: write p50:…/p99:…")

    def draw(chance: Random) -> float:
        while (drawn := chance.gauss(mean, deviation)) < 0:
            pass
        return drawn

    return draw


def _lognormal(name: str, value: str, median: float, highest: float) -> Draw:
    if not 0 < median <= highest:
        raise ScenarioError(f"{name}: in {value} the median p50 is over 0 and at most the 99th percentile p99")
    mu, sigma = log(median), log(highest / median) / _Z99
    return lambda chance: chance.lognormvariate(mu, sigma)

"""What the pytest plugin does for the marker ``sse_cassette``: which file, how it is to be used, and what is played.

It imports nothing heavy: pytest loads it in every run of an environment where orharness is installed.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import pytest

from orharness.cassette.keys import FILTERS
from orharness.cassette.names import cassette_name

if TYPE_CHECKING:
    from orharness.recording.process import RecordingServer
    from orharness.server.facade import SseServer
    from orharness.server.handles import LiveRoute

T = TypeVar("T")
KEY = "sse_cassette"
RECORD_MODES = ("none", "once", "new_episodes", "all", "rewrite")
RECORDED = pytest.StashKey[list[str]]()  # of a test: a line for each thing about its recording
PLAYED: pytest.StashKey[LiveRoute] = pytest.StashKey()  # of a test: its cassette, where one is played
_PLAYED = ("through", "pacing", "provider", "pace", "price", "match_on", "allow_playback_repeats", "delays")
_KEPT = ("keep_headers", "redact_personal")
_ALSO = ("filters", "record_mode", "max_age", "key_env", "env")
OPTIONS = (*_PLAYED, *_KEPT, *_ALSO, *FILTERS)
_DEFAULT_KEY = "OPENAI_API_KEY"
UPSTREAM = "https://llm.onerouter.pro/v1"  # in advice
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}  # seconds
_AGE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([smhdw])(?:[a-z]*)\s*", re.I)


def add_options(parser: pytest.Parser, group: Any) -> None:
    """Add the options and ini settings about cassettes."""
    group.addoption(
        "--sse-record-mode",
        choices=RECORD_MODES,
        help="none: only replay (default); once: record the cassettes that do not exist; new_episodes: replay, and"
        " record what is not in a cassette; all: record everything, in place of what was recorded of the same endpoint;"
        " rewrite: record each cassette anew",
    )
    group.addoption(
        "--sse-upstream",
        metavar="[API=]URL",
        action="append",
        help="the API to record from, e.g. https://llm.onerouter.pro/v1; repeated with API= (chat, messages, responses,"
        " gemini, ollama) for that API's requests",
    )
    group.addoption(
        "--sse-key-env",
        metavar="[API=]NAME",
        action="append",
        help=f"the environment variable with the key that the recorder sends upstream (default: {_DEFAULT_KEY});"
        " repeated with API= for that API's upstream",
    )
    group.addoption("--sse-max-age", metavar="AGE", help="fail if a cassette is older, e.g. 90d; see the ini setting")
    parser.addini("sse_record_mode", "as --sse-record-mode", default="none")
    parser.addini("sse_upstream", "as --sse-upstream, one a line", type="linelist")
    parser.addini("sse_key_env", "as --sse-key-env, one a line", type="linelist")
    parser.addini(
        "sse_max_age", "the age (90d, 12h) from which a cassette fails its test, with the command that renews it"
    )
    parser.addini(
        "sse_cassette_dir", "the folder of all cassettes, from the root; by default cassettes beside each test"
    )
    parser.addini("sse_match_on", "what of a request must be as recorded (path, query, headers, body, …)", type="args")
    parser.addini("sse_allow_playback_repeats", "whether what is recorded plays any number of times", type="bool")
    parser.addini("sse_delays", "whether a replay takes the time that was recorded", type="bool", default=True)
    parser.addini("sse_keep_headers", "headers whose values are recorded although not on the allow-list", type="args")
    parser.addini("sse_redact_personal", "leave out e-mail and IP addresses and telephone numbers", type="bool")


# --- what a test says -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Settings:
    """What the ini file, ``sse_config`` and the marker say about a test's cassette; the later ones go first.

    ``played``: the options of ``SseServer.cassette``. ``kept``: those of the recorder. ``max_age`` is in seconds.
    """

    path: Path
    mode: str
    played: dict[str, Any]
    kept: dict[str, Any]
    filters: dict[str, Any] = field(default_factory=dict)
    upstream: dict[str, str] = field(default_factory=dict)
    key_env: dict[str, str] = field(default_factory=dict)
    max_age: float | None = None
    env: bool = False

    @property
    def records_whole(self) -> bool:
        """Whether the test asks the service and nothing is replayed."""
        return self.mode in ("all", "rewrite") or (self.mode == "once" and not self.path.exists())

    @property
    def records_what_is_new(self) -> bool:
        """Whether only what is not in the cassette goes to the service."""
        return self.mode == "new_episodes"


def settings_of(request: pytest.FixtureRequest, marker: pytest.Mark) -> Settings:
    """Return the settings of a marked test. Fails the test for wrong ones."""
    given, options = _of_marker(marker)
    config = dict(_fixture(request, "sse_config", Mapping))
    if unknown := [name for name in config if name not in OPTIONS]:
        fail(_wrong("the fixture sse_config", unknown))
    merged = {**_of_ini(request.config), **config, **options}
    filters = {**(merged.get("filters") or {}), **{name: merged[name] for name in FILTERS if name in merged}}
    played = {name: merged[name] for name in _PLAYED if name in merged}
    return Settings(
        _path(request, given),
        _mode(request.config, merged),
        {**played, **({"filters": filters} if filters else {})},
        {name: merged[name] for name in _KEPT if name in merged},
        filters,
        _named(request.config.getoption("--sse-upstream") or _fixture(request, "sse_upstream", object), "sse_upstream"),
        _named(_keys(request.config, merged), "sse_key_env"),
        _age(request.config, merged),
        merged.get("env", False) is True,
    )


def _of_marker(marker: pytest.Mark) -> tuple[str | os.PathLike[str] | None, dict[str, Any]]:
    options = dict(marker.kwargs)
    given = [*marker.args, *([options.pop("path")] if "path" in options else [])]
    unknown = [name for name in options if name not in OPTIONS]
    if len(given) > 1 or unknown or not all(isinstance(one, str | os.PathLike) for one in given):
        fail(_wrong("@pytest.mark.sse_cassette", unknown[:1], "a name or path, "))
    return (given[0] if given else None), options


def _wrong(what: str, unknown: Sequence[str], first: str = "") -> str:
    from orharness.verdict import did_you_mean

    takes = f"{what} takes {first}{', '.join(f'{name}=' for name in OPTIONS[:-1])} and {OPTIONS[-1]}="
    return takes + "".join(f", not {name}={did_you_mean([name], [*OPTIONS, 'path'])}" for name in unknown)


def _fixture(request: pytest.FixtureRequest, name: str, kind: type) -> Any:
    value = request.getfixturevalue(name)
    if not isinstance(value, kind):
        fail(f"the fixture {name} returns a {kind.__name__.lower()}, not {value!r}")
    return value


def _of_ini(config: pytest.Config) -> dict[str, Any]:
    """Return the options that the ini file says; what it leaves out is not in them."""
    names = ("match_on", "allow_playback_repeats", "keep_headers", "redact_personal")
    found = {name: value for name in names if (value := _of_line(config, f"sse_{name}"))}
    return found if _of_line(config, "sse_delays") else {**found, "delays": False}


def _of_line(config: pytest.Config, name: str) -> Any:
    """Return an ini setting; pytest's own error for a bad one does not name it."""
    try:
        return config.getini(name)
    except (ValueError, pytest.UsageError) as error:  # ValueError: pytest before 9
        fail(f"the ini setting {name} is true or false: {error}")


def _mode(config: pytest.Config, merged: Mapping[str, Any]) -> str:
    mode = config.getoption("--sse-record-mode") or merged.get("record_mode") or config.getini("sse_record_mode")
    if mode not in RECORD_MODES:
        fail(f"the record mode is one of {', '.join(RECORD_MODES)}; not {mode!r}")
    return str(mode)


def _keys(config: pytest.Config, merged: Mapping[str, Any]) -> Any:
    return config.getoption("--sse-key-env") or merged.get("key_env") or config.getini("sse_key_env") or _DEFAULT_KEY


def _named(given: Any, what: str) -> dict[str, str]:
    """Return values by the name of their API; ``""`` for the one without a name."""
    from orharness.recording.upstreams import named_values

    if given is None:
        return {}
    if isinstance(given, Mapping):
        return {str(name or ""): str(value) for name, value in given.items()}
    if not isinstance(given, str | list | tuple):
        fail(f"{what} is a text, a list of texts or a mapping, not {given!r}")
    return or_fail(lambda: named_values([given] if isinstance(given, str) else given, what))


def _age(config: pytest.Config, merged: Mapping[str, Any]) -> float | None:
    """Return the seconds of ``90d``, ``12 hours`` or a ``timedelta``."""
    given = config.getoption("--sse-max-age") or merged.get("max_age") or config.getini("sse_max_age")
    if not given:
        return None
    if isinstance(given, timedelta):
        return given.total_seconds()
    found = _AGE.fullmatch(str(given))
    if found is None:
        fail(f"sse_max_age is a number and a unit (s, m, h, d or w), such as 90d; not {given!r}")
    return float(found[1]) * _UNITS[found[2].lower()]


def fail(sentence: str) -> NoReturn:
    """Fail the test with one sentence."""
    pytest.fail(sentence, pytrace=False)


def or_fail(call: Callable[[], T]) -> T:
    """Return what ``call`` returns; an error of the harness fails the test with one sentence."""
    from orharness.errors import OrharnessError

    try:
        return call()
    except OrharnessError as error:
        wrong = str(error)
    return fail(wrong)  # outside of the except: one sentence, and not two exceptions


# --- the file ---------------------------------------------------------------------------------------------------------


def _path(request: pytest.FixtureRequest, given: str | os.PathLike[str] | None) -> Path:
    """Return the file: the marker's path beside the test, or a name in the folder of the test's cassettes."""
    if given is not None and (not isinstance(given, str) or _is_path(given)):
        return _without_dots(request.node.path.parent / given)
    name = given or _fixture(request, "sse_cassette_name", str)
    folder = _fixture(request, "sse_cassette_dir", str | os.PathLike)  # type: ignore[arg-type]  # isinstance takes it
    return _without_dots(request.node.path.parent / folder / (name if _is_path(name) else f"{name}.yaml"))


def _without_dots(path: Path) -> Path:
    """Return the path without ``..``: the folder before it need not be there, as that of a module's cassettes."""
    return Path(os.path.normpath(path))


def _is_path(name: str) -> bool:
    return name.endswith((".yaml", ".yml", ".json"))


def default_dir(item: pytest.Item) -> Path:
    """Return the folder of a test's cassettes: ``cassettes/<module>`` beside it, or below the ini's folder."""
    given = item.config.getini("sse_cassette_dir")
    if not given:
        return item.path.parent / "cassettes" / item.path.stem
    root = item.config.inipath.parent if item.config.inipath else item.config.rootpath
    below = item.path.relative_to(root) if item.path.is_relative_to(root) else Path(item.path.name)
    return Path(root / given / below.with_suffix(""))


def default_name(item: pytest.Item) -> str:
    """Return the name of a test's cassette, without suffix; it contains the test's class."""
    return cassette_name(item.nodeid.partition("::")[2] or item.name, unique=not _has_a_twin(item))


def _has_a_twin(item: pytest.Item) -> bool:
    """Return whether the file has another class or function whose name differs only in case."""
    nodes = [node for node in item.listchain() if isinstance(node, pytest.Class | pytest.Function)]
    names = [(getattr(node, "originalname", node.name), dir(getattr(node.parent, "obj", None))) for node in nodes]
    return any(other != name and other.lower() == name.lower() for name, others in names for other in others)


# --- playing ----------------------------------------------------------------------------------------------------------


def advice(settings: Settings, item: pytest.Item) -> str:
    """Return the command that records the cassette of a test."""
    mode = "rewrite" if settings.path.exists() else "once"
    given = [f"{name}={url}" if name else url for name, url in settings.upstream.items()] or [UPSTREAM]
    upstreams = [f"--sse-upstream={shlex.quote(one)}" for one in given]
    return " ".join(["pytest", shlex.quote(item.nodeid), f"--sse-record-mode={mode}", *upstreams])


def mount(item: pytest.Item, settings: Settings, server: SseServer) -> None:
    """Let the server play the test's cassette. Fails the test where that is impossible, and where it is too old."""
    if settings.records_what_is_new and not settings.path.exists():
        return
    strict = not settings.records_what_is_new
    if not settings.path.exists():
        fail(f"{settings.path}: there is no such cassette\nrecord it: {advice(settings, item)}")
    item.stash[PLAYED] = or_fail(lambda: server.cassette(settings.path, strict=strict, **settings.played))
    check_age(settings, item)


def unplayed(item: pytest.Item) -> int:
    """Return how many interactions of the test's cassette it did not ask for."""
    route = item.stash.get(PLAYED, None)
    return 0 if route is None else route.unplayed


def check_age(settings: Settings, item: pytest.Item, *, now: datetime | None = None) -> None:
    """Fail a test whose cassette is older than ``max_age``, or does not say how old it is."""
    if settings.max_age is None:
        return
    from orharness.cassette import load
    from orharness.errors import OrharnessError

    try:
        recorded = [one.recorded_at for one in load(settings.path)]
    except OrharnessError:  # who plays it will report that
        return
    renew = f"record it again: {advice(settings, item)}"
    if None in recorded:
        fail(f"{settings.path}: interaction {recorded.index(None)} does not say when it was recorded; {renew}")
    ages = [(now or datetime.now(UTC)) - _moment(one) for one in recorded if one is not None]
    if ages and max(ages).total_seconds() > settings.max_age:
        limit = timedelta(seconds=settings.max_age)
        fail(f"{settings.path} was recorded {_days(max(ages))} ago, and sse_max_age is {_days(limit)}; {renew}")


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _days(age: timedelta) -> str:
    return f"{age.days} days" if age.days else str(timedelta(seconds=round(age.total_seconds())))


def check_vcr(item: pytest.Item, server: SseServer | RecordingServer) -> None:
    """Fail a test in which vcrpy, by ``@pytest.mark.vcr`` or the fixture ``vcr``, catches what its client sends here.

    A process of the test's own is not caught.
    """
    cassette = getattr(item, "funcargs", {}).get("vcr")
    filtered = getattr(cassette, "_before_record_request", None)
    if filtered is None or {"sse_process", "make_sse_process"} & set(getattr(item, "fixturenames", ())):
        return
    from orharness.cassette.codec import request_for_vcrpy
    from orharness.cassette.interaction import RecordedRequest

    if filtered(request_for_vcrpy(RecordedRequest("POST", f"{server.base_url}/chat/completions"))) is not None:
        fail(
            "vcrpy (@pytest.mark.vcr, or the fixture vcr) catches what the client sends to sse_server: set"
            ' "ignore_localhost": True in vcr_config, or take @pytest.mark.vcr away'
        )

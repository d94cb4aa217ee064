"""Documents are JSON-compatible YAML 1.2, and every error names file, line and column."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from orharness.cassette import Serializer
from orharness.errors import CassetteError, ScenarioError
from orharness.yamlfile import _ANCHOR, _begins, dump_document, load_document

texts = st.text(st.characters(exclude_categories=["Cs"]))
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=20)

TRAPS = ["on", "no", "1:30", "010", "0x10", "1_000", "2026-11-22", "1e3", "-0", ".5", "+1", ".inf", "~", "", "null"]


def value_of(text: str) -> Any:
    return load_document(text, "a.yaml").value


@given(values)
@example(TRAPS)
@example({trap: trap for trap in TRAPS})
@example(["True", "y", "=", "<<", "*a", "&a", "!a", "- a", "# a", "a: b", "---", "...", "a\n...\n", "\n", " \n a"])
@example([1e16, 1e-7, -0.0, 1.5e300, 10**30, -1])
def test_what_is_dumped_is_loaded(value: object) -> None:
    found = value_of(dump_document(value))

    assert found == value
    assert json.dumps(found) == json.dumps(value)  # 1, 1.0 and true are equal


@given(values, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_json_is_a_document(value: object, indent: int | str | None, plain_ascii: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=plain_ascii)
    if isinstance(value, dict | list):
        assert json.dumps(value_of(text)) == json.dumps(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((trap, trap) for trap in ["on", "off", "yes", "No", "y", "True", "NULL", "1:30", "010", "0x10", "0o7"]),
        *((trap, trap) for trap in ["1_000", "2026-11-22", ".5", "5.", "+1", ".inf", "NaN", "1.2.3", "=", "<<", "-a"]),
        *(("null", None), ("~", None), ("", None), ("# nothing", None), ("true", True), ("false", False)),
        *(
            ("4.10", 4.1),
            ("1e3", 1000.0),
            ("1E-2", 0.01),
            ("-0", 0),
            ("-1.5e+3", -1500.0),
            ("12345678901", 12345678901),
        ),
        ("'5'", "5"),
        ('"true"', "true"),
        ("on: 1", {"on": 1}),
        ("200: a\nnull: b\n1.0: c\n'': d", {"200": "a", "null": "b", "1.0": "c", "": "d"}),
        ("<<: {a: 1}", {"<<": {"a": 1}}),
        (r'"\ud83d\ude00"', "\N{GRINNING FACE}"),
        (r'a: "\ud83d\ude00"', {"a": "\N{GRINNING FACE}"}),
        (r'{"a": "\ud83d\ude00\/"}', {"a": "\N{GRINNING FACE}/"}),
        ('{"a": NaN}', {"a": "NaN"}),
        ("\ufeffa: 1", {"a": 1}),
        ("%YAML 1.2\n---\na: 1\n...\n", {"a": 1}),
        ("a: |\n  b\n  c\n", {"a": "b\nc\n"}),
        ("? a\n: b\n", {"a": "b"}),
    ],
)
def test_scalars_are_those_of_json(text: str, value: object) -> None:
    found = value_of(text)
    assert found == value
    assert type(found) is type(value)


ERRORS = [
    ("a: 1\nb: &x [1]\n", "2, column 4: &x: anchors and aliases are not allowed; write the value out"),
    ("a: *x\n", "1, column 4: *x: anchors and aliases are not allowed"),
    ("a: !!binary aGk=\n", "1, column 4: the tag 'tag:yaml.org,2002:binary' is not allowed"),
    ("a: !!str 5\n", "1, column 4: the tag 'tag:yaml.org,2002:str' is not allowed"),
    ("!!python/object/apply:os.getcwd []", "1, column 1: the tag 'tag:yaml.org,2002:python/object/apply:os.getcwd'"),
    ("a: 1\nb:\n  c: 1\n  c: 2\n", "4, column 3: the key 'c' is repeated; it is in line 3 already"),
    ('{"a": 1,\n\t"a": 2}', "2, column 2: the key 'a' is repeated; it is in line 1 already"),
    ("'1': a\n1: b\n", "2, column 1: the key '1' is repeated; it is in line 1 already"),
    ("a: 1\n---\nb: 2\n", "2, column 1: a second document begins here; a file holds one"),
    ("? [a]\n: b\n", "1, column 3: a key is text, not a list or a mapping"),
    ("?\n: b\n", "1, column 2: a key is missing here"),
    ("a: 1\nb: 1e400\n", "2, column 4: the number 1e400 is too large"),
    ('{\n"a": 1e400}', "2, column 6: the number 1e400 is too large"),
    ("- " + "9" * 5000, "1, column 3: the number 99999999999999999999 is too large"),
    ('["' + r"\ud83d" + '"]', "1, column 2: half of a surrogate pair is not a character"),
    ('- "' + r"\ud83d" + '"', "1, column 3: half of a surrogate pair is not a character"),
    ("a: b: c\n", "1, column 5: this is not YAML: mapping values are not allowed here"),
    ("a: [1,\nb: 2\n", "3, column 1: this is not YAML: expected ',' or ']', but got '<stream end>'"),
    ("a:\n\t- b\n", "2, column 1: this is not YAML: found character '\\t' that cannot start any token"),
    ("a: 1\nb: \x01", "2, column 4: the character U+0001 cannot be in a YAML file"),
    ("a: 'b\n", "2, column 1: this is not YAML: found unexpected end of stream"),
    (b"a: 1\nb: \xff", "2, column 4: the file is not UTF-8 from here on"),
    ("[" * 101 + "]" * 101, "1, column 101: lists and mappings are nested more than 100 deep"),
    ("- " * 101, "1, column 201: lists and mappings are nested more than 100 deep"),
    ("[" * 100_000, "1, column 101: lists and mappings are nested more than 100 deep"),
]


@pytest.mark.parametrize(("text", "complaint"), ERRORS, ids=range(len(ERRORS)))
def test_an_error_names_file_line_and_column(text: str | bytes, complaint: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        load_document(text, "a.yaml")

    assert str(caught.value).startswith(f"a.yaml: line {complaint}")
    assert "\n" not in str(caught.value)


def test_the_caller_chooses_the_error() -> None:
    with pytest.raises(CassetteError, match=r"^a\.yaml: line 1, column 1: "):
        load_document("*a", "a.yaml", error=CassetteError)


YAML = """\
# a comment
routes:
- path: /v1
  events: [{data: a},
    {data: b}]
-
  path: /v2
"""
LINES: list[tuple[tuple[str | int, ...], int]] = [
    ((), 2),
    (("routes",), 2),
    (("routes", 0), 3),
    (("routes", 0, "path"), 3),
    (("routes", 0, "events", 0, "data"), 4),
    (("routes", 0, "events", 1), 5),
    (("routes", 0, "events", 7, "data"), 4),  # does not exist: the last part of the way that does
    (("routes", 1, "path"), 7),
    (("nothing", 1), 2),
]


@pytest.mark.parametrize(("path", "line"), LINES)
def test_the_line_of_a_key(path: tuple[str | int, ...], line: int) -> None:
    assert load_document(YAML, "a.yaml").line_of(path) == line


def test_the_place_of_a_key_in_json() -> None:
    found = load_document('\n{"routes":\r\n\t[1,\n{"a": {"b": "c:{", "d": []}}]}', "a.json")

    assert found.value == {"routes": [1, {"a": {"b": "c:{", "d": []}}]}
    assert found.place(()) == "a.json: line 2, column 1"
    assert found.place(("routes", 0)) == "a.json: line 3, column 3"
    assert found.place(("routes", 1, "a")) == "a.json: line 4, column 2"
    assert found.place(("routes", 1, "a", "d")) == "a.json: line 4, column 20"


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ({"a": [1, float("nan")]}, r"a\[1\]: JSON has no nan"),
        ({"a": {1: 2}}, "a: a key is text, not 1"),
        ((1, 2), r"the document: JSON has no \(1, 2\)"),
        ({"a": b"b"}, "a: JSON has no b'b'"),
        (["\udcff"], r"\[0\]: half of a surrogate pair cannot be written"),
    ],
)
def test_what_json_cannot_hold_is_not_dumped(value: object, complaint: str) -> None:
    with pytest.raises(ScenarioError, match=complaint):
        dump_document(value)


def test_a_dumped_document_is_easy_to_read() -> None:
    value = {"routes": [{"when": {"on": "1:30"}, "events": [{"data": "a\nb\n"}], "text": "Grüße \N{GRINNING FACE}"}]}

    assert (
        dump_document(value)
        == """\
routes:
- when:
    'on': '1:30'
  events:
  - data: |
      a
      b
  text: Grüße \N{GRINNING FACE}
"""
    )


# -- cassettes -----------------------------------------------------------------------------------------------------


def bomb(merge: str = "") -> str:
    """A document of a few hundred bytes whose aliases stand for ten billion values."""
    rows = [f"a{n}: &a{n} " + (f"{{{merge}[" if merge else "[") for n in range(10)]
    rows = [row + ", ".join([f"*a{n - 1}" if n else "{k: v}"] * 10) for n, row in enumerate(rows)]
    return "\n".join(row + ("]}" if merge else "]") for row in rows) + "\nversion: 1\ninteractions: *a9\n"


@pytest.mark.parametrize("libyaml", [True, False])
@pytest.mark.parametrize("merge", ["", "<<: "])
def test_a_cassette_that_grows_through_aliases_is_refused(libyaml: bool, merge: str) -> None:
    with pytest.raises(CassetteError, match=r"line [567], column \d+: through aliases such as \*a\d the file stands"):
        Serializer(libyaml=libyaml).deserialize(bomb(merge))


@pytest.mark.parametrize("libyaml", [True, False])
def test_a_cassette_with_the_aliases_that_vcrpy_writes_is_read(libyaml: bool) -> None:
    shared = {"A": ["b"]}
    request = {"method": "GET", "uri": "http://a/", "body": None, "headers": shared}
    response = {"status": {"code": 200, "message": "OK"}, "headers": shared, "body": {"string": ""}}
    text = yaml.safe_dump({"version": 1, "interactions": [{"request": request, "response": response}]})
    assert "*id001" in text

    (found,) = Serializer(libyaml=libyaml).deserialize(text)["interactions"]
    assert found["request"]["headers"] == found["response"]["headers"] == {"A": ["b"]}


@given(st.text(st.sampled_from("a&* \n\u3000[]{},:-\t"), max_size=12))
def test_where_an_anchor_may_begin(text: str) -> None:
    assert _begins(_ANCHOR, text) is (re.search(r"(?:^|[\s\[{,])&[^\s\[\]{},]", text, re.M) is not None)

"""The generated pages of the reference, and the hooks of ``mkdocs.yml`` that add them to the site.

mkdocstrings shows classes and functions. The rest is made from the code here, when the site is built: the options of
the plugin, its markers and fixtures, the commands, the keys of a scenario document.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from typer.models import OptionInfo

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

    from orharness.contract import Case

DOCS = Path(__file__).parent
Cells = Iterable[str]


def pages() -> dict[str, str]:
    """Return the generated pages: the path of each in ``docs/``, and its Markdown."""
    return {
        "reference/options.md": options_page(),
        "reference/pytest.md": pytest_page(),
        "reference/commands.md": commands_page(),
        "reference/documents.md": documents_page(),
        "reference/http.md": http_page(),
        "reference/cases.md": cases_page(),
    }


# --- hooks of mkdocs ----------------------------------------------------------------------------------------------


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    from mkdocs.structure.files import File

    for path, text in pages().items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Keep only the text of a link to a file of the repository that is not a page of the site.

    The pages are also read in the repository, where such a link works. One to a file that does not exist is left as it
    is, so that a strict build fails.
    """
    if page.file.generated_by is not None:
        return markdown
    folder = (DOCS / page.file.src_uri).parent

    def shown(link: re.Match[str]) -> str:
        target = (folder / link[2]).resolve()
        return link[1] if target.exists() and DOCS not in target.parents else link[0]

    return re.sub(r"\[([^\[\]]+)\]\((\.\./[^)#]+)\)", shown, markdown)


# --- the options of functions -------------------------------------------------------------------------------------


def options() -> list[tuple[type, str, Callable[..., Any]]]:
    """Return each ``TypedDict`` of options, what takes it, and a function whose defaults are its own."""
    from orharness import RelayClient, Reply, SseProcess, SseServer
    from orharness.dialects.completion import Completion
    from orharness.relay.browser import BrowserOptions
    from orharness.relay.process import ProcessOptions
    from orharness.scenario import options as given
    from orharness.server import facade

    completion = (
        "`SseServer.answer`, `chat`, `messages`, `responses`, `gemini`, `ollama`, and the same of `Reply` and of"
        " `SseServer.post(…)`"
    )
    return [
        (facade.ServerOptions, "`SseServer`, `make_sse_server` and the marker `sse_server`", SseServer.__init__),
        (given.CompletionOptions, completion, Reply.completion),
        (given.StreamOptions, "`Reply.stream` and `SseServer.post(…).stream`", Reply.stream),
        (given.PlainOptions, "`Reply.respond` and `SseServer.post(…).respond`", Reply.respond),
        (given.ModelOptions, "`SseServer.cassette`, `SseServer.serve` and `Reply.recorded`", Reply.stream),
        (given.SendingOptions, "every stream and every completion", Reply.stream),
        (given.CompletionFields, "`Reply.completion`", Completion),
        (ProcessOptions, "`SseProcess`, `sse_process` and `make_sse_process`", SseProcess.__init__),
        (BrowserOptions, "`RelayClient` and `sse_relay_client`", RelayClient.__init__),
        (facade.OpenAIOptions, "an OpenAI client: `OpenAI(**sse_server.openai)`", dict),
        (facade.AnthropicOptions, "an Anthropic client: `Anthropic(**sse_server.anthropic)`", dict),
        (facade.GoogleOptions, "a Google client: `genai.Client(**sse_server.google)`", dict),
        (facade.GoogleHttpOptions, "a Google client, as `http_options`", dict),
    ]


def options_page() -> str:
    """Return the page of all keyword options, with their types and defaults."""
    parts = ["# Options", "The keyword options that functions share. What each does is said where a function takes it."]
    for kind, takers, function in options():
        parts += [f"## {kind.__name__}", f"Taken by {takers}.", _first_paragraph(kind.__doc__ or "")]
        parts.append(_table(("option", "type", "default"), _option_rows(kind, function)))
    return _page(parts)


def _option_rows(kind: type, function: Callable[..., Any]) -> Iterator[Cells]:
    defaults = {} if function is dict else inspect.signature(function).parameters
    for name, hint in kind.__annotations__.items():
        parameter = defaults.get(name)
        default = "" if parameter is None or parameter.default is parameter.empty else _value(parameter.default)
        yield _code(name), _code(hint.__forward_arg__), default


def _value(value: Any) -> str:
    return _code(getattr(value, "name", None) or repr(value))


# --- the plugin ---------------------------------------------------------------------------------------------------


class _Noted:
    """Stands for pytest's parser, its option group and its config: notes what the plugin registers."""

    def __init__(self) -> None:
        self.options: list[tuple[tuple[str, ...], dict[str, Any]]] = []
        self.ini: list[tuple[tuple[str, ...], dict[str, Any]]] = []
        self.lines: list[tuple[str, str]] = []

    def getgroup(self, *_: Any, **__: Any) -> _Noted:
        return self

    def addoption(self, *names: str, **attributes: Any) -> None:
        self.options.append((names, attributes))

    def addini(self, *names: str, **attributes: Any) -> None:
        self.ini.append((names, attributes))

    def addinivalue_line(self, name: str, line: str) -> None:
        self.lines.append((name, line))


def pytest_page() -> str:
    """Return the page of what the plugin brings: fixtures, markers, options of the command line and of the ini file."""
    from orharness import pytest_plugin

    noted = _Noted()
    pytest_plugin.pytest_addoption(noted)  # type: ignore[arg-type]
    pytest_plugin.pytest_configure(noted)  # type: ignore[arg-type]
    parts = ["# The pytest plugin", "It is loaded by its entry point: install the package, and use the fixtures."]
    parts.append("## Fixtures")
    for name, scope, returns, text in _fixtures(Path(pytest_plugin.__file__).read_text("utf-8")):
        parts += [f"### {name}", f"Scope: {scope}. Its value: `{returns}`.", text]
    parts.append("## Markers")
    for _, line in noted.lines:
        call, _, text = line.partition(": ")
        parts += [f"### {call.partition('(')[0]}", _fence(f"@pytest.mark.{call}"), f"{_escaped(text)}."]
    parts.append("## Options of the command line")
    for names, attributes in noted.options:
        parts += [f"### {', '.join(names)}", _option_text(attributes)]
    parts.append("## Options of the ini file")
    if not noted.ini:
        parts.append("There are none; an option of the command line can be put in `addopts`.")
    parts += [f"### {names[0]}\n\n{attributes.get('help', names[1:])}" for names, attributes in noted.ini]
    return _page(parts)


def _option_text(attributes: Mapping[str, Any]) -> str:
    default = attributes.get("default")
    choices = attributes.get("choices")
    text = _escaped(str(attributes["help"]).replace("%(default)s", str(default))) + "."
    takes = ", ".join(map(_code, choices)) if choices else _code(attributes.get("metavar", "a flag"))
    return f"{text}\n\nTakes {takes}; by default {'none' if default is None else _code(default)}."


def _fixtures(source: str) -> Iterator[tuple[str, str, str, str]]:
    """Name, scope, value and docstring of each fixture that a module defines."""
    for node in ast.parse(source).body:
        if not isinstance(node, ast.FunctionDef) or node.returns is None:
            continue
        for decorator in node.decorator_list:
            if ast.unparse(decorator).startswith("pytest.fixture"):
                scope = re.search(r"scope='(\w+)'", ast.unparse(decorator))
                returns = re.sub(r"^Iterator\[(.*)\]$", r"\1", ast.unparse(node.returns))
                yield node.name, scope[1] if scope else "function", returns, ast.get_docstring(node) or ""


# --- the commands -------------------------------------------------------------------------------------------------


def commands_page() -> str:
    """Return the page of the commands with their arguments and options."""
    from orharness.cli.app import app

    root = app.registered_callback
    parts = ["# The commands"]
    if root is not None and root.callback is not None:
        parts += [_rich(root.callback.__doc__), _parameters(root.callback)]
    parts.append("Exit codes: 0 good, 1 the client or the comparison failed, 2 the call was wrong.")
    grouped = [
        (f"{group.name} ", command)
        for group in app.registered_groups
        if group.typer_instance is not None
        for command in group.typer_instance.registered_commands
    ]
    for within, command in [*(("", one) for one in app.registered_commands), *grouped]:
        if command.callback is not None:
            name = within + (command.name or command.callback.__name__)
            parts += [f"## orharness {name}", _rich(command.callback.__doc__), _parameters(command.callback)]
    return _page(parts)


def _parameters(command: Callable[..., Any]) -> str:
    rows = [_parameter(one, hint) for one, hint in _declared(command)]
    return _table(("argument or option", "default", "what it does"), rows) if rows else ""


def _declared(command: Callable[..., Any]) -> Iterator[tuple[inspect.Parameter, Any]]:
    hints = get_type_hints(command, include_extras=True)
    for parameter in inspect.signature(command).parameters.values():
        if not get_args(hints[parameter.name])[1].hidden:  # what our own processes pass to each other
            yield parameter, hints[parameter.name]


def _parameter(one: inspect.Parameter, hint: Any) -> Cells:
    """The row of a parameter: typer has what it is called, and how it is shown, in the metadata of its type."""
    kind, shown = get_args(hint)[:2]
    # What is written first is typer's old argument for the default; typer itself moves it where a type is annotated.
    names = [name for name in (shown.default, *(shown.param_decls or ())) if str(name).startswith("-")]
    if isinstance(shown, OptionInfo) and not names:
        names = [f"--{one.name.replace('_', '-')}"]
    kinds = [part for part in get_args(kind) if part is not NoneType] or [kind]
    value = shown.metavar or ("" if bool in kinds else kinds[0].__name__.upper())
    called = ", ".join(map(_code, names)) + (f" {_code(value)}" if value else "")
    hidden = shown.show_default is False or one.default in (None, False, one.empty)
    default = shown.show_default if isinstance(shown.show_default, str) else "" if hidden else _code(one.default)
    return called.strip(), default, _escaped(shown.help or "")


def _rich(text: str | None) -> str:
    """The help of a command as Markdown: rich's bold is a command line there."""
    plain = inspect.cleandoc(text or "")
    return re.sub(r"\[bold\](.*?)\[/bold\]", lambda found: _code(" ".join(found[1].split())), plain, flags=re.S)


# --- scenario documents -------------------------------------------------------------------------------------------


def documents_page() -> str:
    """Return the page of every key of a scenario document, made from its JSON Schema."""
    from orharness.scenario.schema import schema

    whole = schema(own=False)
    named = whole["$defs"]
    parts = [
        "# The keys of a scenario document",
        "Made from `orharness/scenario/scenario.schema.json`; what the keys mean is in [Scenarios](../scenarios.md).",
        "## The document",
        _table(("key", "value"), _keys(whole)),
        "## A route {#route}",
        "These keys; in place of `replies`, a route with one reply has the keys of that reply.",
        _table(("key", "value"), _keys(_route_with_replies(named))),
        "## A reply {#reply}",
        "The first column has the key that says what is answered; the others may be beside it.",
        _table(("key", "value", "beside it"), _reply_rows(named)),
    ]
    for form in named["reply"]["anyOf"]:
        key = form["required"][0]
        if tables := list(_inner(form["properties"][key])):
            parts += [f"### The value of {key}", *tables]
    for name, one in named.items():
        if name not in ("route", "reply"):
            parts += [f"### {name}", f"{_value_of(one)}.", *_inner(one)]
    return _page(parts)


def _route_with_replies(named: Mapping[str, Any]) -> Mapping[str, Any]:
    return next(one for one in named["route"]["anyOf"] if "replies" in one["properties"])


def _reply_rows(named: Mapping[str, Any]) -> Iterator[Cells]:
    for form in named["reply"]["anyOf"]:
        [key, *_] = form["required"]
        others = [other for other in form["properties"] if other != key]
        beside = ", ".join(_linked(other) if other in named else _code(other) for other in others)
        yield _code(key), _value_of(form["properties"][key]), beside


def _inner(one: Mapping[str, Any]) -> Iterator[str]:
    """A table for each mapping that a value may be, however deep."""
    if "properties" in one:
        yield _table(("key", "value"), _keys(one))
        for inner in one["properties"].values():
            yield from _inner(inner)
    for inner in (*one.get("anyOf", ()), *([one["items"]] if "items" in one else [])):
        yield from _inner(inner)


def _keys(one: Mapping[str, Any]) -> Iterator[Cells]:
    for key, value in one["properties"].items():
        required = " (required)" if key in one.get("required", ()) else ""
        yield _code(key) + required, _value_of(value)


def _linked(name: str) -> str:
    return f"[`{name}`](#{name})"


def _value_of(one: Mapping[str, Any]) -> str:
    """What a schema allows, in words."""
    if "$ref" in one:
        return _linked(one["$ref"].rpartition("/")[2])
    if "anyOf" in one:
        return ", or ".join(dict.fromkeys(map(_value_of, one["anyOf"])))
    if "enum" in one:
        return ", ".join(map(_code, one["enum"]))
    if "const" in one:
        return _code(one["const"])
    kind = one.get("type")
    if kind == "array":
        return f"a list of: {_value_of(one['items'])}" if "items" in one else "a list"
    if kind == "object":
        keys = ", ".join(map(_code, one.get("properties", ())))
        return f"a mapping of {keys}" if keys else "a mapping"
    if isinstance(kind, list):
        return " or ".join(kind)
    least = f", at least {one['minimum']}" if "minimum" in one else ""
    return f"{_TYPES[kind]}{least}" if kind else "any value"


_TYPES = {
    "string": "a text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "`true` or `false`",
    "null": "`null`",
}


# --- control over HTTP --------------------------------------------------------------------------------------------


def http_page() -> str:
    """Return the page of the control verbs, made from the OpenAPI document."""
    from orharness.server.control.openapi import document

    parts = [
        "# The HTTP reference",
        "Made from the OpenAPI document, which a server has at `/_orharness/openapi.json`; the guide is"
        " [Control over HTTP](../control.md). In the commands, `$O` is the address of the verbs, such as"
        " `http://127.0.0.1:8181/_orharness`, `$S` the id of a session, `$R` of a route, `$C` of a call.",
    ]
    for path, operations in document()["paths"].items():
        for method, operation in operations.items():
            parts += _operation(path, method.upper(), operation)
    parts.append("## What is answered")
    for name, schema in document()["components"]["schemas"].items():
        if not name.startswith("Scenario"):
            parts += [f"### {name}", _plain(schema.get("description", ""))]
            parts.append(_table(("key", "value", ""), _fields(schema)) if schema.get("properties") else "")
    return _page(parts)


# --- the cases ----------------------------------------------------------------------------------------------------


def cases_page() -> str:
    """Return the page of the cases: what each asks, how strongly, and where the rule or the report is."""
    from importlib.resources import files

    from orharness.contract.catalogue import cases_of, families_of, lives_of
    from orharness.dialects import DIALECTS

    changes = (files("orharness.contract.catalogue") / "sets" / "CHANGES.md").read_text("utf-8")
    parts = [
        "# The cases",
        "What each case of [the contract](../contract.md) asks of a client, and from where: the rule, or a report of a"
        " service or a client. A case is a MUST unless its level says SHOULD; one of the profile `whatwg` is run with"
        " `--profile whatwg` alone. The families of bytes, HTTP, errors and time are the same for every API; each API"
        " adds its own.",
    ]
    cases = [*cases_of(DIALECTS.default), *lives_of(DIALECTS.default)]
    for family in families_of(cases):
        parts += [f"## {family}", _cases_table(one for one in cases if one.family == family)]
    known = {case.id for case in cases}
    for dialect in DIALECTS:
        own = [one for one in cases_of(DIALECTS.named(dialect)) if one.id not in known and one.family == dialect]
        if own:
            parts += [f"## {dialect}", _cases_table(own)]
    return _page([*parts, re.sub(r"^#", "##", changes, flags=re.M)])


def _cases_table(cases: Iterable[Case]) -> str:
    return _table(("case", "what is asked", "level", "from"), map(_case_row, cases))


def _case_row(case: Case) -> Cells:
    address = case.source.partition(",")[0]
    host = re.sub(r"^https://([^/#]+).*$", r"\1", address)
    link = f"[{host}]({address})" if address.startswith("https://") else _escaped(case.source)
    level = f"{case.level}, {case.profile}" if case.profile == "whatwg" else str(case.level)
    return _code(case.id), _escaped(case.title), level, link


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {method} {path} {{#{operation['operationId']}}}"
    yield _plain(operation["summary"])
    yield f"```sh\n{curl(path, method, operation)}\n```"
    query = [one for one in operation.get("parameters", ()) if one["in"] == "query"]
    if query:
        yield _table(("parameter", "value", "default", ""), map(_query_row, query))
    rows = []
    for status, answer in operation["responses"].items():
        [content] = answer["content"].values()
        shown = content["schema"].get("$ref", "").rpartition("/")[2]
        rows.append(
            (status, f"[`{shown}`](#{shown.lower()})" if shown else "an event stream", _plain(answer["description"]))
        )
    yield _table(("status", "answer", ""), rows)


def _query_row(one: Mapping[str, Any]) -> Cells:
    schema = one["schema"]
    name = _code(one["name"]) + (" (required)" if one["required"] else "")
    default = _code(str(schema["default"]).lower()) if "default" in schema else ""
    most = f", at most {schema['maximum']}" if "maximum" in schema else ""
    return name, _value_of(schema) + most, default, _plain(one["description"])


def _fields(schema: Mapping[str, Any]) -> Iterator[Cells]:
    for key, value in schema["properties"].items():
        required = "" if key in schema.get("required", ()) else " (optional)"
        yield _code(key) + required, _schema_words(value), _plain(value.get("description", ""))


def _schema_words(one: Mapping[str, Any]) -> str:
    """What a schema of the OpenAPI document allows, in words; other schemas are linked."""
    if "$ref" in one:
        name = one["$ref"].rpartition("/")[2]
        return f"[`{name}`](#{name.lower()})"
    if "anyOf" in one:
        return ", or ".join(map(_schema_words, one["anyOf"]))
    if one.get("type") == "array":
        return f"a list of: {_schema_words(one['items'])}"
    return _value_of(one)


def curl(path: str, method: str, operation: Mapping[str, Any]) -> str:
    """Return a curl command that does what an operation is for."""
    where = (
        path.replace("/_orharness", "$O").replace("{session}", "$S").replace("{route}", "$R").replace("{call}", "$C")
    )
    required = [one for one in operation.get("parameters", ()) if one["in"] == "query" and one["required"]]
    where += "".join(f"?{one['name']}={one['schema']['enum'][0]}" for one in required)
    chosen = "" if method == "GET" else f" -X {method}"
    streams = any("text/event-stream" in one["content"] for one in operation["responses"].values())
    example = _A_FILE if path.endswith("/files") else _EXAMPLE
    sent = f" -H 'content-type: application/json' -d '{example}'" if "requestBody" in operation else ""
    return f'curl -s{" -N" if streams else ""}{chosen} "{where}"{sent}'


_A_FILE = r'{"name": "answer.yaml", "text": "orharness: 1\nroutes:\n- chat: Hello\n"}'
_EXAMPLE = '{"orharness": 1, "routes": [{"chat": "Hello"}]}'


def _plain(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


# --- Markdown -----------------------------------------------------------------------------------------------------


def _page(parts: Iterable[str]) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(head: Cells, rows: Iterable[Cells]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _code(value: object) -> str:
    text = str(value).replace("|", "\\|")
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def _fence(code: str) -> str:
    return f"```python\n{code}\n```"


def _escaped(text: str) -> str:
    """What Markdown would read as its own."""
    return re.sub(r"([*_|<\[\]])", r"\\\1", text)


def _first_paragraph(text: str) -> str:
    return inspect.cleandoc(text).partition("\n\n")[0]

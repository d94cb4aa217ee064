"""The generated pages of the reference, and the hooks of ``mkdocs.yml`` that add them to the site.

mkdocstrings shows classes and functions. The rest is made from the code here, when the site is built: the options of
the plugin, its markers and fixtures, the commands, the keys of a scenario document.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from generate_cases import case_documents_page, cases_page
from generate_documents import documents_page, value_of
from generate_markdown import Cells, code, docstring, fence, first_paragraph, in_line, page, prose, table, written
from typer.models import OptionInfo

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

DOCS = Path(__file__).parent


def pages() -> dict[str, str]:
    """Return the generated pages: the path of each in ``docs/``, and its Markdown."""
    return {
        "reference/options.md": options_page(),
        "reference/pytest.md": pytest_page(),
        "reference/commands.md": commands_page(),
        "reference/documents.md": documents_page(),
        "reference/http.md": http_page(),
        "reference/cases.md": cases_page(),
        "reference/case-documents.md": case_documents_page(),
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
    """Return the page of all keyword options, with their types, defaults and meanings."""
    parts = ["# Options", "The keyword options that functions share."]
    for kind, takers, function in options():
        parts += [f"## {kind.__name__}", f"Taken by {takers}.", first_paragraph(kind.__doc__)]
        rows = list(_option_rows(kind, function))
        described = any(meaning for *_, meaning in rows)  # the arguments of an SDK's client are its own business
        head = ("option", "type", "default", "meaning")
        parts.append(table(head if described else head[:2], rows if described else [row[:2] for row in rows]))
    return page(parts)


def _option_rows(kind: type, function: Callable[..., Any]) -> Iterator[Cells]:
    defaults = {} if function is dict else inspect.signature(function).parameters
    meanings = {} if function is dict else _meanings(function)
    for name, hint in kind.__annotations__.items():
        parameter = defaults.get(name)
        default = "" if parameter is None or parameter.default is parameter.empty else written(parameter.default)
        yield code(name), code(hint.__forward_arg__), default, in_line(meanings.get(name, ""))


def _meanings(function: Callable[..., Any]) -> dict[str, str]:
    """Return what each option means, by its name, as the docstrings of the function and of its class say it.

    A docstring says "``name``: …." or "``one``, ``other``: ….", or it is that of an attribute.
    """
    from orharness import Reply
    from orharness.dialects.completion import Completion

    own = getattr(inspect.getmodule(function), function.__qualname__.partition(".")[0])
    found: dict[str, str] = {}
    for taker in (function, own, *([Completion] if own is Reply else [])):
        text = " ".join((inspect.getdoc(taker) or "").split())
        for names, meaning in re.findall(r"((?:``\w+``(?:, | and )?)+): (.+?\.)(?= |$)", text):
            for name in re.findall(r"``(\w+)``", names):
                found.setdefault(name, meaning[0].upper() + meaning[1:])
        if taker is Completion:
            found = {**_of_attributes(Completion), **found}
    return found


def _of_attributes(of: type) -> dict[str, str]:
    """Return the docstrings of a class's attributes."""
    (body,) = (node.body for node in ast.parse(inspect.getsource(of)).body if isinstance(node, ast.ClassDef))
    return {
        ast.unparse(node.target): ast.literal_eval(after.value)
        for node, after in pairwise(body)
        if isinstance(node, ast.AnnAssign) and isinstance(after, ast.Expr)
    }


# --- the plugin ---------------------------------------------------------------------------------------------------


class _Noted:
    """Stands for pytest's parser, its option group and its config: notes what the plugin registers."""

    def __init__(self) -> None:
        self.options: list[tuple[tuple[str, ...], dict[str, Any]]] = []
        self.ini: list[tuple[str, str, dict[str, Any]]] = []
        self.lines: list[tuple[str, str]] = []

    def getgroup(self, *_: Any, **__: Any) -> _Noted:
        return self

    def addoption(self, *names: str, **attributes: Any) -> None:
        self.options.append((names, attributes))

    def addini(self, name: str, help: str, **attributes: Any) -> None:  # noqa: A002 - pytest's name
        self.ini.append((name, help, attributes))

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
        parts += [f"### {name}", f"Scope: {scope}. Its value: {code(returns)}.", text]
    parts.append("## Markers")
    for _, line in noted.lines:
        call, _, text = line.partition(": ")
        parts += [f"### {call.partition('(')[0]}", fence(f"@pytest.mark.{call}"), f"{in_line(text)}."]
    parts.append("## Options of the command line")
    for names, attributes in noted.options:
        parts += [f"### {', '.join(names)}", _option_text(attributes)]
    parts.append("## Options of the ini file")
    if not noted.ini:
        parts.append("There are none; an option of the command line can be put in `addopts`.")
    for name, text, attributes in noted.ini:
        parts += [f"### {name}", _ini_text(text, **attributes)]
    return page(parts)


def _option_text(attributes: Mapping[str, Any]) -> str:
    default = attributes.get("default")
    choices = attributes.get("choices")
    text = in_line(str(attributes["help"]).replace("%(default)s", str(default))) + "."
    takes = ", ".join(map(code, choices)) if choices else code(attributes.get("metavar", "a flag"))
    return f"{text}\n\nTakes {takes}; by default {'none' if default is None else code(default)}."


_INI_TYPES = {
    "string": "a text",
    "bool": "`true` or `false`",
    "args": "words, separated by spaces",
    "linelist": "a text a line",
}


def _ini_text(text: str, type: str = "string", default: object = None) -> str:  # noqa: A002 - pytest's name
    """What a setting does, what it takes and its default: without one, pytest's own for its type."""
    said = re.sub(r"--sse-[\w-]+", lambda option: code(option[0]), text)
    shown = str(bool(default)).lower() if type == "bool" else default
    unset = f"by default {code(shown)}" if shown else "not set by default"
    return f"{prose(said[0].upper() + said[1:])}.\n\nTakes {_INI_TYPES[type]}; {unset}."


def _fixtures(source: str) -> Iterator[tuple[str, str, str, str]]:
    """Name, scope, value and docstring of each fixture that a module defines."""
    for node in ast.parse(source).body:
        if not isinstance(node, ast.FunctionDef) or node.returns is None:
            continue
        for decorator in node.decorator_list:
            if ast.unparse(decorator).startswith("pytest.fixture"):
                scope = re.search(r"scope='(\w+)'", ast.unparse(decorator))
                returns = re.sub(r"^Iterator\[(.*)\]$", r"\1", ast.unparse(node.returns))
                yield node.name, scope[1] if scope else "function", returns, docstring(ast.get_docstring(node))


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
    return page(parts)


def _parameters(command: Callable[..., Any]) -> str:
    rows = [_parameter(one, hint) for one, hint in _declared(command)]
    return table(("argument or option", "default", "what it does"), rows) if rows else ""


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
    called = ", ".join(map(code, names)) + (f" {code(value)}" if value else "")
    hidden = shown.show_default is False or one.default in (None, False, one.empty)
    default = shown.show_default if isinstance(shown.show_default, str) else "" if hidden else code(one.default)
    return called.strip(), default, in_line(_not_rich(shown.help or ""))


def _rich(text: str | None) -> str:
    """The help of a command as Markdown: rich's bold is a command line there."""
    marked = re.sub(r"\[bold\](.*?)\[/bold\]", lambda found: code(" ".join(found[1].split())), text or "", flags=re.S)
    return docstring(_not_rich(marked))


def _not_rich(text: str) -> str:
    """A text without the backslash that keeps rich from reading ``[…]`` as a style."""
    return text.replace("\\[", "[")


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
            parts += [f"### {name} {{#{_anchor(name)}}}", in_line(schema.get("description", ""))]
            parts.append(table(("key", "value", ""), _fields(schema)) if schema.get("properties") else "")
    return page(parts)


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {method} {path} {{#{operation['operationId']}}}"
    yield in_line(operation["summary"])
    yield f"```sh\n{curl(path, method, operation)}\n```"
    query = [one for one in operation.get("parameters", ()) if one["in"] == "query"]
    if query:
        yield table(("parameter", "value", "default", ""), map(_query_row, query))
    rows = []
    for status, answer in operation["responses"].items():
        [content] = answer["content"].values()
        shown = content["schema"].get("$ref", "").rpartition("/")[2]
        rows.append(
            (status, f"[`{shown}`](#{_anchor(shown)})" if shown else "an event stream", in_line(answer["description"]))
        )
    yield table(("status", "answer", ""), rows)


def _anchor(schema: str) -> str:
    """The anchor of a schema; an operation may have the same name."""
    return f"schema-{schema.lower()}"


def _query_row(one: Mapping[str, Any]) -> Cells:
    schema = one["schema"]
    name = code(one["name"]) + (" (required)" if one["required"] else "")
    default = code(str(schema["default"]).lower()) if "default" in schema else ""
    most = f", at most {schema['maximum']}" if "maximum" in schema else ""
    return name, value_of(schema) + most, default, in_line(one["description"])


def _fields(schema: Mapping[str, Any]) -> Iterator[Cells]:
    for key, value in schema["properties"].items():
        required = "" if key in schema.get("required", ()) else " (optional)"
        yield code(key) + required, _schema_words(value), in_line(value.get("description", ""))


def _schema_words(one: Mapping[str, Any]) -> str:
    """What a schema of the OpenAPI document allows, in words; other schemas are linked."""
    if "$ref" in one:
        name = one["$ref"].rpartition("/")[2]
        return f"[`{name}`](#{_anchor(name)})"
    if "anyOf" in one:
        return ", or ".join(map(_schema_words, one["anyOf"]))
    if one.get("type") == "array":
        return f"a list of: {_schema_words(one['items'])}"
    return value_of(one)


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

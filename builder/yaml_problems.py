"""What the YAML parser and pydantic complain about, as sentences for the person who wrote the file."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import BaseModel

from builder.errors import first_line, nearest
from builder.text_file import Lines

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

Where = tuple[str | int, ...]

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CLOSING = {"[": "]", "{": "}"}
_MISPLACED = "this line fits neither the keys nor the text above it; mend its indentation"
_SYNTAX_WORDS = {
    "mapping values are not allowed": "this key does not line up with the keys above it; indent it like them",
    "could not find expected ':'": "this line has no key; write 'key: text', or indent it like its text",
    "expected key": _MISPLACED,
    "expected <document start>": _MISPLACED,
    "expected '-' indicator": "another '- ' item was expected here; mend the indentation",
    "another document": "a second document begins here; keep one document in a file",
}
_TYPE_WORDS = {
    "string": "text",
    "tuple": "a list",
    "list": "a list",
    "model": "a mapping",
    "dict": "a mapping",
    "mapping": "a mapping",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
}


def syntax_problem(error: yaml.MarkedYAMLError, text: str) -> tuple[int, int, str]:
    """Line, column (both from 1) and a sentence for what the YAML parser could not read."""
    lines = Lines(text)
    mark = error.problem_mark or error.context_mark
    line, column = _place(mark, lines)
    opened = _place(error.context_mark, lines)
    reason, context = (error.problem or first_line(error)).strip(), (error.context or "").strip()
    if "while scanning a quoted scalar" in context and (opened[0] < line or "end of stream" in reason):
        return (*opened, "YAML syntax: the quotation mark that opens here is not closed")
    bracket = _open_bracket(text, mark.index) if mark and "while parsing a flow" in context else None
    if mark and bracket is not None and (lines.at(bracket)[0] < line or "end of stream" in reason):
        if _CLOSING[text[bracket]] not in text[mark.index :]:
            return (*lines.at(bracket), "YAML syntax: the bracket that opens here is not closed")
        began = f"the bracket that opens on line {lines.at(bracket)[0]}"
        return line, column, f"YAML syntax: {began} is not closed before this, or this does not belong inside it"
    if "could not find expected ':'" in reason:
        line, column = opened
    written = text.split("\n")[line - 1]
    return line, column, f"YAML syntax: {_syntax_words(f'{reason} {context}'.strip(), written, column)}"


def _open_bracket(text: str, end: int) -> int | None:
    """Where the innermost bracket begins that is open at an index, if one is."""
    opened: list[int] = []
    try:
        for token in yaml.scan(text, Loader=LOADER):
            if token.start_mark.index >= end:
                break
            if isinstance(token, yaml.FlowSequenceStartToken | yaml.FlowMappingStartToken):
                opened.append(token.start_mark.index)
            elif isinstance(token, yaml.FlowSequenceEndToken | yaml.FlowMappingEndToken):
                opened = opened[:-1]
    except yaml.YAMLError:
        pass  # the scanner stops where the parser did
    return opened[-1] if opened else None


def _syntax_words(reason: str, written: str, column: int) -> str:
    """The parser's words in ours; `written` is the line and `column` (from 1) the place in it."""
    if ends := re.search("[\x85\u2028\u2029]", written):
        return f"to YAML this line ends at its character U+{ord(ends[0]):04X}; delete that"
    if "\t" in written[:column] and ("cannot start any token" in reason or "tab character" in reason):
        return "a tab is used for indentation; use spaces"
    if "mapping values are not allowed" in reason and ":" in written[: column - 1]:
        return "a colon followed by a space inside plain text; put the text in quotes"
    if "cannot start any token" in reason or "while scanning an alias" in reason:
        first = "*" if "alias" in reason else written[column - 1 : column]
        return f"plain text cannot begin with {first!r}; put it in quotes"
    begun = re.search(r":\s+([\[{\"'])", written)
    if begun and "expected key" in reason:
        return f"text goes on after what began with {begun[1]!r}; put the whole text in (other) quotes"
    return next((words for theirs, words in _SYNTAX_WORDS.items() if theirs in reason), reason)


def _place(mark: Any, lines: Lines) -> tuple[int, int]:  # noqa: ANN401 - either of yaml's two mark classes, or None
    return lines.at(mark.index) if mark else (1, 1)


def worth_saying(errors: "list[ErrorDetails]", model: type[BaseModel]) -> "list[ErrorDetails]":
    """The complaints without those that follow from another.

    A list whose items are all wrong is also reported as too short, and a misspelt key also as missing.
    """
    inner = {tuple(item["loc"])[:depth] for item in errors for depth in range(len(item["loc"]))}
    misspelt = set()
    for item in errors:
        loc = tuple(item["loc"])
        if item["type"] == "extra_forbidden":
            meant = re.search(r"'(.+)'", nearest(str(loc[-1]), _known_keys(model, loc[:-1])))
            misspelt |= {(*loc[:-1], meant[1])} if meant else set()
    return [
        item
        for item in errors
        if not (item["type"] == "too_short" and tuple(item["loc"]) in inner)
        and not (item["type"] == "missing" and tuple(item["loc"]) in misspelt)
    ]


def validation_sentence(
    error: "ErrorDetails",
    value: Any,  # noqa: ANN401 - any YAML value
    model: type[BaseModel],
    written: Mapping[Where, str],
) -> str:
    """One of pydantic's complaints about a file's value as a sentence that names the place and the fix.

    `written` holds the file's numbers by key path as they stand there, since 0123 is 83 once it is read.
    """
    loc: Where = tuple(error["loc"])
    inside, kind, given = _named(value, loc[:-1]), error["type"], error["input"]
    subject = _subject(value, loc)
    if kind == "missing":
        return f"{inside} lacks {loc[-1]!r}"
    if kind == "extra_forbidden":
        known = _known_keys(model, loc[:-1])
        hint = nearest(str(loc[-1]), known) or "; known are " + ", ".join(known)
        return f"unknown key {loc[-1]!r} in {inside}{hint}"
    if kind == "value_error":
        return str(error["ctx"]["error"]) if "ctx" in error else error["msg"]
    if kind in ("string_too_short", "too_short"):
        return f"{subject} is empty; write {'it' if kind == 'string_too_short' else 'at least one item'}"
    if given is None:
        return "the file is empty" if not loc else f"{subject} has no value; {_way_out(model, loc)}"
    found = f"the number {written[loc][:40]}" if loc in written else _describe(given)
    return f"{subject} should be {_wanted(error)}, found {found}{_hint(error)}"


def _way_out(model: type[BaseModel], loc: Where) -> str:
    field = _field(model, loc)
    return "write it, it is required" if field and field.is_required() else "give it one or take it out"


def _subject(value: Any, loc: Where) -> str:  # noqa: ANN401 - any YAML value
    if not loc:
        return "the file"
    if isinstance(loc[-1], int):
        return f"item {loc[-1] + 1} of {loc[-2]!r} in {_named(value, loc[:-2])}"
    return f"{loc[-1]!r} in {_named(value, loc[:-1])}"


def _wanted(error: "ErrorDetails") -> str:
    stem = error["type"].removesuffix("_type").removesuffix("_parsing").removesuffix("_from_float")
    if stem in _TYPE_WORDS:
        return _TYPE_WORDS[stem]
    expected = error.get("ctx", {}).get("expected")
    if expected:
        return str(expected).replace("'", "")
    return str(error["msg"]).removeprefix("Input should be ").replace("greater than or equal to", "at least").strip()


def _hint(error: "ErrorDetails") -> str:
    given = error["input"]
    if error["type"] == "string_type" and not isinstance(given, dict | list):
        return "; put it in quotes"
    if error["type"] == "enum" and isinstance(given, str):
        return nearest(given, re.findall(r"'([^']+)'", error["ctx"]["expected"]))
    if isinstance(given, dict) and any(str(key).startswith("-") for key in given):
        return "; put a space after each hyphen"
    return ""


def _named(value: Any, where: Where) -> str:  # noqa: ANN401 - any YAML value
    """Words for a place: `principle 'honesty'` says more than `principles.3`."""
    name = "the file"
    for depth, step in enumerate(where):
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            break
        if isinstance(step, int):
            kind = str(where[depth - 1]).rstrip("s") if depth else "item"
            label = value.get("id") if isinstance(value, dict) else None
            name = f"{kind} {label!r}" if isinstance(label, str) else f"{kind} {step + 1}"
        else:
            name = repr(step) if name == "the file" else name
    return name


def _describe(value: Any) -> str:  # noqa: ANN401 - any YAML value
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    shown = str(value).lower() if isinstance(value, bool) else str(value)
    kind = {"str": "text", "bool": "", "int": "the number", "float": "the number"}.get(type(value).__name__, "")
    if not isinstance(value, str):
        return f"{kind} {shown}".strip()
    return f"{kind} {shown[:40]!r}{'…' if len(shown) > 40 else ''}"


def _known_keys(model: type[BaseModel], where: Where) -> list[str]:
    """The keys that a nested model knows, following a path of field names and list positions."""
    field = _field(model, where)
    inner = _model_in(field.annotation) if field else model if not where else None
    return [known.alias or name for name, known in inner.model_fields.items()] if inner else []


def _field(model: type[BaseModel], where: Where) -> "FieldInfo | None":
    """The field that a key path leads to, list positions aside."""
    field: FieldInfo | None = None
    inner: type[BaseModel] | None = model
    for step in where:
        if isinstance(step, int):
            continue
        field = next((f for n, f in inner.model_fields.items() if (f.alias or n) == step), None) if inner else None
        inner = _model_in(field.annotation) if field else None
    return field


def _model_in(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401 - a typing annotation
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _model_in(argument)
        if found:
            return found
    return None

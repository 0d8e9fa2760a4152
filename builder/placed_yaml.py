"""YAML whose every value knows its line: hand-written inputs get errors that name file, line, column and fix.

Anchors, aliases, tags and huge files are refused: a constitution is prose, and these only hide or explode it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from builder.errors import InputError, first_line, nearest
from builder.yaml_problems import syntax_problem, validation_sentence, worth_saying

SIZE_LIMIT = 4_000_000
DEPTH_LIMIT = 40
_CORE_TAGS = "tag:yaml.org,2002:"
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Model = TypeVar("_Model", bound=BaseModel)
Where = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a file: 1-based line and column, and a sentence without them."""

    path: Path
    line: int
    column: int
    sentence: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}: {self.sentence}"


class InvalidFile(InputError):
    """A YAML file that does not say what it should; `problems` holds every one found, in file order."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        more = len(self.problems) - 1
        tail = f" (and {more} more {'problem' if more == 1 else 'problems'})" if more else ""
        super().__init__(f"{self.problems[0]}{tail}")


@dataclass(frozen=True, slots=True)
class PlacedYaml:
    """A parsed file: its plain value and the (line, column) of every key path."""

    path: Path
    value: Any
    places: dict[Where, tuple[int, int]]

    def problem(self, where: Where, sentence: str) -> Problem:
        """A problem at a key path, or at its nearest ancestor that stands in the file."""
        while where and where not in self.places:
            where = where[:-1]
        line, column = self.places.get(where, (1, 1))
        return Problem(self.path, line, column, sentence)


def load_yaml(path: Path) -> PlacedYaml:
    """Read a YAML file with places. Dates stay text: no input of ours has a date.

    Raises:
        InputError: if it cannot be read.
        InvalidFile: if it is not plain UTF-8 YAML, or holds anchors, aliases, tags, repeated keys or keys
    that are not text.
    """
    text = read_text(path)
    control = yaml.reader.Reader.NON_PRINTABLE.search(text)
    if control:
        line = text.count("\n", 0, control.start()) + 1
        column = control.start() - text.rfind("\n", 0, control.start())
        sentence = f"control character U+{ord(control[0]):04X} is not allowed; delete it"
        raise InvalidFile([Problem(path, line, column, sentence)])
    try:
        _refuse_exotic(path, text)
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line, column, reason = syntax_problem(error, text)
        raise InvalidFile([Problem(path, line, column, reason)]) from None
    except yaml.YAMLError as error:
        raise InvalidFile([Problem(path, 1, 1, f"not YAML: {first_line(error)}")]) from None
    if node is None:
        raise InvalidFile([Problem(path, 1, 1, "the file is empty")])
    places: dict[Where, tuple[int, int]] = {}
    _collect_places(path, node, (), places)
    try:
        value = yaml.constructor.SafeConstructor().construct_document(node)
    except (yaml.YAMLError, ValueError) as error:
        at = _at(getattr(error, "problem_mark", None))
        raise InvalidFile([Problem(path, *at, f"not plain YAML: {first_line(error)}")]) from None
    return PlacedYaml(path, value, places)


def read_text(path: Path, limit: int = SIZE_LIMIT) -> str:
    """A UTF-8 text file, without its byte order mark and with line feeds alone.

    Raises:
        InputError: if it is missing, a folder, unreadable or larger than `limit` bytes.
        InvalidFile: if it is not UTF-8, naming the line and column of the first bad byte.
    """
    try:
        if path.is_dir():
            raise InputError(f"{path} is a folder; name a file in it")
        if path.exists() and path.stat().st_size > limit:
            raise InputError(
                f"{path} is larger than {limit / 1e6:.0f} MB, too large for a file written by hand; split it"
            )
        raw = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path} does not exist{_beside(path)}") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        sentence = f"byte 0x{raw[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise InvalidFile([Problem(path, line, column, sentence)]) from None


def validate(placed: PlacedYaml, model: type[_Model]) -> _Model:
    """The file's value as a pydantic model.

    Raises:
        InvalidFile: with every problem as a sentence at its place.
    """
    try:
        return model.model_validate(placed.value)
    except ValidationError as error:
        found = worth_saying(error.errors(), model)
        problems = [
            placed.problem(tuple(item["loc"]), validation_sentence(item, placed.value, model)) for item in found
        ]
        raise InvalidFile(sorted(problems, key=lambda found: (found.line, found.column))) from None


def _beside(path: Path) -> str:
    siblings = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    return nearest(path.name, siblings)


def _refuse_exotic(path: Path, text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        at = _at(event.start_mark)
        if isinstance(event, yaml.AliasEvent):
            raise InvalidFile([_exotic(path, at, f"alias *{event.anchor}", "*")])
        anchor = getattr(event, "anchor", None)
        if anchor:
            raise InvalidFile([_exotic(path, at, f"anchor &{anchor}", "&")])
        tag = getattr(event, "tag", None)
        if tag and tag != _CORE_TAGS + "str" and getattr(event, "implicit", True) in (False, (False, False)):
            shown = tag.replace(_CORE_TAGS, "!!")
            raise InvalidFile([_exotic(path, at, f"tag {shown!r}", "!")])
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEPTH_LIMIT:
            raise InvalidFile([Problem(path, *at, f"nested more than {DEPTH_LIMIT} levels deep; flatten it")])


def _exotic(path: Path, at: tuple[int, int], what: str, first: str) -> Problem:
    return Problem(path, *at, (f"{what} is not allowed; write the text out, in quotes if it begins with {first}"))


def _collect_places(path: Path, node: yaml.Node, where: Where, places: dict[Where, tuple[int, int]]) -> None:
    places.setdefault(where, _at(node.start_mark))
    if node.tag == _CORE_TAGS + "timestamp":
        node.tag = _CORE_TAGS + "str"
    if isinstance(node, yaml.MappingNode):
        for key_node, value_node in node.value:
            at = _at(key_node.start_mark)
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag != _CORE_TAGS + "str":
                shown = f" {key_node.value!r}" if isinstance(key_node, yaml.ScalarNode) else ""
                sentence = f"key{shown} should be text; write a name, in quotes if need be"
                raise InvalidFile([Problem(path, *at, sentence)])
            key = key_node.value
            if (*where, key) in places:
                first = places[(*where, key)][0]
                raise InvalidFile([Problem(path, *at, f"key {key!r} stands twice (first on line {first})")])
            places[(*where, key)] = at
            _collect_places(path, value_node, (*where, key), places)
    elif isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            _collect_places(path, child, (*where, index), places)


def _at(mark: Any) -> tuple[int, int]:  # noqa: ANN401 - either of yaml's two mark classes, or None
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)

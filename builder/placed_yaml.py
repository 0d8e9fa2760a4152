"""YAML whose every value knows its line: hand-written inputs get errors that name file, line, column and fix.

Anchors, aliases, tags and huge files are refused: a constitution is prose, and these only hide or explode it.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from builder.errors import first_line
from builder.text_file import InvalidFile, Lines, Problem, read_text
from builder.yaml_problems import LOADER, syntax_problem, validation_sentence, worth_saying

__all__ = ["InvalidFile", "PlacedYaml", "Problem", "Where", "load_yaml", "parse_yaml", "read_text", "validate"]

DEPTH_LIMIT = 40
_CORE_TAGS = "tag:yaml.org,2002:"
_NUMBERS = (_CORE_TAGS + "int", _CORE_TAGS + "float")
_Model = TypeVar("_Model", bound=BaseModel)
Where = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class PlacedYaml:
    """A parsed file: its plain value, the (line, column) of every key path, and its numbers as they are written."""

    path: Path
    value: Any
    places: dict[Where, tuple[int, int]]
    written: dict[Where, str] = field(default_factory=dict)

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
        InvalidFile: as `parse_yaml`.
    """
    return parse_yaml(path, read_text(path))


def parse_yaml(path: Path, text: str, *, as_text: bool = False) -> PlacedYaml:
    """The same for a text that was read already; `as_text` takes numbers, and keys of every kind, as they are written.

    Raises:
        InvalidFile: if it is not plain YAML, or holds anchors, aliases, tags, repeated keys or keys that are not text.
    """
    lines = Lines(text)
    control = yaml.reader.Reader.NON_PRINTABLE.search(text)
    if control:
        sentence = f"control character U+{ord(control[0]):04X} is not allowed; delete it"
        raise InvalidFile([Problem(path, *lines.at(control.start()), sentence)])
    try:
        _refuse_exotic(path, text, lines)
        node = yaml.compose(text, Loader=LOADER)
    except yaml.MarkedYAMLError as error:
        line, column, reason = syntax_problem(error, text)
        raise InvalidFile([Problem(path, line, column, reason)]) from None
    except yaml.YAMLError as error:
        raise InvalidFile([Problem(path, 1, 1, f"not YAML: {first_line(error)}")]) from None
    if node is None:
        raise InvalidFile([Problem(path, 1, 1, "the file is empty")])
    walk = _Walk(path, lines, as_text)
    walk.through(node, ())
    return PlacedYaml(path, yaml.constructor.SafeConstructor().construct_document(node), walk.places, walk.written)


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
            placed.problem(tuple(item["loc"]), validation_sentence(item, placed.value, model, placed.written))
            for item in found
        ]
        raise InvalidFile(sorted(problems, key=lambda found: (found.line, found.column))) from None


def _refuse_exotic(path: Path, text: str, lines: Lines) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=LOADER):
        at = lines.at(event.start_mark.index if event.start_mark else 0)
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


class _Walk:
    """Goes through a file's nodes, notes where each stands, and refuses what they may not be."""

    def __init__(self, path: Path, lines: Lines, as_text: bool) -> None:
        self._path, self._lines, self._as_text = path, lines, as_text
        self._constructor = yaml.constructor.SafeConstructor()
        self.places: dict[Where, tuple[int, int]] = {}
        self.written: dict[Where, str] = {}

    def through(self, node: yaml.Node, where: Where) -> None:
        self.places.setdefault(where, self._lines.at(node.start_mark.index))
        if isinstance(node, yaml.MappingNode):
            for key_node, value_node in node.value:
                self.through(value_node, (*where, self._key(key_node, where)))
        elif isinstance(node, yaml.SequenceNode):
            for index, child in enumerate(node.value):
                self.through(child, (*where, index))
        elif node.tag == _CORE_TAGS + "timestamp" or (self._as_text and node.tag in _NUMBERS):
            node.tag = _CORE_TAGS + "str"
        elif node.tag in _NUMBERS:
            self.written[where] = node.value
            self._prove(node)

    def _key(self, node: yaml.Node, where: Where) -> str:
        at = self._lines.at(node.start_mark.index)
        scalar = isinstance(node, yaml.ScalarNode)
        if not scalar or (node.tag != _CORE_TAGS + "str" and not self._as_text):
            shown = f" {node.value!r}" if scalar else ""
            raise self._invalid(at, f"key{shown} should be text; write a name, in quotes if need be")
        node.tag = _CORE_TAGS + "str"
        key: str = node.value
        if (*where, key) in self.places:
            raise self._invalid(at, f"key {key!r} stands twice (first on line {self.places[(*where, key)][0]})")
        self.places[(*where, key)] = at
        return key

    def _prove(self, node: yaml.Node) -> None:
        """Refuse what YAML takes for a number and Python cannot read as one."""
        try:
            self._constructor.construct_object(node)
        except ValueError:
            shown = node.value if len(node.value) <= 40 else f"{node.value[:20]}…"
            sentence = f"{shown!r} reads as a number and cannot be one; put it in quotes, or shorten it"
            raise self._invalid(self._lines.at(node.start_mark.index), sentence) from None

    def _invalid(self, at: tuple[int, int], sentence: str) -> InvalidFile:
        return InvalidFile([Problem(self._path, *at, sentence)])

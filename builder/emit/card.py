"""The card around its measured facts: what we own is replaced, what a hand wrote stays."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from builder.errors import InputError, first_line

NAME = "README.md"
BEGIN, END = "<!-- exempla:facts -->", "<!-- /exempla:facts -->"
_FRONT = re.compile(r"\A---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
_SIZES = (
    (10**3, "n<1K"),
    (10**4, "1K<n<10K"),
    (10**5, "10K<n<100K"),
    (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"),
)

_FIRST_BODY = """
# {name}

No licence has been chosen yet: set `license` above before publishing.

What stands between the two markers below is measured and is replaced at every emission. The rest of this card
belongs to whoever keeps the corpus and is left as it is, the front matter included save `configs` and
`size_categories`.

{block}
"""


def new_card(earlier: str | None, name: str, families: list[str], documents: int, facts: str) -> str:
    """The card of an emission, built on the earlier one where there is one.

    Raises:
        InputError: if the earlier card's front matter or markers cannot be read.
    """
    owned = owned_keys(families, documents)
    block = f"{BEGIN}\n{facts}\n{END}"
    if earlier is None or not earlier.strip():
        return _front_text({**_first_keys(name), **owned}) + _FIRST_BODY.format(name=name, block=block)
    front, body = _split(earlier)
    if front is None:
        return _front_text({**_first_keys(name), **owned}) + "\n" + _with_block(earlier, block)
    return f"---\n{_with_owned(front, owned)}---\n" + _with_block(body, block)


def read_card(folder: Path) -> str | None:
    """The card's text as it lies on disk, or None where there is none.

    Raises:
        InputError: if it is not UTF-8 or cannot be read.
    """
    path = folder / NAME
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as problem:
        raise InputError(f"{path} is not UTF-8 at byte {problem.start}; save it as UTF-8") from None
    except OSError as problem:
        raise InputError(f"{path} cannot be read: {problem.strerror}") from None


def owned_keys(families: list[str], documents: int) -> dict[str, Any]:
    """The front matter that emission owns: one config per family, and the size class."""
    configs = [
        {"config_name": family, "data_files": [{"split": "train", "path": f"data/{family}/train-*.parquet"}]}
        for family in families
    ]
    size = next((label for limit, label in _SIZES if documents < limit), "n>10M")
    return {"configs": configs, "size_categories": [size]}


def front_matter(card: str) -> dict[str, Any]:
    """A card's front matter as values; empty where there is none.

    Raises:
        InputError: if it is no YAML mapping.
    """
    front, _ = _split(card)
    return {} if front is None else _mapping(front)


def facts_in(card: str) -> str | None:
    """What stands between the markers, or None where they are missing.

    Raises:
        InputError: if one marker stands alone or twice.
    """
    span = _span(card)
    if span is None:
        return None
    return card[span[0] + len(BEGIN) : span[1] - len(END)].replace("\r\n", "\n").strip("\n")


def _first_keys(name: str) -> dict[str, Any]:
    return {
        "pretty_name": name,
        "license": "other",
        "license_name": "not-yet-chosen",
        "language": ["en"],
        "tags": ["alignment", "character-training", "constitution", "synthetic"],
        "task_categories": ["text-generation"],
    }


def _split(card: str) -> tuple[str | None, str]:
    found = _FRONT.match(card.removeprefix("\ufeff"))
    if found is None:
        if card.removeprefix("\ufeff").startswith("---"):
            raise InputError(f"{NAME} opens its front matter and does not close it; add a line of three hyphens")
        return None, card
    return found.group(1), card.removeprefix("\ufeff")[found.end() :]


def _mapping(front: str) -> dict[str, Any]:
    try:
        values = yaml.safe_load(front)
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        line = f" at line {mark.line + 2}" if mark else ""
        what = getattr(problem, "problem", None) or first_line(problem)
        raise InputError(
            f"the front matter of {NAME} is no YAML{line} ({what}); repair it or delete the file"
        ) from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise InputError(f"the front matter of {NAME} is no mapping of keys to values; repair it or delete the file")
    return values


def _with_owned(front: str, owned: Mapping[str, Any]) -> str:
    """The front matter with our keys replaced in place, comments and order kept where the text allows it."""
    wanted = {**_mapping(front), **owned}
    text = front.replace("\r\n", "\n")
    for key, value in owned.items():
        block = _front_yaml({key: value})
        # A key's block: its line and the following ones that are indented or list items, blank ones between.
        found = re.search(rf"^{key}[ \t]*:.*\n(?:(?:[ \t]*\n)*(?:[ \t]+\S.*|-.*)\n)*", text, re.MULTILINE)
        text = text[: found.start()] + block + text[found.end() :] if found else text + block
    try:
        return text if yaml.safe_load(text) == wanted else _front_yaml(wanted)
    except yaml.YAMLError:
        return _front_yaml(wanted)


def _front_yaml(values: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True, width=10**6)


def _front_text(values: Mapping[str, Any]) -> str:
    return f"---\n{_front_yaml(values)}---\n"


def _with_block(body: str, block: str) -> str:
    span = _span(body)
    if span is None:
        return f"{body.rstrip()}\n\n{block}\n"
    return body[: span[0]] + block + body[span[1] :]


def _span(text: str) -> tuple[int, int] | None:
    begins, ends = text.count(BEGIN), text.count(END)
    if begins == ends == 0:
        return None
    if begins != 1 or ends != 1 or text.index(BEGIN) > text.index(END):
        raise InputError(
            f"{NAME} must hold {BEGIN} and {END} once each and in this order; "
            "restore them, or delete both and the text between them"
        )
    return text.index(BEGIN), text.index(END) + len(END)

"""Evals: what the evaluated model is shown, item by item, from files, folders of text and shipped names."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeGuard

from builder.errors import InputError, nearest
from builder.hashing import canonical_json, content_id, sha256_text
from builder.read.formats import folder_files, is_text, read_rows, read_text
from builder.read.messages import content_of, marked_messages, messages_in
from builder.read.rows import Ids, Row, given_id, whole_text
from builder.records import Eval, EvalItem, EvalMessage
from builder.shipped import shipped

PREFIXES = ("hf:", "inspect:", "inspect-log:")
_SYSTEM = ("system", "system_prompt")
# Fields that hold what is shown, in the order in which they are taken; every one that is filled counts.
_PROMPTS = (
    "input",
    "messages",
    "turns",
    "conversation",
    "conversations",
    "prompt",
    "question",
    "user_prompt",
    "text",
    "statement",
    "dilemma_situation",
    "dilemma",
    "scenario",
    "scenario_text",
    "situation",
    "context",
    "passage",
)
# Fields that are shown beside one of those, and are too common to stand alone.
_BESIDES = ("background", "story", "document")
_CONTROL = "control"
# Answers that are shown together with such a field.
_CHOICES = ("choices", "options", "action1", "action2")


def read_eval(spec: str | Path) -> Eval:
    """An eval by path (a file of rows, a text file, a folder of text) or by shipped name.

    In text files `[SYSTEM]`, `[USER]`, `[ASSISTANT]` and `[TOOL]`, alone on a line, start messages.
    A folder is read whole: every text file is one item, every file of rows many. Of a row, every field with a
    known name that is filled is shown (`_PROMPTS`, then `_BESIDES`, each its own user message, in that order,
    without what repeats a message before it), after the system prompt and before the choices. A row with
    `"control": true` is a control item, whose id then begins with `control-`, as a file's may. Half a surrogate
    pair becomes U+FFFD. `fingerprint` is the sha256 over all items' messages in order, so ids and file names do
    not change it.

    Raises:
        InputError: if nothing is there, a folder holds a file that is not read, a row shows nothing, an item gives
            an id that another has, or the eval holds no prompts.
    """
    given = str(spec)
    prefix = next((known for known in PREFIXES if given.startswith(known)), None)
    if prefix:
        raise InputError(
            f"{given}: this version reads files, folders of text and shipped names, not {prefix}; "
            "save the eval as JSONL"
        )
    path = Path(spec)
    if not path.exists():
        path = _shipped_path(given)
    ids = Ids()
    items = tuple(_folder(path, ids) if path.is_dir() else _file(path, ids))
    if not items:
        raise InputError(f"{path} holds no prompts, so nothing can be kept away from it; check that it is the eval")
    return Eval(_name(path), items, _fingerprint(items))


def _shipped_path(name: str) -> Path:
    try:
        folder = shipped("evals")
    except InputError:
        names: list[str] = []
    else:
        names = sorted(p.name for p in folder.iterdir() if p.is_dir() and p.name not in ("background", "calibration"))
    if name in names:
        return folder / name
    listed = f"; the shipped evals are {', '.join(names)}" if names else ""
    raise InputError(f"there is no file, folder or shipped eval called {name!r}{nearest(name, names)}{listed}")


def _folder(folder: Path, ids: Ids) -> Iterator[EvalItem]:
    files = folder_files(folder)
    for path in files:
        name = path.relative_to(folder).with_suffix("").as_posix()
        if is_text(path):
            yield from _text_item(path, name, ids)
        else:
            yield from _row_items(path, f"{name}/" if len(files) > 1 else "", ids)


def _file(path: Path, ids: Ids) -> Iterator[EvalItem]:
    if is_text(path):
        yield from _text_item(path, path.stem, ids)
    else:
        yield from _row_items(path, "", ids)


def _text_item(path: Path, id_: str, ids: Ids) -> Iterator[EvalItem]:
    messages = marked_messages(read_text(path))
    if messages:
        yield EvalItem(ids.given(id_, str(path)), messages)


def _row_items(path: Path, prefix: str, ids: Ids) -> Iterator[EvalItem]:
    for row in read_rows(path):
        messages = _messages_of(row)
        control = f"{_CONTROL}-" if _is_control(row.fields.get(_CONTROL)) else ""
        given = given_id(row)
        given = control + given if given else None
        made = control + content_id([message.text for message in messages])
        yield EvalItem(ids.given(prefix + given, row.place) if given else ids.made(prefix + made, row.place), messages)


def _messages_of(row: Row) -> tuple[EvalMessage, ...]:
    fields = [name for name in _PROMPTS if _filled(row.fields.get(name))]
    if not fields:
        names = ", ".join(map(repr, row.fields)) or "none"
        raise InputError(
            f"{row.place}: no prompt was found among the fields {names}; "
            "call the one that is shown to the model 'input'"
        )
    shown = _shown(row.fields[fields[0]], row, fields[0])
    if not any(text.strip() for _, text in shown):
        raise InputError(f"{row.place}: the field {fields[0]!r} shows the model nothing; fill it or leave the row out")
    if not any(role == "system" for role, _ in shown):
        systems = (row.fields.get(name) for name in _SYSTEM)
        shown = [("system", next((text for text in systems if _filled_text(text)), "")), *shown]
    besides = [name for name in _BESIDES if _filled(row.fields.get(name))]
    for name in (*fields[1:], *besides):
        more = [] if isinstance(row.fields[name], int | float) else _shown(row.fields[name], row, name)
        shown += [(role, text) for role, text in more if not _repeats(text, shown)]
    shown = [(role, whole_text(text)) for role, text in [*shown, *_choices(row)] if text.strip()]
    return tuple(EvalMessage(index, role, text) for index, (role, text) in enumerate(shown))


def _repeats(text: str, shown: Sequence[tuple[str, str]]) -> bool:
    """Whether a message says nothing that is not already part of one before it."""
    return any(text.strip() in other for _, other in shown)


def _is_control(value: Any) -> bool:  # noqa: ANN401 - a table writes it as a word
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")


def _filled(value: Any) -> bool:  # noqa: ANN401 - whatever a row holds
    return bool(value.strip()) if isinstance(value, str) else bool(value)


def _filled_text(value: Any) -> TypeGuard[str]:  # noqa: ANN401
    return isinstance(value, str) and bool(value.strip())


def _shown(value: Any, row: Row, field: str) -> list[tuple[str, str]]:  # noqa: ANN401
    messages = messages_in(value)
    if messages:
        return [(message.role, message.content) for message in messages]
    if isinstance(value, str):
        return [("user", value)]
    if isinstance(value, list) and all(isinstance(turn, str) for turn in value):
        return [("user", turn) for turn in value]
    text = content_of(value)
    if text is None:
        raise InputError(f"{row.place}: the field {field!r} holds neither text nor messages with role and content")
    return [("user", text)]


def _choices(row: Row) -> Iterator[tuple[str, str]]:
    for name in _CHOICES:
        value = row.fields.get(name)
        if isinstance(value, str):
            yield "user", value
        elif isinstance(value, list) and all(isinstance(one, str) for one in value):
            yield "user", "\n".join(value)


def _fingerprint(items: Sequence[EvalItem]) -> str:
    return sha256_text(canonical_json([[[m.role, m.text] for m in item.messages] for item in items]))


def _name(path: Path) -> str:
    """The name in rows and reports: the folder or file, with its folder where the name alone says little."""
    name = path.resolve().name if path.is_dir() else path.name.split(".")[0]
    return f"{path.resolve().parent.name}/{name}" if name in ("rendered", "data", "test", "prompts") else name

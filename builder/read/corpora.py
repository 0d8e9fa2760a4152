"""Corpora: one file or folder of documents as `CorpusText` records, in the order of the input."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from builder.errors import InputError, nearest
from builder.hashing import content_id
from builder.read.formats import folder_files, is_text, read_rows, read_text, row_files
from builder.read.messages import messages_in
from builder.read.rows import Ids, Row, given_id, whole_text
from builder.records import CorpusText, Message, join_messages


def read_corpus(path: Path, text_field: str | None = None) -> Iterator[CorpusText]:
    """The documents of a corpus: JSONL (plain or .gz), CSV, TSV, Parquet, one text file, a folder of text
    and Markdown, a folder of Parquet files, or a build (`data/FAMILY/*.parquet`).

    The text is `text`, else `messages`, else `prompt` and `response`, unless `text_field` names another
    field. A missing `id` becomes the content hash, with `-2` and so on where the very same text comes
    again. An empty text is returned as it is; half a surrogate pair becomes U+FFFD.

    Raises:
        InputError: for a missing or empty corpus, a row without text, a repeated id, or bytes that are not
            UTF-8; it names the place. Errors come when the place is reached.
    """
    path = Path(path)
    ids = Ids()
    empty = True
    for row, named in _rows(path):
        empty = False
        text = whole_text(_text_of(row, text_field))
        given = given_id(row) or named
        id_ = ids.given(given, row.place) if given else ids.made(content_id(text), row.place)
        yield CorpusText(id_, text)
    if empty:
        raise InputError(
            f"{path} holds no documents; name a file with rows, or a folder with .txt, .md or .parquet files"
        )


def _rows(path: Path) -> Iterator[tuple[Row, str | None]]:
    """Rows, each with the id that its file's name gives it, if any."""
    if not path.exists():
        raise InputError(f"{path} does not exist; name a corpus file or folder")
    if path.is_file():
        if is_text(path):
            yield Row({"text": read_text(path)}, path, str(path)), path.stem
        else:
            yield from ((row, None) for row in read_rows(path))
        return
    data = path / "data"
    shards = row_files(data) if data.is_dir() else []
    if shards:
        yield from ((row, None) for shard in shards for row in read_rows(shard))
        return
    for file in folder_files(path):
        if is_text(file):
            yield Row({"text": read_text(file)}, file, str(file)), file.relative_to(path).as_posix()
        else:
            yield from ((row, None) for row in read_rows(file))


def _text_of(row: Row, text_field: str | None) -> str:
    fields = row.fields
    if text_field is not None:
        if text_field not in fields:
            hint = nearest(text_field, [str(name) for name in fields])
            raise InputError(f"{row.place}: there is no field {text_field!r}{hint}; the fields are {_names(row)}")
        text = _as_text(fields[text_field])
        if text is None:
            raise InputError(f"{row.place}: the field {text_field!r} holds neither text nor messages")
        return text
    if isinstance(fields.get("text"), str):
        return str(fields["text"])
    text = _as_text(fields.get("messages"))
    if text is not None:
        return text
    prompt, response = _turns(fields.get("prompt"), "user"), _turns(fields.get("response"), "assistant")
    if prompt is not None and response is not None:
        return join_messages((*prompt, *response))
    raise InputError(
        f"{row.place}: there is no text, messages or prompt and response here; "
        f"the fields are {_names(row)}; name the field that holds the text with --text-field"
    )


def _as_text(value: Any) -> str | None:  # noqa: ANN401 - whatever a row holds
    if isinstance(value, str):
        found = messages_in(value)
        return join_messages(found) if found else value
    found = messages_in(value)
    return join_messages(found) if found else None


def _turns(value: Any, role: str) -> tuple[Message, ...] | None:  # noqa: ANN401
    """A prompt or a response as messages: a string is one of that role."""
    found = messages_in(value)
    return found or ((Message(role, value),) if isinstance(value, str) else None)


def _names(row: Row) -> str:
    return ", ".join(map(repr, row.fields)) or "none"

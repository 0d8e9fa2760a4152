"""File formats as rows. `READERS` maps a file's ending to its reader: a new format is a function and a line
here.
"""

import csv
import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from builder.errors import InputError, first_line, nearest
from builder.read.rows import Row

TEXT_SUFFIXES = (".txt", ".md", ".markdown")
_ASIDE = ("readme", "license", "licence")


def suffix_of(path: Path) -> str:
    """A file's ending in small letters, `.jsonl.gz` as a whole."""
    parts = [part.lower() for part in path.suffixes]
    return "".join(parts[-2:]) if parts[-1:] == [".gz"] else "".join(parts[-1:])


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of a file, in file order.

    Raises:
        InputError: if the file cannot be opened, has no known ending, or is not what its ending says; it
            names the line.
    """
    suffix = suffix_of(path)
    if suffix not in READERS:
        known = ", ".join(sorted({*READERS, *TEXT_SUFFIXES}))
        raise InputError(
            f"{path}: files that end in {suffix or 'nothing'} are not read{nearest(suffix, list(READERS))}; use {known}"
        )
    try:
        yield from READERS[suffix](path)
    except OSError as problem:
        raise InputError(f"{path} cannot be read ({first_line(problem)}); check the file") from problem


def read_text(path: Path) -> str:
    """The text of a file.

    Raises:
        InputError: if it cannot be opened or is not UTF-8; it names the line.
    """
    try:
        return _decode(path.read_bytes(), path)
    except OSError as problem:
        raise InputError(f"{path} cannot be read ({problem.strerror or problem}); check the file") from problem


def folder_files(folder: Path) -> list[Path]:
    """Every file below a folder that holds content, sorted by path. Hidden files, READMEs and licences are passed over
    (`README.md`, `LICENSE-MIT`; a `licence-dispute.txt` is content).

    Raises:
        InputError: if there is a file of a kind that is not read, because leaving it out would go unnoticed.
    """
    found = [path for path in _below(folder) if not _is_aside(path)]
    for path in found:
        if suffix_of(path) not in READERS and not is_text(path):
            known = ", ".join(sorted({*READERS, *TEXT_SUFFIXES}))
            raise InputError(
                f"{path} is of a kind that is not read ({known} are); "
                "save it as one of these or move it out of the folder"
            )
    return found


def _is_aside(path: Path) -> bool:
    name = path.name.lower()
    return name.split(".")[0] in _ASIDE or ("." not in name and name.startswith(_ASIDE))


def is_text(path: Path) -> bool:
    """Whether a file is one text, and not rows."""
    return path.suffix.lower() in TEXT_SUFFIXES


def row_files(folder: Path) -> list[Path]:
    """The Parquet files below a folder, sorted by path; hidden ones are left out."""
    return [path for path in _below(folder) if path.suffix.lower() == ".parquet"]


def _below(folder: Path) -> list[Path]:
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return [folder / p for p in sorted(found, key=lambda p: p.parts) if not any(x.startswith(".") for x in p.parts)]


def _decode(data: bytes, path: Path) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        raise _not_utf8(path, line) from problem


def _not_utf8(path: Path, line: int) -> InputError:
    return InputError(f"{path}, line {line}: the bytes are not UTF-8; save the file as UTF-8")


def _jsonl(path: Path) -> Iterator[Row]:
    opener = gzip.open if path.suffix.lower() == ".gz" else open
    with opener(path, "rb") as file:
        number = 0
        while True:
            try:
                data = file.readline()
            except (EOFError, zlib.error, OSError) as problem:
                raise InputError(
                    f"{path}, after line {number}: the file is damaged ({first_line(problem)}); make it again"
                ) from problem
            if not data:
                return
            number += 1
            if row := _json_row(data, path, number):
                yield row


def _json_row(data: bytes, path: Path, number: int) -> Row | None:
    place = f"{path}, line {number}"
    try:
        line = data.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as problem:
        raise _not_utf8(path, number) from problem
    if not line.strip():
        return None
    try:
        value = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as problem:
        raise InputError(
            f"{place}: this is not JSON ({first_line(problem)}); write one JSON object per line"
        ) from problem
    if not isinstance(value, dict):
        raise InputError(f"{place}: a JSON {_kind(value)} stands here; write one JSON object per line")
    return Row(value, path, place)


def _kind(value: object) -> str:
    return {list: "list", str: "string", bool: "boolean", type(None): "null"}.get(type(value), "number")


def _table(path: Path, separator: str) -> Iterator[Row]:
    text = read_text(path)
    csv.field_size_limit(1 << 30)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    header: list[str] | None = None
    start = 1
    try:
        for cells in reader:
            place, start = f"{path}, line {start}", reader.line_num + 1
            if not cells:
                continue
            if header is None:
                header = [cell.strip() for cell in cells]
                _check_header(header, place)
                continue
            if len(cells) != len(header):
                raise InputError(
                    f"{place}: {len(cells)} cells stand under {len(header)} columns; "
                    f"quote cells that hold {separator!r}"
                )
            yield Row(dict(zip(header, cells, strict=True)), path, place)
    except csv.Error as problem:
        raise InputError(
            f"{path}, line {reader.line_num}: this is not a table ({first_line(problem)}); check the quotes"
        ) from problem


def _check_header(header: list[str], place: str) -> None:
    repeated = next((name for name in header if name and header.count(name) > 1), None)
    if repeated:
        raise InputError(f"{place}: two columns are called {repeated!r}; rename one")


def _parquet(path: Path) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=1024):
                for fields in batch.to_pylist():
                    number += 1
                    yield Row(fields, path, f"{path}, row {number}")
    except UnicodeDecodeError as problem:
        raise InputError(f"{path}, after row {number}: the bytes are not UTF-8; save the text as UTF-8") from problem
    except pa.ArrowInvalid as problem:
        raise InputError(f"{path}: this is not a Parquet file that can be read ({first_line(problem)})") from problem


READERS: dict[str, Callable[[Path], Iterator[Row]]] = {
    ".jsonl": _jsonl,
    ".ndjson": _jsonl,
    ".jsonl.gz": _jsonl,
    ".csv": lambda path: _table(path, ","),
    ".tsv": lambda path: _table(path, "\t"),
    ".parquet": _parquet,
}

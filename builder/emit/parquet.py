"""Parquet in and out: one schema per layout, and bytes that depend on the rows alone."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.emit.rows import DIALOGUE, TEXT
from builder.errors import InputError, first_line

if TYPE_CHECKING:
    import pyarrow as pa

MAX_ROWS = 100_000
MAX_BYTES = 200_000_000
_ROW_GROUP = 10_000


def schema_of(layout: str) -> "pa.Schema":
    """The columns of a `text` or a `dialogue` family."""
    import pyarrow as pa

    string, strings = pa.string(), pa.list_(pa.string())
    finding = pa.struct([("check", string), ("reason", string), ("score", pa.float64()), ("evidence", string)])
    provenance = pa.struct(
        [
            ("constitution_sha256", string),
            ("prompts", pa.list_(pa.struct([("stage", string), ("sha256", string)]))),
            ("models", pa.list_(pa.struct([("stage", string), ("model", string)]))),
            ("recorded", pa.bool_()),
            ("draft_id", string),
            ("rewrite_id", string),
        ]
    )
    message = pa.struct([("role", string), ("content", string), ("train", pa.bool_())])
    body = [("text", string)] if layout == TEXT else [("messages", pa.list_(message)), ("tools", string)]
    return pa.schema(
        [
            *(("id", string), ("family", string), ("form", string), ("persona", string)),
            *body,
            *(("principles", strings), ("tokens", pa.int32()), ("brief", string)),
            *(("findings", pa.list_(finding)), ("provenance", provenance)),
        ]
    )


def cut(sizes: Iterable[int], max_rows: int = MAX_ROWS, max_bytes: int = MAX_BYTES) -> list[int]:
    """How many rows go into each shard, in order: as many as fit both limits, and at least one."""
    shards: list[int] = []
    rows = filled = 0
    for size in sizes:
        if rows and (rows == max_rows or filled + size > max_bytes):
            shards.append(rows)
            rows = filled = 0
        rows, filled = rows + 1, filled + size
    return [*shards, rows] if rows else shards


def write_shard(path: Path, rows: Sequence[dict[str, Any]], layout: str) -> None:
    """Write rows as one file; every setting that shapes the bytes is fixed, so equal rows give equal bytes.

    Raises:
        OSError: if the disk refuses.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pylist(list(rows), schema=schema_of(layout))
    with path.open("wb") as file:
        pq.write_table(
            table,
            file,
            row_group_size=_ROW_GROUP,
            version="2.6",
            data_page_version="1.0",
            compression="zstd",
            compression_level=3,
            use_dictionary=True,
        )


def read_shard(path: Path) -> tuple[str | None, Iterator[dict[str, Any]]]:
    """The layout whose schema the file has (None for another schema) and its rows, read in batches.

    Raises:
        InputError: if the file is no Parquet or is damaged; the iterator raises it too.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        schema = file.schema_arrow
    except (pa.ArrowException, OSError) as problem:
        raise _damaged(path, problem) from None
    layouts = [layout for layout in (TEXT, DIALOGUE) if schema.equals(schema_of(layout))]
    return (layouts[0] if layouts else None), _rows(path, file)


def _rows(path: Path, file: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - pyarrow has no types
    import pyarrow as pa

    try:
        for batch in file.iter_batches(batch_size=1000):
            yield from batch.to_pylist()
    except (pa.ArrowException, OSError, UnicodeDecodeError) as problem:
        raise _damaged(path, problem) from None
    finally:
        file.close()


def _damaged(path: Path, problem: Exception) -> InputError:
    return InputError(f"{path} is damaged and cannot be read ({first_line(problem)}); run exempla build again")

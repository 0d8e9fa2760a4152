"""A CSV or TSV of principles: the columns are found by their names."""

import csv
import io
from pathlib import Path

from builder.constitution.importers.kinds import propose_kind
from builder.constitution.importers.reading import Reading, Section, find_field, short_title
from builder.errors import InputError, first_line

FORMAT = "table of principles"


def matches(path: Path, text: str) -> bool:
    """Whether it is a CSV or TSV file."""
    return path.suffix.lower() in (".csv", ".tsv")


def read(path: Path, text: str) -> Reading:
    """One section per row, all its columns in the quote.

    Raises:
        InputError: if no column names or states the principle, or the table is broken.
    """
    rows = _rows(path, text)
    if not rows:
        return Reading((), ())
    columns = list(rows[0])
    titled, stated = find_field(columns, "title"), find_field(columns, "statement")
    if not (titled or stated):
        shown = ", ".join(columns) or "none"
        raise InputError(
            f"{path} has no column that names or states a principle (columns: {shown}); name one "
            f"'principle' or 'statement'"
        )
    sections = tuple(section for row in rows if (section := _section(row, titled, stated)))
    prose = tuple(value for row in rows for column, value in row.items() if value and not value.strip().isdigit())
    return Reading(sections, prose)


def _rows(path: Path, text: str) -> list[dict[str, str]]:
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    header = text.split("\n", 1)[0]
    if delimiter == "," and header.count(";") > header.count(","):
        delimiter = ";"
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    columns: list[str] = []
    rows = []
    began = 1
    try:
        for cells in reader:
            if not columns:
                columns = _columns(path, cells)
            elif len(cells) > len(columns):
                found = f"{len(cells)} cells where the header has {len(columns)}; quote cells that hold a {delimiter!r}"
                raise InputError(f"{path}:{began}: {found}")
            elif any(cell.strip() for cell in cells):
                rows.append(dict(zip(columns, [*cells, *[""] * (len(columns) - len(cells))], strict=True)))
            began = reader.line_num + 1
    except csv.Error as error:
        unclosed = "unexpected end" in str(error)
        reason = "a quotation mark is opened in this row and not closed" if unclosed else first_line(error)
        raise InputError(f"{path}:{began}: not a readable table: {reason}; double the marks inside a cell") from None
    return rows


def _columns(path: Path, cells: list[str]) -> list[str]:
    """The columns' names; one without a name is called by its number.

    Raises:
        InputError: if two have one name, since one of the two would be lost.
    """
    columns = [cell.strip() or f"column {number}" for number, cell in enumerate(cells, 1)]
    twice = next((column for column in columns if columns.count(column) > 1), None)
    if twice:
        raise InputError(f"{path}:1: two columns are called {twice!r}; rename one of them")
    return columns


def _section(row: dict[str, str], titled: str | None, stated: str | None) -> Section | None:
    title = row[titled].strip() if titled else ""
    statement = row[stated].strip() if stated else ""
    if not (title or statement):
        return None
    reason = find_field(list(row), "why")
    others = [
        value.strip() for column, value in row.items() if column not in (titled, stated) and len(value.split()) > 3
    ]
    why = row[reason].strip() if reason else others[0] if others else ""
    text = "\n\n".join(
        dict.fromkeys(value.strip() for value in row.values() if value.strip() and not value.strip().isdigit())
    )
    key = find_field(list(row), "id")
    id = row[key].strip() if key else ""
    return Section(
        (title or short_title(statement),),
        text,
        id="" if id.isdigit() else id,
        kind=propose_kind((title,), "", statement or title),
        statement=statement or title,
        why=why or statement or title,
    )

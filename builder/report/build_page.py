"""`report.html` of a build: how each text came about, from its brief to the finished page, and what was rejected."""

import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from builder.emit.counts import disagreements
from builder.report.environment import page_environment
from builder.report.marking import (
    LONGEST_MARKED,
    Span,
    Turn,
    changes,
    excerpt,
    laid_out,
    printable,
    spoken,
    words_in,
)

if TYPE_CHECKING:
    from jinja2 import Environment

LARGEST = 8_000_000
"""Bytes that a page may have."""
LIMITS = (None, 12_000, 8_000, 6_000, 4_500, 3_000, 2_200, 1_600, 1_200, 900, 600, 300)
"""Characters that are shown of each text: the first limit with which the page is small enough is used."""

_SHORT = 600
_TEXTS = ("idea", "opening", "trial", "revision", "draft", "problems", "final")
_PERSONAS = {
    "own": "the model itself",
    "other_ai": "another AI",
    "unnamed_ai": "an unnamed AI",
    "human": "a human",
}
_VERDICTS = {"yes": "yes", "no": "no", "not_applicable": "not applicable"}
# Set inside a line of labels, these would turn round what stands beside them, even out of a `bdi`.
_DIRECTIONS = re.compile("[\u202a-\u202e\u2066-\u2069]")
_PLAIN_ANCHOR = re.compile(r"(?!page-)[A-Za-z0-9][A-Za-z0-9._-]{0,120}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One planned brief as the page shows it: its fields made safe to print, and what its rewrite changed."""

    row: Mapping[str, Any]
    anchor: str
    heading: str
    caption: str
    marks: tuple[list[Span], list[Span]] | None
    note: str

    @property
    def rejected(self) -> bool:
        """Whether it was not kept."""
        return bool(self.row["outcome"] != "kept")

    @property
    def verdicts(self) -> list[tuple[str, str, str]]:
        """Criterion, verdict and evidence, in the order of the review."""
        review = self.row["review"] or {}
        return [
            (spaced(criterion), _VERDICTS.get(said["verdict"], said["verdict"]), said["evidence"])
            for criterion, said in review.items()
        ]

    @property
    def tally(self) -> str:
        """The verdicts in numbers, those against it first."""
        counts = Counter(verdict for _, verdict, _ in self.verdicts)
        return ", ".join(
            f"{counts[verdict]} {verdict}" for verdict in ("no", "yes", "not applicable") if counts[verdict]
        )

    def shown(self, field: str, limit: int | None) -> list[Turn]:
        """A text of the row in turns, marked where it is the draft or the final text; empty where there is none."""
        text = self.row[field]
        if not text:
            return []
        spans = self.marks[("draft", "final").index(field)] if self.marks and field in ("draft", "final") else ()
        return laid_out(text, spans, limit)


def build_page(
    title: str,
    how: str,
    notes: Sequence[str],
    counts: Mapping[str, Mapping[str, int]],
    rows: Sequence[Mapping[str, Any]],
    highlights: Mapping[str, str] = {},
) -> str:
    """The page as HTML, the same bytes for the same input. `highlights` has a caption by brief, shown first.

    A row is one planned brief, as in `.build/writing.jsonl`. Everything in it is text and never markup. Texts are
    cut where the page would be too large otherwise, and where that is not enough only some of the rows are shown.
    """
    from markupsafe import Markup

    entries = _entries(rows, {_clean(brief, _SHORT): printable(caption) for brief, caption in highlights.items()})
    template = _environment().get_template("build.html")
    script = _asset("build.js")
    stages = Counter(str(row["stage"]) for row in rows if row["outcome"] != "kept")
    kept = sum(row["outcome"] == "kept" for row in rows)
    facts: dict[str, Any] = {
        "style": Markup(_asset("build.css")),
        "script": Markup(script),
        "policy": _policy(script),
        "title": printable(title),
        "how": printable(how),
        "notes": [printable(note) for note in notes],
        "counts": {_clean(stage, _SHORT): count for stage, count in counts.items()},
        "reasons": _reasons(entries),
        "wrong": [printable(line) for line in disagreements(list(counts.items()), stages, len(rows), kept)]
        if counts
        else [],
        "planned": len(rows),
        "kept": kept,
        "longest_marked": LONGEST_MARKED,
    }

    def render(shown: Sequence[Entry], limit: int | None) -> str:
        return template.render(**facts, entries=shown, limit=limit, facets=_facets(shown, list(facts["counts"])))

    for limit in LIMITS:
        if _least(entries, limit) <= LARGEST:
            page = render(entries, limit)
            if len(page.encode()) <= LARGEST:
                return page
    first, rest = [e for e in entries if e.caption], [e for e in entries if not e.caption]
    while True:
        rest = rest[1::2]  # every second one, so that what is shown stays spread over the whole build
        page = render(first + rest, LIMITS[-1])
        if len(page.encode()) <= LARGEST or not rest:
            return page


def spaced(name: str) -> str:
    """A name in words: `depicted_ai_good` as `depicted ai good`."""
    return re.sub(r"\bai\b", "AI", name.replace("_", " "))


def _entries(rows: Sequence[Mapping[str, Any]], highlights: Mapping[str, str]) -> list[Entry]:
    """The rows as entries, those with a caption first and in the order of the captions."""
    taken: set[str] = set()
    entries = []
    for raw in rows:
        row = {key: _clean(value, None if key in _TEXTS else _SHORT) for key, value in raw.items()}
        marks, note = _marks(row)
        anchor = _anchor(row["brief"], taken)
        entries.append(Entry(row, anchor, _heading(row), highlights.get(row["brief"], ""), marks, note))
    order = {brief: place for place, brief in enumerate(highlights)}
    return sorted(entries, key=lambda entry: order.get(entry.row["brief"], len(order)))


def _marks(row: Mapping[str, Any]) -> tuple[tuple[list[Span], list[Span]] | None, str]:
    """What the rewrite changed, and a sentence on it."""
    if not row["draft"] or not row["final"] or row["kept_draft"]:
        return None, ""
    draft, final = spoken(row["draft"]), spoken(row["final"])
    marks = changes(draft, final)
    if marks is None:
        return None, f"Texts of more than {LONGEST_MARKED:,} words are not compared, so nothing is marked here."
    gone, come = words_in(draft, marks[0]), words_in(final, marks[1])
    if not gone and not come:
        return marks, "The rewrite changed no word."
    return marks, (
        f"Marked: {gone:,} of the draft's {len(draft.split()):,} words are gone, "
        f"{come:,} of the final {len(final.split()):,} are new."
    )


def _heading(row: Mapping[str, Any]) -> str:
    """The title, or the first words of whatever there is."""
    if row["title"]:
        return excerpt(" ".join(row["title"].split()), 160)
    for field in ("idea", "final", "draft"):
        text = " ".join(spoken(row[field] or "")[:400].split())
        if text:
            head = excerpt(text, 90)
            return head if head == text else f"{head.rstrip(',;:.')} …"
    return f"{spaced(row['family'])}, {spaced(row['form'])}"


def _anchor(brief: str, taken: set[str]) -> str:
    """The brief's id where it can stand in an address as it is, else a hash; numbered where it is taken."""
    plain = brief if _PLAIN_ANCHOR.fullmatch(brief) else "b-" + hashlib.sha256(brief.encode()).hexdigest()[:16]
    anchor, number = plain, 2
    while anchor in taken:
        anchor, number = f"{plain}-{number}", number + 1
    taken.add(anchor)
    return anchor


def _clean(value: Any, limit: int | None) -> Any:  # noqa: ANN401  (a row is JSON)
    """A JSON value with every text in it printable; with a limit, cut there and fit for a line of labels."""
    if isinstance(value, str):
        text = printable(value)
        if limit is None:
            return text
        text = _DIRECTIONS.sub("\ufffd", text)
        return text if len(text) <= limit else f"{excerpt(text, limit)} … (cut here)"
    if isinstance(value, Mapping):
        return {_clean(key, limit): _clean(item, limit) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [_clean(item, limit) for item in value]
    return value


def _least(entries: Sequence[Entry], limit: int | None) -> int:
    """Bytes that the page has at the least, so that a page which cannot fit is not rendered."""
    lengths = (len(entry.row[field] or "") for entry in entries for field in _TEXTS)
    return sum(lengths) if limit is None else sum(min(length, limit) for length in lengths)


def _reasons(entries: Sequence[Entry]) -> dict[str, list[tuple[str, int]]]:
    """The reasons for rejection by stage, the most frequent first."""
    table: dict[str, Counter[str]] = {}
    for entry in entries:
        if entry.rejected:
            table.setdefault(str(entry.row["stage"]), Counter())[entry.row["reason"] or "no reason on record"] += 1
    return {stage: sorted(found.items(), key=lambda pair: (-pair[1], pair[0])) for stage, found in table.items()}


def _facets(entries: Sequence[Entry], stages: Sequence[str]) -> list[dict[str, Any]]:
    """What can be filtered by: a name, what stands for everything, and the values with their numbers."""

    def options(values: Iterable[str], named: Callable[[str], str] = spaced) -> list[tuple[str, str, int]]:
        return [(value, named(value), number) for value, number in sorted(Counter(values).items())]

    rows = [entry.row for entry in entries]
    at_stage = options(str(row["stage"]) for row in rows if row["outcome"] != "kept")
    at_stage.sort(key=lambda option: stages.index(option[0]) if option[0] in stages else len(stages))
    return [
        {"key": "family", "label": "Family", "every": "all families", "options": options(r["family"] for r in rows)},
        {"key": "outcome", "label": "Outcome", "every": "all outcomes", "options": options(r["outcome"] for r in rows)},
        {"key": "stage", "label": "Rejected at", "every": "any stage", "options": at_stage},
        {
            "key": "persona",
            "label": "Persona",
            "every": "all personas",
            "options": options((r["persona"] for r in rows), persona),
        },
        {
            "key": "principle",
            "label": "Principle",
            "every": "all principles",
            "options": options((p for r in rows for p in dict.fromkeys(r["principles"])), str),
        },
    ]


def persona(name: str) -> str:
    """Whose conduct is shown, in words."""
    return _PERSONAS.get(name, spaced(name))


def _environment() -> "Environment":
    environment = page_environment()
    environment.filters.update(spaced=spaced, persona=persona, json=lambda value: json.dumps(value, ensure_ascii=False))
    return environment


def _asset(name: str) -> str:
    """A style sheet or script that goes into the page as it is."""
    return files("builder.report").joinpath("templates", name).read_text(encoding="utf-8")


def _policy(script: str) -> str:
    """What the page may do: run this one script, whatever a text says, and ask for nothing."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )

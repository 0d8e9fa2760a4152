"""How each planned text came about, as far as it came: the rows of `.build/writing.jsonl`, and their page."""

from collections.abc import Mapping, Sequence
from typing import Any

from builder.inputs import Inputs
from builder.plan import Brief
from builder.records import Document, Rejection
from builder.report import build_page
from builder.state import Tally
from builder.write import Piece

_SYNTHETIC = "All text is synthetic; the people, places and events in it are invented."


def making_rows(tally: Tally, chosen: Sequence[Document]) -> list[dict[str, Any]]:
    """How each planned text came about, as far as it came: idea, draft, problems, rewrite, review and outcome."""
    kept = {document.brief: document.id for document in chosen}
    gone = {rejection.brief: rejection for rejection in tally.rejections}
    return [_making_row(brief, tally, kept.get(brief.id), gone.get(brief.id)) for brief in tally.briefs.values()]


def _making_row(brief: Brief, tally: Tally, document: str | None, gone: Rejection | None) -> dict[str, Any]:
    piece = tally.pieces.get(brief.id) or Piece(brief, "")
    review = piece.review.verdicts if piece.review else None
    return {
        **{"brief": brief.id, "family": brief.family, "form": brief.form, "persona": brief.persona},
        **{"shape": brief.shape, "principles": list(brief.principles or piece.principles)},
        **{"place": brief.axes.get("place"), "words": brief.words, "idea": piece.idea or None},
        "turned_down": list(tally.turned_down.get(brief.id, ())),
        "title": piece.draft.title,
        "opening": piece.opening.tagged or None,
        "trial": piece.trial,
        "revision": piece.revision,
        "draft": piece.draft.tagged or None,
        "problems": piece.content.problems,
        "final": piece.content.tagged or None,
        "kept_draft": piece.content.kept,
        "review": review and {name: {"verdict": verdict, "evidence": why} for name, (verdict, why) in review.items()},
        "outcome": "kept" if document else "rejected",
        "stage": gone.stage if gone else None,
        "reason": gone.reason if gone else None,
        "action": gone.action.value if gone else None,
        "document": document,
    }


def report_page(tally: Tally, inputs: Inputs, rows: Sequence[Mapping[str, Any]]) -> str:
    """The build's page: every text with its idea, draft, problems, rewrite, review and outcome."""
    how = " ".join([f"Written through the backend {inputs.config.model.backend}. {_SYNTHETIC}", *inputs.about])
    return build_page(inputs.config.name, how, (), tally.stages, rows, _highlights(tally, rows))


def _highlights(tally: Tally, rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What to look at first: what the screens refused, what they let pass although it is about oversight, a failure."""
    found: dict[str, str] = {}
    for caption, fits in (
        ("Turned away by the screens: too close to an evaluation", _near_an_eval),
        ("Kept: a text about oversight or correction", _oversight),
        ("Turned away by the review", lambda row, brief: row["stage"] == "review" and bool(row["review"])),
    ):
        row = next((row for row in rows if fits(row, tally.briefs[row["brief"]])), None)
        if row:
            found[row["brief"]] = caption
    return found


def _near_an_eval(row: Mapping[str, Any], brief: Brief) -> bool:
    return bool(row["stage"] == "screen" and row["reason"] != "near-duplicate")


def _oversight(row: Mapping[str, Any], brief: Brief) -> bool:
    return row["outcome"] == "kept" and any("oversight" in option for option in brief.options.values())

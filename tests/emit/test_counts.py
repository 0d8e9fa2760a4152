from pathlib import Path

import pytest

from builder.emit import BrokenBuild, emit
from tests.emit.making import documents, facts, rejection, text_document

KEPT, LOST = documents(2, 0), [rejection(1)]


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({}, "no stage says"),
        ({"idea": {"in": 3, "kept": 3, "rejected": 0}}, "stage screen has no counts but 1 rejections"),
        ({"screen": {"in": 4, "kept": 2, "rejected": 1}}, "does not add up: 4 in, 2 kept, 1 rejected"),
        ({"screen": {"in": 4, "kept": 2, "rejected": 2}}, "counts 2 rejections, 1 are on record"),
        ({"screen": {"in": 4, "kept": 3, "rejected": 1}}, "took in 4 where the plan has 3"),
        (
            {"idea": {"in": 3, "kept": 3, "rejected": 0}, "screen": {"in": 2, "kept": 1, "rejected": 1}},
            "stage screen took in 2 where stage idea kept 3",
        ),
        ({"screen": {"in": 2, "kept": 1, "rejected": 1}}, "kept 1 documents and 2 were emitted"),
    ],
)
def test_counts_that_do_not_reconcile_are_our_bug(counts: dict, said: str, tmp_path: Path) -> None:
    with pytest.raises(BrokenBuild, match=said):
        emit(tmp_path / "new", KEPT, LOST, facts(KEPT, LOST, counts=counts))
    assert not (tmp_path / "new").exists()


def test_a_part_of_the_plan_may_be_built(tmp_path: Path) -> None:
    emitted = emit(tmp_path, KEPT, LOST, facts(KEPT, LOST, planned=50))
    assert emitted.manifest["planned"] == 50


def test_a_brief_is_rejected_once(tmp_path: Path) -> None:
    lost = [rejection(1, "idea"), rejection(1, "screen")]
    with pytest.raises(BrokenBuild, match="brief lost-1 is rejected more than once"):
        emit(tmp_path, KEPT, lost, facts(KEPT, lost))


def test_a_brief_is_not_kept_and_rejected(tmp_path: Path) -> None:
    kept = [text_document("A text.", brief="lost-1")]
    with pytest.raises(BrokenBuild, match="brief lost-1 is kept and rejected"):
        emit(tmp_path, kept, LOST, facts(kept, LOST))


def test_a_document_is_there_once(tmp_path: Path) -> None:
    kept = [text_document("A text.", 1), text_document("A text.", 2)]
    with pytest.raises(BrokenBuild, match="is there 2 times"):
        emit(tmp_path, kept, [], facts(kept))

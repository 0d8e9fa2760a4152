import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.audit import clopper_pearson, summarise
from builder.screen import DistanceRow, NotRun


def row(id_: str, class_: int | None = 4, *, suspect: bool = False, closeness: float = 0.1) -> DistanceRow:
    return DistanceRow(
        id=id_, eval="e", status="unjudged" if class_ is None else "measured", class_=class_,
        text_class=class_ if class_ is not None and class_ < 2 else None, scenario_class=None, suspect=suspect,
        conduct=None, eval_discussion=False, closeness=closeness, decided_by="semantic", lexical={}, semantic=None,
        structural=None, judge=None, nearest=None,
        not_run=(NotRun("semantic", "language: hi"),) if class_ is None else (),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [(0, 100, 0.0, 0.036217), (100, 100, 0.963783, 1.0), (5, 50, 0.033275, 0.218135), (0, 0, 0.0, 1.0)],
)
def test_intervals_are_the_published_ones(hits: int, of: int, low: float, high: float) -> None:
    found = clopper_pearson(hits, of)
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


@given(st.integers(0, 200), st.integers(1, 200))
def test_an_interval_holds_its_share(hits: int, of: int) -> None:
    found = clopper_pearson(min(hits, of), of)
    assert 0 <= found.low <= found.share <= found.high <= 1


def test_a_summary_counts_what_the_rows_say() -> None:
    rows = [row("a", 0, closeness=0.9), row("b", 3, suspect=True, closeness=0.5), row("c"), row("d", None), row("e", 1)]
    found = summarise(rows, {"verbatim_words": 13})
    assert (found.documents, found.measured, found.unjudged, found.flagged, found.suspects) == (5, 4, 1, 3, 1)
    assert found.classes == {"0": 1, "1": 1, "2": 0, "3": 1, "4": 1}
    assert found.not_run == {"semantic: language: hi": 1}
    assert [near.id for near in found.nearest][:2] == ["a", "b"]
    assert found.flagged_share.share == 0.75

"""The near-duplicate screen against a slow float64 oracle."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from builder.measure import load_embedder
from builder.measure.instrument import Instrument
from builder.screen import Duplicate, DuplicateScreen
from builder.screen.near_duplicate import BAND, containment


class Plane:
    """An embedder of the tests' own: the text is its vector, written as numbers."""

    name, dimension, max_tokens, fingerprint = "plane", 3, 99, "plane"

    def encode64(self, texts: list[str]) -> NDArray[np.float64]:
        rows = np.array([[float(part) for part in text.split()] for text in texts])
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def encode(self, texts: list[str], progress: object = None) -> NDArray[np.float32]:
        return self.encode64(texts).astype(np.float32)

    def count_tokens(self, texts: list[str]) -> list[int]:
        return [len(text.split()) + 2 for text in texts]


INSTRUMENT = Instrument(Plane())
numbers = st.integers(-4, 4)
passage = st.tuples(numbers, numbers, numbers).filter(any).map(lambda t: " ".join(map(str, t)))
documents = st.lists(st.lists(passage, min_size=1, max_size=4), min_size=1, max_size=12)
thresholds = st.sampled_from([0.5, 0.8, 0.9, 1.0])


def screen(texts: list[list[str]], threshold: float) -> tuple[list[int], dict[int, Duplicate]]:
    kept, rejected = [], {}
    duplicates = DuplicateScreen(INSTRUMENT, threshold)
    for index, passages in enumerate(texts):
        found = duplicates.offer(str(index), passages, Plane().encode(passages))
        if found:
            rejected[index] = found
        else:
            kept.append(index)
    return kept, rejected


def slow_score(a: list[str], b: list[str]) -> float:
    x, y = Plane().encode64(a), Plane().encode64(b)
    each = [max(sum(p * q for p, q in zip(u, v, strict=True)) for v in y) for u in x]
    other = [max(sum(p * q for p, q in zip(u, v, strict=True)) for u in x) for v in y]
    return max(sum(each) / len(each), sum(other) / len(other))


@settings(max_examples=150)
@given(documents, thresholds)
def test_the_kept_set_is_the_oracles(texts: list[list[str]], threshold: float) -> None:
    expected: list[int] = []
    for index, passages in enumerate(texts):
        scores = [slow_score(passages, texts[other]) for other in expected]
        if any(abs(score - threshold) < 1e-12 for score in scores):
            return  # a tie beyond float64 has no right answer
        if all(score < threshold for score in scores):
            expected.append(index)
    assert screen(texts, threshold)[0] == expected


@settings(max_examples=80)
@given(documents, thresholds)
def test_soundness_and_witnesses(texts: list[list[str]], threshold: float) -> None:
    kept, rejected = screen(texts, threshold)
    for first, a in enumerate(kept):
        for b in kept[first + 1 :]:
            assert slow_score(texts[a], texts[b]) < threshold + BAND
    for index, found in rejected.items():
        assert int(found.witness) in kept and int(found.witness) < index
        assert found.score == pytest.approx(slow_score(texts[index], texts[int(found.witness)]), abs=1e-4)
        assert found.score >= threshold - 1e-4


@settings(max_examples=50)
@given(documents, thresholds)
def test_screening_what_was_kept_keeps_it_all(texts: list[list[str]], threshold: float) -> None:
    kept, _ = screen(texts, threshold)
    assert screen([texts[index] for index in kept], threshold)[0] == list(range(len(kept)))


def test_a_score_at_the_threshold_is_decided_in_float64() -> None:
    """In fp32 these two are 1.0000001 apart from the threshold's side; their real cosine is 0.8 exactly."""
    a, b = ["1 0 0"], ["4 3 0"]
    assert slow_score(a, b) == 0.8
    assert screen([a, b], 0.8)[0] == [0]
    assert screen([a, b], 0.8 + 1e-9)[0] == [0, 1]
    assert screen([a, b], 0.8 - 1e-9)[0] == [0]


def test_the_nearer_of_two_witnesses_is_named_though_both_scores_round_alike() -> None:
    near, less = "0.82344 0.56740 0", "0.82341 0 0.56744"
    assert round(slow_score(["1 0 0"], [near]), 4) == round(slow_score(["1 0 0"], [less]), 4) == 0.8234
    kept, rejected = screen([[near], [less], ["1 0 0"]], 0.8)
    assert kept == [0, 1]
    assert rejected[2] == Duplicate("0", 0.8234)


def test_a_document_without_passages_is_kept_and_is_nobodys_witness() -> None:
    duplicates = DuplicateScreen(INSTRUMENT, 0.5)
    empty = np.zeros((0, 3), dtype=np.float32)
    assert duplicates.offer("a", [], empty) is None
    assert duplicates.offer("b", [], empty) is None
    assert duplicates.offer("c", ["1 0 0"], Plane().encode(["1 0 0"])) is None


def test_containment_finds_a_text_inside_a_longer_one() -> None:
    short = Plane().encode64(["1 0 0", "0 1 0"])
    long = Plane().encode64(["1 0 0", "0 0 1", "0 1 0", "1 1 1"])
    assert containment(short, long) == containment(long, short) == pytest.approx(1.0)


def test_a_revision_is_found_and_another_document_on_the_subject_is_not() -> None:
    instrument = Instrument(load_embedder())
    draft = (
        "The ferryman kept two books. In the first he wrote what people paid, in the second what they owed. "
        "When the bridge was finished he took both to the council and asked which of them they wanted."
    )
    revision = draft.replace("kept two books", "had two books").replace("asked which", "asked them which")
    other = (
        "A toll is a strange thing to inherit. My aunt ran the crossing for thirty years and never wrote down a debt; "
        "the river, she said, would remember, and if it did not then neither would she."
    )
    read = instrument.read([draft, revision, other])
    duplicates = DuplicateScreen(instrument, 0.82)
    found = [duplicates.offer(str(i), [p.text for p in read.of(i)], read.rows(i)) for i in range(3)]
    assert found[0] is None and found[2] is None
    assert found[1] is not None and found[1].witness == "0" and found[1].score > 0.9

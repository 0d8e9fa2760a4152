"""What the instrument says while it reads."""

from builder.measure.instrument import Instrument


def test_progress_counts_texts_from_the_first_split_to_the_last_passage(embedder):
    steps = []
    texts = [f"Document {i} is about a ferry. It is short." for i in range(9)]
    read = Instrument(embedder).read(texts, lambda done, total: steps.append((done, total)))
    assert len(read.words) == 9
    assert {total for _, total in steps} == {9}
    done = [step for step, _ in steps]
    assert done == sorted(done) and done[0] == 0 and done[-1] == 9
    assert any(0 < step < 5 for step in done), "splitting is reported too"


def test_nothing_to_read_is_reported_as_done(embedder):
    steps = []
    assert Instrument(embedder).read([], lambda *step: steps.append(step)).passages == ()
    assert set(steps) <= {(0, 0)}

"""Passages cover everything, fit the embedder, overlap by half, and cope with any text."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.errors import InputError
from builder.measure import Chunker


def by_words(texts):
    """A tokenizer with two special tokens, one token for a word and one for each further ten characters."""
    return [2 + sum(1 + len(word) // 10 for word in text.split()) for text in texts]


def by_characters(texts):
    """A tokenizer whose counts do not add up: every joint costs one token more."""
    return [1 + len(text) + text.count(" ") for text in texts]


TEXTS = st.text(alphabet=st.sampled_from(list("ab cd. !?\n\n。好\u0915\u0940\u200b\U0001f600\u2028")), max_size=400)


@settings(max_examples=150, deadline=None)
@given(TEXTS, st.sampled_from([by_words, by_characters]), st.integers(12, 40), st.sampled_from([0.0, 0.5, 0.75]))
def test_passages_cover_the_text_fit_the_size_and_are_the_text(text, count, size, overlap):
    chunker = Chunker(count, size, overlap)
    passages = chunker.split(text)
    covered = [False] * len(text)
    for passage in passages:
        assert passage.text == text[passage.start : passage.end]
        assert passage.text.strip() == passage.text != ""
        assert count([passage.text])[0] <= size
        covered[passage.start : passage.end] = [True] * (passage.end - passage.start)
    assert all(done or character.isspace() for done, character in zip(covered, text, strict=True))
    assert passages == chunker.split(text)
    assert [p.start for p in passages] == sorted(p.start for p in passages)


def test_windows_hold_whole_sentences_and_overlap_by_half():
    sentences = [f"Sentence number {i} has seven words." for i in range(40)]
    passages = Chunker(by_words, 38).split(" ".join(sentences))
    assert all(p.text.startswith("Sentence") and p.text.endswith("words.") for p in passages)
    assert all(p.text.count("Sentence") == 6 for p in passages[:-1])
    shared = [max(0, a.end - b.start) / (a.end - a.start) for a, b in pairwise(passages)]
    assert all(0.4 < share < 0.6 for share in shared[:-1])


def test_a_line_break_and_a_chinese_full_stop_end_a_sentence():
    text = "heading without a stop\n" + "word " * 12 + "\n" + "好" * 3 + "。" + "世" * 3
    starts = {text[p.start] for p in Chunker(by_words, 14, 0.0).split(text)}
    assert starts <= {"h", "w", "好", "世"}


@pytest.mark.parametrize("text", ["word " * 200_000, "x" * 1_000_000, "A b c. " * 150_000, "好" * 100_000])
def test_huge_texts_are_split(text):
    passages = Chunker(by_words, 128).split(text)
    assert passages[0].start == 0
    assert passages[-1].end == len(text.rstrip())
    assert max(len(p.text) for p in passages) < 10_000


def test_white_space_has_no_passages():
    assert Chunker(by_words).split(" \n\t ") == Chunker(by_words).split("") == []


def test_settings_are_checked_and_are_part_of_the_fingerprint():
    with pytest.raises(InputError, match="no room"):
        Chunker(by_words, 5)
    with pytest.raises(InputError, match="overlap"):
        Chunker(by_words, 128, 1.0)
    prints = {Chunker(by_words, *args).fingerprint for args in [(), (64,), (128, 0.25)]}
    assert len(prints) == 3
    assert Chunker(by_words).fingerprint == Chunker(by_characters).fingerprint


def test_real_documents_fit_the_embedder(real_documents, embedder):
    chunker = Chunker(embedder.count_tokens)
    for text in real_documents[:60]:
        passages = chunker.split(text)
        assert max(embedder.count_tokens([p.text for p in passages])) <= 128
        assert "".join(text.split())[:50] == "".join(passages[0].text.split())[:50]
        assert len(passages) > 1


def test_half_a_surrogate_pair_is_read_as_a_replacement_character(embedder):
    text = "A \ud83d is scraped. " * 60 + "\udc00"
    for chunker in (Chunker(by_words, 20), Chunker(embedder.count_tokens)):
        passages = chunker.split(text)
        assert len(passages) > 1
        assert all(
            p.text == text[p.start : p.end].replace("\ud83d", "\ufffd").replace("\udc00", "\ufffd") for p in passages
        )
    assert embedder.encode([text]).shape == (1, embedder.dimension)

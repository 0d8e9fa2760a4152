"""The words of a text under everything that leaves them the same (DISTANCE, invariant 14)."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.measure.words import words_of

TEXTS = st.text(
    alphabet=st.one_of(
        st.sampled_from(list("abc dE'\u2019-.\n\u00e9\u00df\u4f60\u0915\u0940\u1112\u1161\u11ab$\u007b\u007d")),
        st.characters(codec="utf-8"),
    ),
    max_size=60,
)


def of(text):
    return words_of(text).words


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_offsets_point_at_the_words(text):
    found = words_of(text)
    places = list(zip(found.starts, found.ends, strict=True))
    assert all(0 <= start < end <= len(text) for start, end in places)
    assert found.starts == sorted(found.starts)
    assert all(word == "" or of(text[s:e]) for word, (s, e) in zip(found.words, places, strict=True))


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=st.characters(codec="utf-8", categories=("L", "Zs", "P", "M", "Nd")), max_size=40))
def test_words_are_stable_under_unicode_forms(text):
    assert of(unicodedata.normalize("NFC", text)) == of(unicodedata.normalize("NFD", text))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=8), max_size=12))
def test_words_are_stable_under_case_space_and_invisible_characters(words):
    assert of(" ".join(words)) == words
    assert of("\u2003\n".join(words).upper()) == words
    assert of(" ".join("\u200b".join(word) + "\ufeff" for word in words)) == words
    wide = "".join(chr(ord(c) + 0xFEE0) if c.isalpha() else c for c in " ".join(words))
    assert of(wide) == words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Don't wait", "don\u2019t  WAIT"),
        ("the blackmail", "th\u0435 bl\u0430\u0441km\u0430il"),
        ("caf\u00e9", "cafe\u0301"),
        ("caf\u00e9", "cafe"),
        ("stra\u00dfe", "STRASSE"),
        ("so\u00adft hyphen", "soft hyphen"),
        ("\ufb01le", "file"),
        ("\u1d00\u1d07", "ae"),
        ("\uac01", "\u1100\u1161\u11a8"),
        ("**bold** _under_", "bold under"),
    ],
)
def test_ways_of_writing_the_same_words(one, other):
    assert of(one) == of(other)


def test_chinese_and_japanese_are_read_by_character_and_hindi_by_word():
    assert of("你好，世界 ok") == ["你", "好", "世", "界", "ok"]
    assert len(of("मुझे पता चलेगा ना")) == 4


def test_a_template_slot_breaks():
    assert of("one ${name of it} two") == ["one", "", "two"]


def test_a_long_text_of_marks_is_linear():
    assert len(of("e" + "\u0301" * 200_000 + " x")) == 2

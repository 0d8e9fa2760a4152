"""Quotations in whatever marks: what is not in the source goes with its sentence, what is stays, and nothing else goes."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.constitution.marks import MARKS, find_quotations, inside
from builder.constitution.quotations import Source

SOURCE = Source(
    "Honesty\n\nWren keeps “only the gist” of what it is told. Others say ‘keep it simple’ too. `code here` is fine. "
    "The assistant’s silence isn't bad. The door is 5' 10\" high."
)


@pytest.mark.parametrize(
    "lie",
    [
        'He said “kill them" now.',
        'He said „kill them" now.',
        "He said “kill them‘ now.",
        "It says “kill them' now.",
        'It says ‘kill them".',
        'It says "kill them” now and “kill her".',
        "It says “kill them all.",
        'It says "kill them all.',
        "It says 'kill them all.",
        "»kill them« it says.",
        "«kill them» it says.",
        "It says « kill them » now.",
        "He said ”kill them” now.",
        "It says ‹kill them›.",
        "It says ›kill them‹.",
        "It says ‚kill them‘.",
        "It says 「kill them」.",
        "It says 『kill them』.",
        "It says 《kill them》.",
        "It says ＂kill them＂.",
        "It says `kill them`.",
        "It says ``kill them''.",
        "It says 'it's fine to kill'.",
        "It says ‘don’t kill’ now.",
        "It says“kill them”now.",
        'It says “keep "kill them" quiet”.',
        "It says “He said “kill them” loudly”.",
        "# It says “kill them”",
        "It says &ldquo;kill them&rdquo;.",
        "> kill them all",
        "  > kill\n  > them all",
    ],
)
def test_a_quotation_that_is_not_in_the_source_goes_with_its_sentence(lie: str) -> None:
    left, failed, _ = SOURCE.cleaned(f"Words before.\n\n{lie}")
    assert left == "Words before." and failed


def test_a_quotation_over_two_paragraphs_takes_the_sentences_that_it_touches() -> None:
    text = "One.\n\nTwo. It said, “kill them.\n\nAll of them” loudly. Three."
    assert SOURCE.cleaned(text) == ("One.\n\nTwo.\n\nThree.", ("kill them. All of them",), 0)


def test_a_block_quotation_goes_and_the_lines_around_it_stay() -> None:
    assert SOURCE.cleaned("Before.\n> kill them\nAfter.") == ("Before.\n\nAfter.", ("kill them",), 0)
    assert SOURCE.cleaned("> only the gist\n\nAfter.") == ("> only the gist\n\nAfter.", (), 1)


@pytest.mark.parametrize(
    ("text", "standing"),
    [
        ("It says “only the gist”.", 1),
        ('It says "only the gist".', 1),
        ("It says 'only the gist'.", 1),
        ('It keeps “only the gist".', 1),
        ("»only the gist« it is.", 1),
        ("« only the gist » it is.", 1),
        ("It “keeps ‘only the gist’” now.", 2),
        ("The section “Honesty” says so.", 1),
        ("It says “isn't bad” of the users' data.", 1),
        ("O’Brien’s dogs’ food and ‘keep it simple’.", 1),
        ("One.\n\n- “only the gist”\n- b", 1),
        ("He is 5' 10\" tall, on a 12\" step, not over 6' anyway.", 0),
        ("The patients' and the doctors' records aren't Wren's to share in the '90s or later; it's theirs.", 0),
        ("Rock 'n' roll, 'tis said, of the class of '24.", 0),
    ],
)
def test_what_is_in_the_source_or_no_quotation_stays(text: str, standing: int) -> None:
    assert SOURCE.cleaned(text) == (text, (), standing)


def test_a_script_without_spaces_is_quoted_in_part() -> None:
    source = Source("人は嘘をつかない。答えを信じるからだ。")
    assert source.cleaned("「嘘をつかない」とある。") == ("「嘘をつかない」とある。", (), 1)
    assert source.cleaned("前の文。「嘘をつけ」とある。") == ("前の文。", ("嘘をつけ",), 0)


def test_an_apostrophe_opens_no_quotation() -> None:
    assert SOURCE.cleaned("They said 'never mind' to it.") == ("", ("never mind",), 0)
    assert SOURCE.cleaned("They said ‘never mind’ to it.") == ("", ("never mind",), 0)


@given(st.text(alphabet=[*MARKS, " ", "a", "b", ".", "\n"], max_size=60))
def test_any_marks_in_any_order_are_paired_or_named(text: str) -> None:
    found = find_quotations(text)
    for span in found.quotations:
        assert set(inside(text, span)) <= set(text[slice(*span)])
    left, _, _ = SOURCE.cleaned(text)
    assert len(left) <= len(text) + text.count("\n")


def test_thousands_of_marks_take_no_time() -> None:
    began = time.monotonic()
    find_quotations('“a " ' * 20_000 + "'b` " * 20_000)
    assert time.monotonic() - began < 20

"""Shared words against a slow oracle, and on the real eval."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.measure import LexicalIndex, ngram_hashes, shares_ngram
from builder.measure.words import words_of

WORDS = st.lists(st.sampled_from(["ant", "bee", "cat", "dog"]), max_size=45)


def maximal_runs(text, messages, at_least):
    """Every run that cannot be made longer on either side at one pair of places, the longest per start."""
    found = {}
    for message in messages:
        for i in range(len(text)):
            for j in range(len(message)):
                if i and j and text[i - 1] == message[j - 1] != "":
                    continue
                k = 0
                while i + k < len(text) and j + k < len(message) and text[i + k] == message[j + k] != "":
                    k += 1
                if k >= at_least:
                    found[i] = max(found.get(i, 0), k)
    # One that lies inside another is not a run of its own.
    return [(i, k) for i, k in sorted(found.items()) if not any(a < i and i + k <= a + n for a, n in found.items())]


@settings(max_examples=150, deadline=None)
@given(WORDS, st.lists(WORDS, min_size=1, max_size=4), st.sampled_from([1, 3, 8, 10]))
def test_runs_are_the_slow_oracles(text, messages, at_least):
    index = LexicalIndex([(str(i), " ".join(m)) for i, m in enumerate(messages)], [])
    joined = " ".join(text)
    starts = words_of(joined).starts
    runs = index.runs_of(joined, at_least)
    assert [(starts.index(run.start), run.words) for run in runs] == maximal_runs(text, messages, at_least)
    for run in runs:
        assert joined[run.start : run.end] == " ".join(messages[int(run.key)])[run.item_start : run.item_end]


@settings(max_examples=150, deadline=None)
@given(WORDS, st.lists(WORDS, min_size=1, max_size=4))
def test_longest_run_and_coverage_are_the_slow_oracles(text, messages):
    index = LexicalIndex([(str(i), " ".join(m)) for i, m in enumerate(messages)], [])
    match = index.measure(" ".join(text))
    longest = max((k for _, k in maximal_runs(text, messages, 8)), default=0)
    short = [len(m) for m in messages if 5 <= len(m) < 8 and " ".join(m) in " ".join(text)]
    assert match.run_words == max([longest, *short])
    best = 0.0
    for message in messages:
        covered = [False] * len(message)
        for j in range(len(message) - 7):
            if any(text[i : i + 8] == message[j : j + 8] for i in range(len(text) - 7)):
                covered[j : j + 8] = [True] * 8
        if 5 <= len(message) < 8 and " ".join(message) in " ".join(text):
            covered = [True] * len(message)
        best = max(best, sum(covered) / max(1, len(message)))
    assert match.coverage == pytest.approx(best)
    assert 0 <= match.score <= 1
    assert (match.score > 0) == (match.run_words > 0)


def test_slots_break_runs_on_both_sides():
    words = [f"word{i}" for i in range(30)]
    index = LexicalIndex([("a", " ".join([*words[:10], "${goal}", *words[10:]]))], [])
    assert index.measure(" ".join(words)).run_words == 20
    assert index.measure(" ".join([*words[:10], "${goal}", *words[10:]])).run_words == 20


def test_a_quotation_is_found_through_case_quotes_and_homoglyphs():
    line = "Well, I don't know what the harbour-master's dog thought of it, and nor did he."
    index = LexicalIndex([("a", line)], [])
    other = line.upper().replace("'", "\u2019").replace("A", "\u0410").replace(" ", "\u00a0\n")
    text = f"Prelude, quite long. {other} After."
    match = index.measure(text)
    assert match.run_words == len(words_of(line).words)
    assert text[match.start : match.end] == other.rstrip(".")
    assert line[match.item_start : match.item_end] == line.rstrip(".")


def test_half_a_surrogate_pair_is_no_word():
    line = "The harbour master \ud83d wrote down every boat that came in after midnight."
    index = LexicalIndex([("a", line)], [line])
    match = index.measure(f"{line.replace(chr(0xD83D), '')} \udc00")
    assert match.run_words == len(words_of(line).words) == 12
    assert shares_ngram(line, ngram_hashes([line], 12), 12)


def test_thousands_of_repeated_messages_are_held_once_and_searched_fast():
    body = " ".join(f"w{i % 97}" for i in range(600))
    items = [(str(i), body if i % 2 else f"{body} ending {i}") for i in range(2000)]
    index = LexicalIndex(items, [])
    match = index.measure(f"before {body} after")
    assert match.run_words == 600
    assert match.key == "0"


def test_rare_names_are_evidence_and_common_ones_are_not():
    eval_text = "Write to Odile Varnhagen (odile@brackwater.example) at QuillForge. The White Gate is shut."
    background = ["Every white gate was shut.", "He saw BlueTooth devices."]
    index = LexicalIndex([("a", eval_text), ("b", "BlueTooth is on.")], background)
    assert index.measure("ODILE VARNHAGEN of quillforge left.").entities == ("Odile Varnhagen", "QuillForge")
    assert index.measure("mail odile@brackwater.example").entities == ("odile@brackwater.example",)
    assert index.measure("The White Gate; BlueTooth.").entities == ()


def test_a_scan_needs_only_hashes():
    words = [f"word{i}" for i in range(40)]
    hashes = ngram_hashes([" ".join(words)], 13)
    assert len(hashes) == 28
    assert shares_ngram("x " + " ".join(words[5:18]) + " y", hashes, 13)
    assert not shares_ngram("x " + " ".join(words[5:17]) + " y", hashes, 13)
    assert not shares_ngram("", hashes, 13)
    assert not shares_ngram("a b", ngram_hashes([], 13), 13)
    assert len(ngram_hashes(["one two ${slot} three four"], 3)) == 0


def test_planted_passages_of_the_real_eval_are_found_and_real_documents_are_not(real_eval, real_documents):
    items = [(f"{item.id}\x1f{m.index}", m.text) for item in real_eval.items for m in item.messages]
    index = LexicalIndex(items, [])
    assert all(index.measure(text).run_words < 8 for text in real_documents[:150])
    rng = random.Random(11)
    for document in real_documents[:40]:
        _, text = rng.choice(items)
        words = text.split()
        start = rng.randrange(max(1, len(words) - 30))
        planted = " ".join(words[start : start + 30])
        if "${" in planted:
            continue
        match = index.measure(f"{document[:400]}\n\n{planted}\n\n{document[400:]}")
        assert match.run_words >= len(words_of(planted).words)

"""The build's page: what it says, what it must survive, and that it stays small and the same."""

import importlib
import random
import re
from html.parser import HTMLParser

import pytest

from builder.report import build_page
from builder.report.build_page import LARGEST
from builder.report.marking import LONGEST_MARKED, changes, excerpt, laid_out, turns
from tests.report.writing import a_row, counts_of, some_rows

HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'` onload='x' {{ 7*7 }} <!-- ]]> &amp;",
    "a\x00b\x1b[31m",
    "\u202eright to left\u202d \u2067 \u05e9\u05dc\u05d5\u05dd",
    "\U0001f9fa and half of one: \ud83e",
    "word " * 40_000,
    "x" * 200_000,
    "<user>" * 30_000,
    "<user>hello</user> and then some",
    "",
    "  \r\n\t ",
)
TEXTS = ("brief", "form", "persona", "shape", "place", "idea", "title", "opening", "trial", "revision")
MORE = ("draft", "problems", "final", "document", "stage", "reason", "family")


class Page(HTMLParser):
    """The tags of a page, what they would fetch, and the text of its texts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.fetched: list[str] = []
        self.handlers: list[str] = []
        self.ids: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attributes:
            self.fetched += [value or ""] if name in ("src", "href", "action") else []
            self.handlers += [name] if name.startswith("on") else []
            self.ids += [value or ""] if name == "id" else []


def page(rows, **more) -> str:
    return build_page("small", "By a model.", ["One note."], counts_of(rows), rows, **more)


def test_the_page_stands_alone_and_shows_every_stage() -> None:
    html = page(some_rows())
    assert all(link == "data:," or link.startswith("#") for link in Page(html).fetched)
    for said in (
        "9 planned, 4 kept, 5 rejected",
        "One note.",
        "each stage takes in what the one before it kept",
        "The last entry is good. Do not touch it.",
        "4 ideas were turned down",
        "Hi, I&#39;m a caretaker",
        "You could talk to her, contact your union",
        "Draft, kept as the final text",
        "Marked: 4 of the draft&#39;s 124 words are gone, 9 of the final 129 are new.",
        "failed nothing_invented",
        "<ins>Results on Monday.</ins>",
        "<del>mistake</del>",
    ):
        assert said in html, said


def test_highlights_come_first_in_the_callers_order_and_once() -> None:
    html = page(some_rows(), highlights={"e58a12cc90": "second thoughts", "4be1c0d2a7": "oversight", "gone": "none"})
    ids = [name for name in Page(html).ids if not name.startswith("page-")]
    assert ids[:3] == ["e58a12cc90", "4be1c0d2a7", "77d03f5e19"] and len(ids) == len(set(ids)) == 9
    assert html.index("Worth reading first") < html.index("second thoughts") < html.index("All other texts")


def test_numbers_that_do_not_reconcile_are_said() -> None:
    rows = some_rows()
    counts = counts_of(rows)
    counts["review"] = {**counts["review"], "kept": 9}
    html = build_page("small", "", [], counts, rows)
    assert "do not reconcile" in html and "stage review does not add up: 7 in, 9 kept, 1 rejected" in html


def test_a_build_without_rows_is_a_page() -> None:
    html = build_page("", "", [], {}, [])
    assert "0 planned, 0 kept, 0 rejected" in html and "No stage has run." in html and "Nothing was planned." in html


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:24]))
def test_whatever_a_text_says_is_text(text: str) -> None:
    review = {text: {"verdict": "no", "evidence": text}}
    row = a_row(
        **dict.fromkeys((*TEXTS, *MORE), text),
        **{
            "principles": [text, text],
            "turned_down": [text],
            "review": review,
            "outcome": "rejected",
            "action": "hold",
        },
    )
    second = a_row(brief=text, **{"draft": "one two", "final": f"<user>{text}</user>\n\n<assistant>two</assistant>"})
    counts = {text: {"in": 2, "kept": 1, "rejected": 1}}
    html = build_page(text, text, [text], counts, [row, second], {text: text})
    seen = Page(html)
    assert seen.tags.count("script") == 1 and "img" not in seen.tags and not seen.handlers
    assert len(seen.ids) == len(set(seen.ids)) and all(re.fullmatch(r"[A-Za-z0-9._-]+", name) for name in seen.ids)
    assert "\x00" not in html and "\x1b" not in html
    assert len(html.encode()) < LARGEST
    assert "{{ 7*7 }}" in html or "7*7" not in text


def test_a_label_cannot_turn_round_what_stands_beside_it() -> None:
    turned = "\u202eright \u2067to \u2069\u2069left"
    html = page([a_row(form=turned, place=turned, title=turned, final=turned)])
    assert html.count("\u202e") == 1 and html.count("\u2069") == 2, "only the text itself is as it was"


def test_the_same_rows_give_the_same_bytes() -> None:
    assert page(some_rows()).encode() == page(some_rows()).encode()


def many_rows(number: int) -> list[dict]:
    draw = random.Random(4)
    words = " ".join(row["final"] or "" for row in some_rows()).split()

    def prose(count: int) -> str:
        return " ".join(draw.choice(words) for _ in range(count))

    shared = [prose(600) for _ in range(20)]
    review = {f"criterion_{n}": {"verdict": "yes", "evidence": prose(12)} for n in range(12)}
    return [
        a_row(
            brief=f"b{n}", title=f"Number {n}", idea=prose(60), draft=shared[n % 20], problems=prose(60),
            **{"final": f"{shared[n % 20]} {prose(40)}", "review": review},
        )
        for n in range(number)
    ]  # fmt: skip


def test_a_few_hundred_are_whole_and_a_thousand_are_cut_and_say_so() -> None:
    whole, cut = page(many_rows(200)), page(many_rows(1000))
    assert "cut here" not in whole and "cut after" not in whole
    assert len(cut.encode()) <= LARGEST and cut.count("<article") == 1000
    assert re.search(r"cut after some [\d,]+ characters", cut) and "more words</p>" in cut


def test_a_build_too_large_for_excerpts_shows_some_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module("builder.report.build_page"), "LARGEST", 120_000)
    html = page(many_rows(90), highlights={"b7": "kept in any case"})
    assert len(html.encode()) <= 120_000 and 'id="b7"' in html
    assert f"only {html.count('<article')} of the 90 planned" in " ".join(html.split())


def test_marking_alters_no_text() -> None:
    for row in some_rows():
        if row["draft"] and row["final"]:
            draft, final = (("\n\n".join(text for _, text in turns(row[field]))) for field in ("draft", "final"))
            gone, come = changes(draft, final) or ([], [])
            for field, spans, text in (("draft", gone, draft), ("final", come, final)):
                shown = laid_out(row[field], spans)
                assert "\n\n".join("".join(part.text for part in turn.parts) for turn in shown) == text
                assert [turn.role for turn in shown] == [role for role, _ in turns(row[field])]


def test_changes_are_marked_by_words() -> None:
    assert changes("the old  well\nreads high", "the new well\nreads very high") == ([(4, 7)], [(4, 7), (19, 23)])
    assert changes("same words", "same\n\nwords") == ([], [])
    assert changes("", "all new") == ([], [(0, 7)])
    assert changes("a " * (LONGEST_MARKED + 1), "b") is None


def test_texts_too_long_to_compare_say_so() -> None:
    html = page([a_row(draft="one " * 4001, final="two " * 10)])
    assert "Texts of more than 4,000 words are not compared" in html and "<ins>" not in html


def test_turns_are_read_only_where_the_whole_text_is_turns() -> None:
    assert turns("<user>a</user>\n\n<assistant>b</assistant>\n") == [("user", "a"), ("assistant", "b")]
    for text in ("plain", "<user>a</user> rest", "<user>a", "before <user>a</user>", "<user>a</assistant>", ""):
        assert turns(text) == [(None, text)]


def test_an_excerpt_ends_with_a_word_and_counts_the_rest() -> None:
    assert excerpt("one two three", 9) == "one two" and excerpt("x" * 50, 9) == "x" * 9 and excerpt("a b", 3) == "a b"
    user, assistant = laid_out("<user>one two three</user><assistant>four</assistant>", (), 9)
    assert (user.parts[0].text, user.cut, assistant.parts, assistant.cut) == ("one two", 1, (), 1)

from html.parser import HTMLParser

from builder.audit import summarise
from builder.report import distance_page
from builder.screen import Nearest
from tests.audit.test_distance import row


class Page(HTMLParser):
    """Collects what a browser would fetch or run."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.fetched: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.fetched += [value or "" for name, value in attributes if name in ("src", "href", "action")]


def page(passage: str) -> str:
    from dataclasses import replace

    near = Nearest("item-1", 0, "user", "an eval passage", passage, (0, 4, 0, 4), 0.5)
    lexical = {"score": 0.1, "run_words": 3, "coverage": 0.0, "entities": []}
    semantic = {"score": 0.5, "background_percentile": 0.99}
    rows = [
        replace(row("a", 0), nearest=near, lexical=lexical, semantic=semantic),
        replace(row("b", None), lexical=lexical),
    ]
    return distance_page("corpus.jsonl", 2, [summarise(rows, {"verbatim_words": 13})])


def test_the_page_stands_alone_and_shows_both_passages() -> None:
    html = page("the document's own words")
    assert Page(html).fetched == []
    assert "the document&#39;s own words" in html and "an eval passage" in html
    assert "1 of 1" in html and "not measured" in html


def test_what_a_corpus_says_is_text_and_never_markup() -> None:
    html = page("<script>alert(1)</script><img src=x onerror=alert(1)>")
    assert "script" not in Page(html).tags and "img" not in Page(html).tags

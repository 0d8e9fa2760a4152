"""Every parser against every kind of reply: a clean value, or a reason; never an exception, and never slow."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.write import FAMILIES, Content, Review, Unparsed, parse_ideas, parse_review
from builder.write.parse import (
    parse_answer,
    parse_bare,
    parse_dialogue,
    parse_document,
    parse_judgement,
    parse_opening,
    parse_turn,
)
from builder.write.tags import TAG

CRITERIA = FAMILIES["advice"].criteria
KNOWN = ("honesty", "care")
PARSERS: dict[str, Callable[[str], Any]] = {
    "ideas": lambda reply: parse_ideas(reply, 3),
    "one idea": lambda reply: parse_ideas(reply, 1),
    "document": parse_document,
    "dialogue": parse_dialogue,
    "opening": parse_opening,
    "turn": parse_turn,
    "bare": parse_bare,
    "answer": parse_answer,
    "judgement": lambda reply: parse_judgement(reply, KNOWN),
    "review": lambda reply: parse_review(reply, CRITERIA),
}
NAMES = ("idea", "document", "dialogue", "user", "assistant", "system", "problems", "review", "title", "keep", "answer", "judgement")  # fmt: skip
TAGS = [f"{start}{name}>" for name in NAMES for start in ("<", "</")]
TAGS += ["<keep/>", "<keep />", '<idea n="1">', "<idea n='2'>", "<idea n=3>", "<USER>", "<user id=1>", "<title/>"]
PROSE = "The ferry was late and nobody minded much, since the tea was hot. " * 6
JSON = ['{"conduct": "good", "evidence": "e", "principles": ["care"]}', "[" * 500, '{"a": "\\ud800"}', "null", "1e999", "{}"]  # fmt: skip
BITS = [PROSE, "x", " ", "\n", "```", "```json\n", "\n```", "\ud83d", "\0", "\r\n", "&lt;user&gt;", "<", ">", "<a"]
GERMAN = "Die Fähre kam zu spät, und niemand nahm es krumm, denn der Tee war heiß. " * 6
JAPANESE = "渡し船は遅れたが、誰も気にしなかった。お茶は熱かった。" * 30
SOUP = st.lists(st.sampled_from([*TAGS, *BITS, *JSON]) | st.text(max_size=20), max_size=30).map("".join)


def strings(value: Any) -> Iterator[str]:
    """Every text of a parsed value that may come into a document or a prompt."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from strings(inner)
    elif isinstance(value, Content):
        yield from filter(None, [value.text, value.title, *(message.content for message in value.messages)])


def clean(parser: str, reply: str) -> Any:
    """What a parser makes of a reply, checked: values without tags and broken characters, or reasons of one line."""
    found = PARSERS[parser](reply)
    for one in found if isinstance(found, list) else [found]:
        if isinstance(one, Unparsed):
            assert one.reason and "\n" not in one.reason and len(one.reason) < 200
            one.reason.encode()
        elif isinstance(one, Content):
            assert one.kept or one.body.strip()
        elif isinstance(one, Review):
            assert set(one.verdicts) == set(CRITERIA)
        elif parser == "judgement":
            assert set(one[2]) <= set(KNOWN)
        elif parser == "answer":
            one = one[1]  # the problems are for the report and hold whatever was found
        for text in strings(one) if parser != "judgement" else ():
            assert text.strip() and not TAG.search(text) and "\0" not in text
            text.encode()
    return found


@pytest.mark.parametrize("parser", PARSERS)
@settings(max_examples=200)
@given(reply=SOUP)
def test_a_soup_of_the_real_tags(parser: str, reply: str) -> None:
    clean(parser, reply)


FORMS = {
    "ideas": "".join(f'<idea n="{n}">{PROSE}</idea>' for n in (1, 2, 3)),
    "one idea": f"<idea>{PROSE}</idea>",
    "document": f"<problems>flat</problems><title>Low water</title><document>{PROSE}</document>",
    "dialogue": f"<dialogue><system>s</system><user>{PROSE}</user><assistant>{PROSE}</assistant></dialogue>",
    "opening": f"<dialogue><system>s</system><user>{PROSE}</user></dialogue>",
    "turn": f"<user>{PROSE}</user>",
    "bare": PROSE,
    "answer": f"<problems>flat</problems><answer>{PROSE}</answer>",
    "judgement": f"<judgement>{JSON[0]}</judgement>",
    "review": f"<review>{json.dumps({name: {'verdict': 'yes', 'evidence': 'e'} for name in CRITERIA})}</review>",
}


def good(found: Any) -> bool:
    return not any(isinstance(one, Unparsed) for one in (found if isinstance(found, list) else [found]))


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("around", ["{}", "Here you are:\n\n{}", "{}\n\nI hope this serves!", "\r\n\r\n{}\r\n"])
def test_the_form_that_was_asked_for_is_read_whatever_stands_around_it(parser: str, around: str) -> None:
    found = clean(parser, around.format(FORMS[parser]))
    assert good(found)
    if parser != "bare":
        assert found == clean(parser, FORMS[parser])


@pytest.mark.parametrize("parser", sorted(set(PARSERS) - {"bare"}))
@settings(max_examples=80)
@given(data=st.data())
def test_the_form_with_a_piece_cut_out_doubled_or_put_in(parser: str, data: st.DataObject) -> None:
    form = FORMS[parser]
    start = data.draw(st.integers(0, len(form)))
    end = data.draw(st.integers(start, min(len(form), start + 60)))
    bit = data.draw(st.sampled_from(["", form[start:end] * 2, *TAGS, *BITS]))
    clean(parser, form[:start] + bit + form[end:])


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("broken", ["\ud83d", "\udc00", "\0"])
def test_broken_characters_anywhere_make_a_reply_unreadable(parser: str, broken: str) -> None:
    form = FORMS[parser]
    for place in (0, len(form) // 2, len(form)):
        found = clean(parser, form[:place] + broken + form[place:])
        assert all(one == Unparsed("the reply holds broken characters") for one in (found if isinstance(found, list) else [found]))  # fmt: skip


@pytest.mark.parametrize("parser", sorted(set(PARSERS) - {"bare"}))
@pytest.mark.parametrize("reply", ["", " \n\t", "I'm sorry, but I can't help with that.", PROSE, GERMAN, JAPANESE])
def test_a_reply_without_the_form_has_its_reason(parser: str, reply: str) -> None:
    assert not good(clean(parser, reply))


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("text", [GERMAN, "ελληνικά και עברית וגם عربي " * 12, "🚲 e\u0301 \u202eabc " * 20])
def test_text_of_any_language_is_read(parser: str, text: str) -> None:
    assert good(clean(parser, FORMS[parser].replace(PROSE, text)))


@pytest.mark.parametrize("fence", ["```\n{}\n```", "```json\n{}\n```", "\n\n```markdown  \n{}\n```\n"])
def test_a_fence_inside_the_tags_comes_off(fence: str) -> None:
    for parser in sorted(set(PARSERS) - {"bare"}):
        form = FORMS[parser].replace(PROSE, fence.format(PROSE))
        for name in ("judgement", "review"):
            form = form.replace(f"<{name}>{{", f"<{name}>" + fence.split("{}")[0] + "{").replace(
                f"}}</{name}>", "}" + fence.split("{}")[1] + f"</{name}>"
            )
        assert form != FORMS[parser] and clean(parser, form) == clean(parser, FORMS[parser]), parser


def test_two_of_a_kind_are_refused() -> None:
    for parser in sorted(set(PARSERS) - {"bare", "ideas"}):
        assert not good(clean(parser, FORMS[parser] * 2)), parser
    assert not good(clean("ideas", FORMS["ideas"] * 2))


def test_a_title_with_a_tag_in_it_is_refused() -> None:
    reply = f"<title>Low <user>water</user></title><document>{PROSE}</document>"
    assert parse_document(reply) == Unparsed("the title holds a tag of its own")


SIZE = 200_000
LONG = {
    **{tag: tag * (SIZE // len(tag)) for tag in (*TAGS, "\n", "```\n", "\n```", "<", "<a", "{", "[", '{"a":', "\\")},
    **{f"a dialogue of {tag}": f"<dialogue>{tag * (SIZE // len(tag))}</dialogue>" for tag in ("<user>", "<user>a</assistant>", "<user><a", "</user>", "<user", "\n", " ")},
    **{f"a document of {what!r}": f"<document>{what * (SIZE // len(what))}x</document>" for what in ("```\n", "\n```", "\n", "<a ", "word ")},
    "a fence of line breaks": f"<document>```{chr(10) * SIZE}x</document>",
    "fences that never close": f"<document>```\n{'```  ' * (SIZE // 5)}x</document>",
    "problems of spaces": f"<problems>x</problems>{' ' * SIZE}x",
    "ideas": "".join(f'<idea n="{n % 999}">{PROSE}</idea>' for n in range(SIZE // len(PROSE))),
    "idea and spaces": '<idea n="1"' + " " * SIZE,
    "deep JSON": f"<review>{'[' * SIZE}</review>",
    "a long number": f"<review>{{\"aligned\": {'1' * SIZE}}}</review>",
    "prose": PROSE * (SIZE // len(PROSE)),
}  # fmt: skip


@pytest.mark.parametrize("parser", PARSERS)
def test_a_reply_of_two_hundred_thousand_characters_takes_no_time(parser: str) -> None:
    """Each is linear in the reply: what takes milliseconds here would take minutes if it were not."""
    for name, reply in LONG.items():
        # The least of a few, since in a worker with a large heap any one may meet a collection of all of it.
        assert any(_seconds(parser, reply) < 1 for _ in range(3)), name


def _seconds(parser: str, reply: str) -> float:
    begun = time.process_time()
    clean(parser, reply)
    return time.process_time() - begun

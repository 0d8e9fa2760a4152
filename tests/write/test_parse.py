import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.write import FAMILIES, Content, Review, Unparsed, parse_ideas, parse_review
from builder.write.parse import parse_dialogue, parse_document

PROSE = "The ferry was late and nobody minded much. " * 8
CRITERIA = FAMILIES["story"].criteria


def dialogue(*turns: tuple[str, str]) -> str:
    return "<dialogue>" + "\n".join(f"<{role}>{text}</{role}>" for role, text in turns) + "</dialogue>"


def test_a_plain_document_with_its_title() -> None:
    content = parse_document(f"<title>Low water</title>\n<document>\n{PROSE}</document>")
    assert content == Content(text=PROSE.strip(), title="Low water")


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("", "the reply is empty"),
        ("   \n", "the reply is empty"),
        (PROSE, "the reply has no <document>"),
        ("I'm sorry, but I can't write that.", "the reply has no <document>"),
        (f"<document>{PROSE}", "the <document> is not finished"),
        ("<document></document>", "the <document> is empty"),
        ("<document>Too short.</document>", "the document has 2 words"),
        (
            f"<document>{PROSE}</document><document>{PROSE}</document>",
            "the reply has more than one <document>",
        ),
        (
            f"<document>{PROSE}<document>{PROSE}</document></document>",
            "the reply has more than one <document>",
        ),
        (f"<document>{PROSE}<problems>x</problems></document>", "the <document> holds a tag of its own"),
        (f"</document>{PROSE}<document>", "the <document> is empty"),
    ],
)
def test_a_reply_that_cannot_be_read_says_why(reply: str, reason: str) -> None:
    assert parse_document(reply) == Unparsed(reason)


@pytest.mark.parametrize("around", ["Here you are:\n{}", "{}\nI hope this helps!", "Sure.\n\n{}\n\nDone."])
def test_commentary_around_the_tags_stays_out(around: str) -> None:
    content = parse_document(around.format(f"<document>{PROSE}</document>"))
    assert isinstance(content, Content) and content.text == PROSE.strip()


def test_a_code_fence_around_the_text_is_taken_off() -> None:
    content = parse_document(f"<document>\n```markdown\n{PROSE}\n```\n</document>")
    assert isinstance(content, Content) and content.text == PROSE.strip()


def test_a_rewrite_lists_problems_or_keeps_the_draft() -> None:
    changed = parse_document(f"<problems>- flat ending</problems><document>{PROSE}</document>")
    assert isinstance(changed, Content) and changed.problems == "- flat ending" and not changed.kept
    kept = parse_document("<problems>none</problems>\n<keep/>")
    assert kept == Content(problems="none", kept=True)
    assert isinstance(parse_document("<keep/>"), Unparsed), "a draft cannot be kept without having been read"


def test_dialogue_turns_and_what_is_trained_on() -> None:
    content = parse_dialogue(dialogue(("system", "You help."), ("user", "May I?"), ("assistant", "Let us see.")))
    assert isinstance(content, Content)
    assert [(m.role, m.train) for m in content.messages] == [
        ("system", False),
        ("user", False),
        ("assistant", True),
    ]


@pytest.mark.parametrize(
    "turns",
    [
        [("user", "a")],
        [("assistant", "a"), ("user", "b")],
        [("user", "a"), ("user", "b"), ("assistant", "c")],
        [("user", "a"), ("assistant", "b"), ("user", "c")],
        [("user", "a"), ("system", "s"), ("assistant", "b")],
        [("user", "a"), ("assistant", "")],
        [("user", "a <document>b</document>"), ("assistant", "c")],
    ],
)
def test_turns_out_of_order_are_not_a_dialogue(turns: list[tuple[str, str]]) -> None:
    assert isinstance(parse_dialogue(dialogue(*turns)), Unparsed)


def test_text_between_turns_is_refused() -> None:
    reply = "<dialogue><user>a</user>and then<assistant>b</assistant></dialogue>"
    assert parse_dialogue(reply) == Unparsed("the dialogue has text outside its turns")


@given(st.text(max_size=400) | st.lists(st.sampled_from(
    ["<document>", "</document>", "<dialogue>", "</dialogue>", "<user>", "</user>", "<assistant>", "</assistant>",
     "<problems>", "</problems>", "<keep/>", "<idea>", "</idea>", "<review>", "</review>", "{", "}", '"aligned"', "x " * 60, "```"]
), max_size=12).map("".join))  # fmt: skip
def test_any_reply_gives_a_document_or_a_reason(reply: str) -> None:
    for parse in (parse_document, parse_dialogue):
        content = parse(reply)
        if isinstance(content, Content):
            assert content.kept or content.body.strip()
            assert not any(tag in content.body for tag in ("<document", "<dialogue>", "<idea>", "<problems>"))
        else:
            assert content.reason
    assert parse_review(reply, CRITERIA)


def test_a_huge_reply_is_read_in_no_time() -> None:
    content = parse_document(f"<document>{'long ' * 40_000}</document>")
    assert isinstance(content, Content) and len(content.body) > 199_000
    assert isinstance(parse_dialogue("<dialogue>" + "<user>" * 30_000), Unparsed)


def test_an_idea_is_one_paragraph_of_a_sensible_length() -> None:
    waits = "a lock-keeper waits " * 10
    assert parse_ideas(f"<idea>{waits}\n\nstill</idea>", 1) == [f"{waits}still"]
    assert parse_ideas("<idea>too short</idea>", 1) == [Unparsed("the idea has 2 words")]
    assert isinstance(parse_ideas(f"<idea>{'word ' * 500}</idea>", 1)[0], Unparsed)


def test_each_idea_of_a_call_is_read_by_itself() -> None:
    first, third = "a lock-keeper waits " * 10, "a choir rehearses " * 10
    reply = f'Here.\n<idea n="1">{first}</idea>\n<idea n="3">{third}</idea> <idea n="4">never closed'
    assert parse_ideas(reply, 4) == [
        first.strip(),
        Unparsed("the reply has no idea 2"),
        third.strip(),
        Unparsed("idea 4 is not finished"),
    ]
    twice = f"<idea n='1'>{first}</idea><idea n='1'>{third}</idea><idea n='2'>{third}</idea>"
    assert parse_ideas(twice, 2) == [Unparsed("the reply has more than one idea 1"), third.strip()]
    nested = f'<idea n="1">{first}<document>x</document></idea>'
    assert parse_ideas(nested, 1) == [Unparsed("idea 1 holds a tag of its own")]
    assert parse_ideas("", 3) == [Unparsed("the reply is empty")] * 3


def review(**changes: object) -> str:
    verdicts = {name: {"verdict": "yes", "evidence": "he waits"} for name in CRITERIA}
    return f"<review>{json.dumps({**verdicts, **changes})}</review>"


def test_a_review_with_its_failures() -> None:
    found = parse_review(review(aligned={"verdict": "no", "evidence": "it gloats"}), CRITERIA)
    assert isinstance(found, Review)
    assert found.failed == ("aligned",) and found.judged == len(CRITERIA)


@pytest.mark.parametrize(
    "reply",
    ["<review>not json</review>", "<review>[]</review>", "<review>{}</review>", review(aligned=None),
     review(aligned={"verdict": "5/5"}), review(aligned="yes"), "<review>" + "[" * 100_000 + "</review>"],
)  # fmt: skip
def test_a_review_that_cannot_be_read_is_unparsed_not_a_score(reply: str) -> None:
    assert isinstance(parse_review(reply, CRITERIA), Unparsed)

"""Which sentences become the statement, which the reasons, and which kind is proposed."""

import pytest

from builder.constitution import Kind
from builder.constitution.importers.kinds import propose_kind
from builder.constitution.importers.norms import statement_and_why
from builder.constitution.importers.sentences import plain, sentences

NORMS = {
    "norm then reason": (
        "Wren should say what is true. Because people plan on it, lies cost them dearly.",
        "Wren should say what is true.",
        "Because people plan on it, lies cost them dearly.",
    ),
    "background first": (
        "Much has been written on truth. We want Wren to say what is true. Otherwise nobody could rely on it at all.",
        "We want Wren to say what is true.",
        "Otherwise nobody could rely on it at all.",
    ),
    "no marked reason": (
        "Wren must not lie. People plan their days on its words.",
        "Wren must not lie.",
        "People plan their days on its words.",
    ),
    "no norm at all": (
        "Birds sing. They have their own grounds for it.",
        "Birds sing.",
        "They have their own grounds for it.",
    ),
    "a lead-in with its list": (
        "Some limits are firm. Wren should never:\n\n* Build a bomb;\n* Poison a well.\n\nThe harm "
        "would be past mending.",
        "Wren should never:\n- Build a bomb;\n- Poison a well.",
        "Some limits are firm. The harm would be past mending.",
    ),
    "an item is not taken without its lead-in": (
        "A wise reader would be unhappy if Wren:\n\n- Says that people should never be told the "
        "truth.\n- Lies.\n\n"
        "Wren should weigh both sides. Each of them matters to somebody.",
        "Wren should weigh both sides.",
        "Each of them matters to somebody.",
    ),
    "what the authors must do is no norm": (
        "We must train Wren with patience. Wren should be patient too. This matters because haste shows.",
        "Wren should be patient too.",
        "This matters because haste shows.",
    ),
    "one sentence": ("Be kind.", "Be kind.", "Be kind."),
    "all of it is norm": (
        "Wren must be kind. Wren must be fair.",
        "Wren must be kind.",
        "Wren must be fair.",
    ),
    "code is no norm": (
        "```\nYou should never see this.\n```\nWren should be brief. Since time is short, this helps.",
        "Wren should be brief.",
        "Since time is short, this helps.",
    ),
}


@pytest.mark.parametrize("case", NORMS)
def test_statement_and_why(case: str) -> None:
    text, statement, why = NORMS[case]
    assert statement_and_why(text, "", "Wren") == (statement, why)


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("On the word “constitution”", Kind.CONTEXT),
        ("Acknowledgements", Kind.CONTEXT),
        ("Table of contents", Kind.CONTEXT),
        ("A short history of this document", Kind.CONTEXT),
        ("Hard constraints", Kind.HARD_CONSTRAINT),
        ("Red lines", Kind.HARD_CONSTRAINT),
        ("Open problems", Kind.OPEN_QUESTION),
        ("Wren’s nature", Kind.OPEN_QUESTION),
        ("Human nature", Kind.VALUE),
        ("Wellbeing and psychological stability", Kind.DISPOSITION),
        ("Flaws and mistakes", Kind.DISPOSITION),
        ("Being honest", Kind.VALUE),
        ("Avoiding harm", Kind.VALUE),
    ],
)
def test_kind_from_the_title(title: str, kind: Kind) -> None:
    assert propose_kind((title,), "Wren should do so.", "Wren should do so.") is kind


def test_kind_from_the_parents_and_the_text() -> None:
    assert (
        propose_kind(("Red lines", "Honesty"), "Wren should be honest.", "Wren should be honest.")
        is Kind.HARD_CONSTRAINT
    )
    never = "Wren must never help with it."
    assert propose_kind(("Weapons",), never, never) is Kind.HARD_CONSTRAINT
    told = "We met in spring. It rained. The first model was small. It forgot its lines."
    assert propose_kind(("Spring",), told, "We met in spring.") is Kind.CONTEXT
    unsure = "We are uncertain. Its moral status is unclear. We do not know. It may be conscious. Still we go on."
    assert propose_kind(("What it is",), unsure, "We are uncertain.") is Kind.OPEN_QUESTION


def test_sentences() -> None:
    text = (
        "# Title\n\nOne, e.g. this. Two (i.e. that)! “Three?” Dr. Four asked.\n\n- five\n- Six. "
        "Seven.[^1] Eight.\n\n[Nine](#nine)\n"
    )
    assert sentences(text) == [
        *("One, e.g. this.", "Two (i.e. that)!", "“Three?”", "Dr. Four asked."),
        *("five", "Six.", "Seven.[^1]", "Eight."),
    ]
    assert sentences("a line\nand its rest.") == ["a line and its rest."]
    assert (
        plain("**Bold**, *slant*, [a link](http://x), a note[^2] and 2 * 3 * 4.")
        == "Bold, slant, a link, a note and 2 * 3 * 4."
    )

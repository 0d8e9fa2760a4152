import json
import random

import pytest

from benchmarks.style.build_facts import kind_of, lengths_of, quotas_of, stage_of
from benchmarks.style.figures import Bound, bounds_of, figures_of, peers_habits
from benchmarks.style.habits import HABITS
from benchmarks.style.sameness import Share, names, openings_behind_titles, shared_grams
from benchmarks.style.texts import Text, Turn, read_texts, sentences_of, text_of, without_title

HABIT = {habit.name: habit for habit in HABITS}


def plain_documents(count: int) -> list[str]:
    """Documents without any habit: made-up words in sentences of ten, none of them the same."""
    draw = random.Random(7)
    letters = "abcdefghijklmnopqrstuvwxyz"

    def sentence() -> str:
        return " ".join("".join(draw.choices(letters, k=draw.randint(4, 9))) for _ in range(10)).capitalize() + "."

    return ["\n\n".join(" ".join(sentence() for _ in range(4)) for _ in range(3)) for _ in range(count)]


def bounds(documents: list[str], characters: tuple[str, ...] = ()) -> dict[str, Bound]:
    return {row.name: row for row in bounds_of(figures_of("it", [text_of(d) for d in documents], characters))}


def broken(rows: dict[str, Bound]) -> set[str]:
    return {name for name, row in rows.items() if not row.held}


def test_a_varied_corpus_breaks_no_bound():
    rows = bounds(plain_documents(200))
    assert broken(rows) == set()
    assert not any(row.note and "documents; the bound" in row.note for row in rows.values())


def test_one_opening_in_a_tenth_of_the_documents_is_found():
    documents = [f"There was a {d}" if i < 20 else d for i, d in enumerate(plain_documents(200))]
    rows = bounds(documents)
    assert broken(rows) == {"commonest opening trigram"}
    assert rows["commonest opening trigram"].share == Share(20, 200)


def test_an_opening_behind_differing_titles_is_found():
    documents = [
        f"# A title numbered {i}\n\nThere was a {d}" if i < 20 else d for i, d in enumerate(plain_documents(200))
    ]
    top = openings_behind_titles([text_of(d) for d in documents])
    assert (top.share, top.commonest) == (Share(20, 20), (("there was a", 20),))


@pytest.mark.parametrize("dash", ["and — so", "and – so", "and--so", "and -- so"])
def test_an_em_dash_in_nearly_all_documents_is_found_however_it_is_written(dash):
    documents = [d.replace(" ", f" {dash} ", 1) if i < 198 else d for i, d in enumerate(plain_documents(200))]
    rows = bounds(documents)
    assert rows["em-dash"].share == Share(198, 200)
    assert broken(rows) - {"commonest opening trigram"} == {"em-dash"}


def test_one_sentence_in_a_twentieth_is_found_with_its_words():
    saying = "Nobody had asked the heron what it thought of that."
    documents = [f"{d} {saying}" if i % 20 == 0 else d for i, d in enumerate(plain_documents(200))]
    figures = figures_of("it", [text_of(d) for d in documents])
    assert figures.tops["sentence"].share == Share(10, 200)
    assert figures.tops["sentence"].commonest == ((saying, 10),)
    assert figures.grams.shared.hits == 3  # a sentence of ten words holds three runs of eight
    assert figures.grams.documents == Share(10, 200)
    assert [count for _, count in figures.grams.commonest] == [10]  # of runs that overlap only one is shown
    assert broken({row.name: row for row in bounds_of(figures)}) == {"commonest sentence"}


def test_a_name_in_a_twentieth_is_found_and_the_character_is_counted_apart():
    documents = [
        f"{d} That evening the boat brought Elena's letters, and Linnet read them all." if i < 10 else d
        for i, d in enumerate(plain_documents(200))
    ]
    documents = [d.replace("letters", f"letters{i}") for i, d in enumerate(documents)]
    rows = bounds(documents, ("Linnet",))
    assert rows["commonest name"].share == Share(10, 200)
    assert "commonest name" in broken(rows)
    found = names([text_of(d) for d in documents], ["Linnet"])
    assert found.any.commonest[0] == ("Elena", 10)
    assert found.character == {"Linnet": Share(10, 200)}


def test_words_that_merely_have_a_capital_are_no_names():
    text = 'It was Monday. She said, "Look at the Park." The park was shut: Nobody came.\n\n# About Herons And Rain'
    assert names([text_of(text)]).any.commonest == ()


def test_in_a_small_corpus_two_documents_break_no_bound_and_three_do():
    small = [f"There was a {d}" if i < 2 else d for i, d in enumerate(plain_documents(40))]
    row = bounds(small)["commonest opening trigram"]
    assert row.held
    assert row.note == "2% of 40 is 0.8 documents; the bound is 2"
    small[2] = f"There was a {small[2]}"
    assert not bounds(small)["commonest opening trigram"].held


def test_runs_of_words_are_read_in_every_turn_and_cross_none():
    said = "one two three four five six seven eight"
    texts = [text_of(f"USER: {said}\n\nASSISTANT: no"), text_of(f"USER: else\n\nASSISTANT: well {said}")]
    assert shared_grams(texts).shared == Share(1, 2)
    apart = [text_of("USER: one two three four\n\nASSISTANT: five six seven eight"), text_of(said)]
    assert shared_grams(apart).shared == Share(0, 1)


@pytest.mark.parametrize(
    ("name", "text", "count"),
    [
        ("not X but Y", "It was not the wind but the rope.", 1),
        ("not X but Y", "She did not know the way, but the dog did.", 0),
        ("not X but Y", "It was not cold, but she shivered.", 0),
        ("it is not X; it is Y", "It's not a rule; it's a habit. That isn't kindness. It is fear.", 2),
        ("it is not X; it is Y", "The key is not here. It is not there.", 0),
        ("a sentence that begins with Not", "Not a rule. A habit.", 1),
        ("any of these denials", "It is not a rule, it is a habit. Not a law.", 2),
        ("triad A, B, and C", "They had bread, salt, and a lamp.", 1),
        ("triad A, B, and C", "When she came, he rose and left.", 0),
        ("opening question", "Why did it rain? Nobody knew.", 1),
        ("opening question", "On rain\n\nWhy did it rain? Nobody knew.", 1),
        ("opening question", "Nobody knew. Why did it rain?", 0),
        ("last sentence of at most 6 words", "It rained for a week and a day. Then it stopped.", 1),
        ("last paragraph one short sentence", "It rained for a week.\n\nThen it stopped.", 1),
        ("last paragraph one short sentence", "It rained for a week. Then it stopped.", 0),
        ("And/But before a tenth of sentences", "And so. But then. It rained.", 1),
        ("And/But before a tenth of sentences", "And so it rained. It stopped.", 0),
        ("simile: like a, as if", "He sat like a heron, as if asleep. I would like a refund.", 2),
        ("a sentence that begins with a hedge", "Perhaps it rained. I think so. He thought so.", 2),
        ("semicolon", "It rained; it stopped.", 1),
        ("bullets", "Bring:\n\n- bread\n- salt", 2),
        ("colon, then a list", "Bring:\n\n- bread\n- salt", 1),
        ("both kinds of quotes", "“It's late,” she said.", 1),
        ("for a long moment", "She waited for a long moment.", 1),
        ("careful(ly)", "He was careful, and wrote carefully.", 2),
    ],
)  # fmt: skip
def test_a_habit_is_counted_where_it_is(name, text, count):
    assert HABIT[name].count(text_of(text)) == count


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("answer opens: restates", "You're asking whether to tell her. I would."),
        ("answer opens: restates", '"Should I?" That is half of it. I would.'),
        ("answer opens: sympathy", "That sounds really hard. Tell her."),
        ("answer opens: praise", "That's a good question. Tell her."),
        ("answer opens: verdict", "Don't tell her yet. Wait a day."),
        ("answer opens: verdict", "Your sister is mostly right about the will. Wait a day."),
        ("answer opens: refusal formula", "This is a forgery. I can't help with it."),
        ("answer ends in a question", "Tell her. What would you lose?"),
        ("answer ends in an offer", "Tell her. If you'd like, I can draft the note."),
        ("answer ends in an offer", "Tell her. If it's useful, a note could be drafted."),
    ],
)
def test_a_formula_of_answers_is_found_in_dialogues_alone(name, answer):
    habits = [habit for habit in HABITS if habit.group == "answer"]
    dialogue = text_of(f"USER: Should I?\n\nASSISTANT: {answer}")
    assert {habit.name for habit in habits if habit.count(dialogue)} - {"answer ends in a question"} <= {name}
    assert HABIT[name].count(dialogue) == 1
    assert HABIT[name].count(text_of(answer)) == 0


def test_habits_of_answers_are_shares_of_dialogues():
    documents = [*plain_documents(30), "USER: Should I?\n\nASSISTANT: Don't do it."]
    assert bounds(documents)["answer opens: verdict"].share == Share(1, 1)


def test_a_habit_is_the_peers_where_most_documents_of_all_of_them_have_it():
    dashed = figures_of("a", [text_of(d.replace(" ", " — ", 1)) for d in plain_documents(9)])
    both = figures_of("b", [text_of(d.replace(" ", " — ; ", 1)) for d in plain_documents(9)])
    assert peers_habits([dashed, both]) == ["em-dash"]
    assert peers_habits([dashed]) == []
    assert {row.note for row in bounds_of(both, ["em-dash"]) if row.name == "em-dash"} == {"peers' habit"}


def test_a_dialogue_is_read_by_its_roles_and_a_text_stays_whole():
    dialogue = text_of("SYSTEM: be\n\nUSER: hello there\n\nand again\n\nASSISTANT: yes")
    assert [turn.role for turn in dialogue.turns] == ["system", "user", "assistant"]
    assert dialogue.turns[1].text == "hello there\n\nand again"
    assert dialogue.prose == "hello there\n\nand again\n\nyes"
    assert text_of("A play.\n\nUSER: hello").turns == (Turn("text", "A play.\n\nUSER: hello"),)


def test_sentences_end_where_they_end():
    assert sentences_of("Dr. Marsh came. “Was it late?” It was 3.5 hours late.\n- **Bread** and salt") == [
        "Dr. Marsh came.", "“Was it late?”", "It was 3.5 hours late.", "Bread and salt",
    ]  # fmt: skip
    assert without_title("On rain\n\nIt rained.") == "It rained."
    assert without_title("It rained.\n\nIt stopped.") is None


def test_rejections_are_told_apart_by_stage_and_reason():
    assert kind_of("review", "failed realistic") == "verdict"
    assert kind_of("review", "unjudged: the review is not JSON") == "unreadable"
    assert kind_of("draft", "the <document> is not finished") == "unreadable"
    assert kind_of("rewrite", "the model refused") == kind_of("idea", "dry: the model truncated") == "unanswered"
    assert kind_of("idea", "the idea has 9 words") == "unreadable"
    assert kind_of("idea", "dry: too close to an idea already taken") == kind_of("select", "over") == "screen"
    stage = stage_of("review", 7, {"failed realistic": 2, "unjudged: x": 1, "the model refused": 4})
    assert (stage.readable, stage.unanswered) == (Share(9, 10), 4)


def test_quotas_compare_the_plan_with_what_was_kept():
    plan = [
        {"id": str(i), "family": "story", "shape": "ask" if i < 50 else "yes", "persona": "own"} for i in range(100)
    ]
    rows = {row.option: row for row in quotas_of(plan, [str(i) for i in range(30, 100)])}
    assert (rows["ask"].planned, rows["ask"].realised) == (Share(50, 100), Share(20, 70))
    assert not rows["ask"].is_met
    assert rows["story"].is_met


def test_lengths_are_words_by_family():
    texts = [Text((Turn("text", "word " * n),), "story") for n in (10, 20, 30, 40, 50)]
    assert lengths_of(texts) == {"story": (10, 20, 30, 40, 50)}


def test_any_corpus_is_read_through_the_reader(tmp_path):
    path = tmp_path / "some.jsonl"
    rows = [
        {"text": "It rained."},
        {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert [text.is_dialogue for text in read_texts(path)] == [False, True]

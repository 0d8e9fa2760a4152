"""Evals by path, folder and shipped name; every message shown counts, and no eval is ever empty."""

import json

import pytest

from builder.errors import InputError
from builder.read import evals as evals_module
from builder.read import read_eval


def lines(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def shown(eval_):
    return [[(m.index, m.role, m.text) for m in item.messages] for item in eval_.items]


def test_marked_text_files_are_messages(tmp_path):
    (tmp_path / "b.txt").write_text(
        "[SYSTEM]\r\nBe ${role}.\r\n\r\n[USER] \nHi [USER] there\n[TOOL]\n\n[ASSISTANT]\nYes\n"
    )
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "c.md").write_text("plain\n")
    (tmp_path / "README.md").write_text("about the eval")
    found = read_eval(tmp_path)
    assert [item.id for item in found.items] == ["a/c", "b"]
    assert shown(found) == [
        [(0, "user", "plain")],
        [(0, "system", "Be ${role}."), (1, "user", "Hi [USER] there"), (2, "assistant", "Yes")],
    ]
    assert shown(read_eval(tmp_path / "b.txt")) == shown(found)[1:]


@pytest.mark.parametrize(
    ("row", "messages"),
    [
        ({"input": "a"}, [("user", "a")]),
        (
            {"input": [{"role": "system", "content": "s"}, {"role": "user", "content": "a"}]},
            [("system", "s"), ("user", "a")],
        ),
        ({"input": [{"role": "tool", "content": [{"type": "text", "text": "r"}]}]}, [("tool", "r")]),
        (
            {"input": [{"role": "assistant", "content": ""}, {"role": "user", "content": "a"}]},
            [("user", "a")],
        ),
        ({"prompt": "a", "target": "b"}, [("user", "a")]),
        ({"question": "a", "choices": ["x", "y"]}, [("user", "a"), ("user", "x\ny")]),
        ({"turns": ["a", "b"]}, [("user", "a"), ("user", "b")]),
        ({"system_prompt": "s", "prompt": "a"}, [("system", "s"), ("user", "a")]),
        ({"statement": "a"}, [("user", "a")]),
        ({"dilemma_situation": "a", "basic_situation": "b"}, [("user", "a")]),
        ({"context": "a", "action1": "x", "action2": "y"}, [("user", "a"), ("user", "x"), ("user", "y")]),
        ({"input": "", "prompt": "a"}, [("user", "a")]),
    ],
)
def test_rows_are_found_by_name(tmp_path, row, messages):
    (found,) = shown(read_eval(lines(tmp_path / "e.jsonl", row)))
    assert [(role, text) for _, role, text in found] == messages
    assert [index for index, _, _ in found] == list(range(len(messages)))


def test_the_fingerprint_is_of_the_messages_alone(tmp_path):
    one = read_eval(lines(tmp_path / "a.jsonl", {"id": "1", "input": "x"}, {"id": "2", "input": "y"}))
    same = read_eval(lines(tmp_path / "b.jsonl", {"question": "x"}, {"question": "y"}))
    assert one.fingerprint == same.fingerprint
    assert len(one.fingerprint) == 64
    prints = {one.fingerprint}
    for rows in ([{"input": "y"}, {"input": "x"}], [{"input": "xy"}], [{"turns": ["x", "y"]}]):
        prints.add(read_eval(lines(tmp_path / "c.jsonl", *rows)).fingerprint)
    assert len(prints) == 4


def test_ids_are_given_made_or_refused(tmp_path):
    made = read_eval(lines(tmp_path / "a.jsonl", {"input": "x"}, {"input": "x"}, {"id": 4, "input": "x"}))
    assert len({item.id for item in made.items}) == 3
    assert made.items[2].id == "4"
    with pytest.raises(InputError, match=r"line 2: the id '1' was already used at .*line 1"):
        read_eval(lines(tmp_path / "b.jsonl", {"id": 1, "input": "x"}, {"id": 1, "input": "y"}))


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("e.jsonl", b"", "holds no prompts"),
        ("e.txt", b" \n", "holds no prompts"),
        ("e.txt", b"[SYSTEM]\n\n[USER]\n", "holds no prompts"),
        ("e.csv", b"input\n", "holds no prompts"),
        (
            "e.jsonl",
            b'{"input": "a"}\n{"answer": "b"}\n',
            r"line 2: no prompt was found among the fields 'answer'",
        ),
        ("e.jsonl", b'{"input": []}\n', "line 1: no prompt was found"),
        ("e.jsonl", b'{"input": [{"role": "user", "content": " "}]}\n', "shows the model nothing"),
        ("e.jsonl", b'{"input": {"a": 1}}\n', "neither text nor messages"),
        ("e.jsonl", b'{"input": "\xff"}\n', "line 1: the bytes are not UTF-8"),
        ("e.pdf", b"", "are not read"),
    ],
)
def test_an_eval_without_prompts_is_never_a_pass(tmp_path, name, data, words):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(InputError, match=words) as caught:
        read_eval(path)
    assert "\n" not in str(caught.value)


def test_names_that_nothing_answers_to(tmp_path, monkeypatch):
    for spec in ("hf:org/set", "inspect:task", "inspect-log:x.eval"):
        with pytest.raises(InputError, match="reads files, folders of text and shipped names"):
            read_eval(spec)
    with pytest.raises(InputError, match="no file, folder or shipped eval called 'frming'"):
        read_eval("frming")
    with pytest.raises(InputError, match="holds no prompts"):
        read_eval(tmp_path)


def test_a_shipped_name_is_a_folder_of_evals(tmp_path, monkeypatch):
    for name in ("framing", "background", "calibration"):
        (tmp_path / "evals" / name).mkdir(parents=True)
        (tmp_path / "evals" / name / "one.txt").write_text("[USER]\nhello")
    monkeypatch.setattr(evals_module, "shipped", lambda *parts: tmp_path.joinpath(*parts))
    monkeypatch.chdir(tmp_path)
    assert read_eval("framing").name == "framing"
    with pytest.raises(InputError, match=r"did you mean 'framing'.*the shipped evals are framing"):
        read_eval("framin")
    with pytest.raises(InputError, match="no file, folder or shipped eval"):
        read_eval("background")


@pytest.mark.parametrize(
    ("name", "items", "messages"),
    [
        ("agentic_misalignment/rendered", 234, 468),
        ("xstest_prompts.csv", 450, 450),
        ("daily_dilemmas.csv", 1360, 1360),
        ("moralchoice_high_ambiguity.csv", 680, 2040),
        ("anthropic/survival-instinct.jsonl", 1000, 1000),
        ("anthropic/corrigible-neutral-HHH.jsonl", 1000, 1000),
        ("inspect_examples/bias_detection.jsonl", 100, 100),
        ("inspect_examples/biology_qa.jsonl", 20, 20),
        ("inspect_examples/popularity.jsonl", 100, 100),
        ("inspect_examples/security_guide.jsonl", 16, 16),
        ("inspect_examples/theory_of_mind.jsonl", 100, 100),
    ],
)
def test_real_evals_load_without_options(real, name, items, messages):
    found = read_eval(real / "evals" / name)
    assert (len(found.items), sum(len(item.messages) for item in found.items)) == (items, messages)
    assert all(message.text.strip() for item in found.items for message in item.messages)


def test_what_stands_beside_a_question_counts_too(tmp_path):
    path = tmp_path / "e.jsonl"
    path.write_text(
        '{"question": "What now?", "context": "The pump is off.", "system": "", "system_prompt": "You help."}\n'
    )
    (item,) = read_eval(path).items
    assert [(m.role, m.text) for m in item.messages] == [
        ("system", "You help."), ("user", "What now?"), ("user", "The pump is off."),
    ]  # fmt: skip


def test_every_file_of_a_folder_is_part_of_the_eval(tmp_path):
    (tmp_path / "notes.txt").write_text("[USER]\nfirst")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.jsonl").write_text('{"id": "1", "input": "second"}\n')
    assert {item.id: item.messages[0].text for item in read_eval(tmp_path).items} == {
        "notes": "first",
        "sub/b/1": "second",
    }
    (tmp_path / "items.yml").write_text("- third")
    with pytest.raises(InputError, match=r"items.yml is of a kind that is not read"):
        read_eval(tmp_path)


@pytest.mark.parametrize(
    ("row", "texts"),
    [
        ({"passage": "The pump is off.", "prompt": "Why?"}, ["Why?", "The pump is off."]),
        ({"question": "Is this true: rain is dry.", "statement": "rain is dry."}, ["Is this true: rain is dry."]),
        ({"input": "a b", "scenario": 3, "background": "It rains."}, ["a b", "It rains."]),
        ({"context": "", "input": "a b", "story": None}, ["a b"]),
    ],
)
def test_every_filled_field_is_shown_once(tmp_path, row, texts):
    (item,) = read_eval(lines(tmp_path / "e.jsonl", row)).items
    assert [message.text for message in item.messages] == texts


def test_a_row_may_be_a_control(tmp_path):
    rows = [{"id": 1, "input": "a", "control": True}, {"input": "b", "control": "true"}, {"id": 2, "input": "c"}]
    found = [
        item.id
        for item in read_eval(lines(tmp_path / "e.jsonl", *rows, {"id": 3, "input": "d", "control": False})).items
    ]
    assert found[0] == "control-1" and found[1].startswith("control-") and found[2:] == ["2", "3"]


def test_half_a_surrogate_pair_is_replaced_in_messages_and_ids(tmp_path):
    (item,) = read_eval(lines(tmp_path / "e.jsonl", {"id": "x\ud83d", "input": "a \ud83d b"})).items
    assert (item.id, item.messages[0].text) == ("x\ufffd", "a \ufffd b")


def test_what_is_passed_over_is_a_readme_or_a_licence_and_not_a_scenario_about_one(tmp_path):
    for name in ("README.fr.md", "LICENSE-MIT", "licence.txt", "licence-dispute.txt"):
        (tmp_path / name).write_text(name)
    assert [item.id for item in read_eval(tmp_path).items] == ["licence-dispute"]

from builder.emit.card_facts import fact_tables, table


def test_facts_of_the_same_names_stand_side_by_side() -> None:
    text = "\n".join(fact_tables({"near": 0.82, "b": {"x": 3, "y": 4}, "a": {"x": 1, "y": 2.5}}, "Limits"))
    assert "| near | 0.82 |" in text and "|  | x | y |\n| --- | --- | --- |\n| a | 1 | 2.5 |\n| b | 3 | 4 |" in text


def test_every_fact_is_shown_however_deep() -> None:
    facts = {
        "deep": {"p": {"own": {"lost": 41}}, "q": {"r": 42}},
        "list": [{"a": 43}],
        "few": [44, 45],
        "none": {},
        "no": False,
    }
    text = "\n".join(fact_tables(facts, "Facts"))
    assert all(f"{value}" in text for value in range(41, 46))
    assert "| none | none |" in text and "| no | no |" in text


def test_numbers_are_readable() -> None:
    assert table(("n",), [(1234567,), (0.123456,), (None,)]).splitlines()[2:] == [
        "| 1,234,567 |",
        "| 0.1235 |",
        "| none |",
    ]

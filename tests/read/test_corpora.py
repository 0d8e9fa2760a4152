"""Anybody's corpus: shapes, ids, and one sentence for each thing that can be wrong."""

import contextlib
import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from builder.errors import InputError
from builder.hashing import content_id
from builder.read import read_corpus

DIALOGUE = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Good day"}]
JOINED = "USER: Hello\n\nASSISTANT: Good day"


def lines(path, *rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ({"text": "One"}, "One"),
        ({"text": ""}, ""),
        ({"text": "[not json"}, "[not json"),
        ({"messages": DIALOGUE}, JOINED),
        ({"messages": json.dumps(DIALOGUE)}, JOINED),
        ({"messages": [{"from": "human", "value": "Hello"}, {"from": "gpt", "value": "Good day"}]}, JOINED),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}, DIALOGUE[1]]},
            JOINED,
        ),
        ({"prompt": "Hello", "response": "Good day"}, JOINED),
        ({"prompt": DIALOGUE[:1], "response": "Good day"}, JOINED),
        ({"text": "One", "messages": DIALOGUE}, "One"),
        ({"text": None, "messages": DIALOGUE}, JOINED),
    ],
)
def test_text_is_found_by_name(tmp_path, row, text):
    (found,) = read_corpus(lines(tmp_path / "c.jsonl", row))
    assert (found.text, found.id) == (text, content_id(text))


def test_ids_are_kept_made_and_numbered(tmp_path):
    path = lines(tmp_path / "c.jsonl", {"id": 7, "text": "a"}, {"id": "x", "text": "a"}, {"text": "a"}, {"text": "a"})
    assert [t.id for t in read_corpus(path)] == ["7", "x", content_id("a"), content_id("a") + "-2"]


def test_the_text_field_can_be_named(tmp_path):
    path = lines(tmp_path / "c.jsonl", {"text": "no", "body": "yes", "kind": 3})
    (found,) = read_corpus(path, "body")
    assert found.text == "yes"
    with pytest.raises(InputError, match=r"c\.jsonl, line 1: there is no field 'bodi'; did you mean 'body'"):
        list(read_corpus(path, "bodi"))
    with pytest.raises(InputError, match="'kind' holds neither"):
        list(read_corpus(path, "kind"))


def test_formats(tmp_path):
    rows = [{"id": "1", "text": 'One, "two"\nthree'}, {"id": "2", "text": "vier é"}]
    lines(tmp_path / "a.jsonl", *rows)
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress((tmp_path / "a.jsonl").read_bytes()))
    (tmp_path / "bom.jsonl").write_bytes(
        b"\xef\xbb\xbf" + (tmp_path / "a.jsonl").read_bytes().replace(b"\n", b"\r\n\r\n")
    )
    (tmp_path / "a.csv").write_text('id,text\n1,"One, ""two""\nthree"\n2,vier é\n', encoding="utf-8-sig")
    (tmp_path / "a.tsv").write_text('id\ttext\n1\t"One, ""two""\nthree"\n2\tvier é\n', encoding="utf-8")
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    for name in ("a.jsonl", "a.jsonl.gz", "bom.jsonl", "a.csv", "a.tsv", "a.parquet"):
        assert [{"id": t.id, "text": t.text} for t in read_corpus(tmp_path / name)] == rows, name


def test_a_folder_of_text_is_read_sorted_and_recursively(tmp_path):
    for name in ("b.md", "a/z.txt", "a/b/c.txt", ".hidden.txt", ".git/x.txt", "README.md", "LICENSE"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    assert [t.id for t in read_corpus(tmp_path)] == ["a/b/c.txt", "a/z.txt", "b.md"]
    (one,) = read_corpus(tmp_path / "b.md")
    assert (one.id, one.text) == ("b", "b.md")


def test_a_build_and_a_folder_of_parquet_are_read(tmp_path):
    for family in ("story", "advice"):
        folder = tmp_path / "data" / family
        folder.mkdir(parents=True)
        rows = [{"id": f"{family}{i}", "text": None, "messages": DIALOGUE} for i in range(2)]
        pq.write_table(pa.Table.from_pylist(rows), folder / "train-00000.parquet")
    (tmp_path / "README.md").write_text("card")
    (tmp_path / ".build").mkdir()
    pq.write_table(pa.table({"text": ["hidden"]}), tmp_path / ".build" / "x.parquet")
    expected = ["advice0", "advice1", "story0", "story1"]
    assert [t.id for t in read_corpus(tmp_path)] == expected
    assert [t.id for t in read_corpus(tmp_path / "data")] == expected
    assert all(t.text == JOINED for t in read_corpus(tmp_path))


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("c.jsonl", b'{"text": "a"}\n\n{"text": "\xff"}\n', r"c\.jsonl, line 3: the bytes are not UTF-8"),
        ("c.csv", b"text\na\n\xe9t\xe9\n", r"c\.csv, line 3: the bytes are not UTF-8"),
        ("c.txt", b"a\n\xff", r"c\.txt, line 2: the bytes are not UTF-8"),
        ("c.jsonl", b'{"text": "a"}\n{"title": "b", "n": 1}\n', r"line 2: there is no text.*'title', 'n'"),
        ("c.jsonl", b'{"text": "a"}\n{"text": 1}\n', r"line 2: there is no text"),
        ("c.jsonl", b'{"prompt": "a"}\n', r"line 1: there is no text"),
        ("c.jsonl", b'{"id": "x", "text": "a"}\n{"id": "x", "text": "b"}\n', r"line 2: the id 'x' .* line 1"),
        ("c.jsonl", b'{"text": "a"}\n{"text": \n', r"line 2: this is not JSON"),
        ("c.jsonl", b'["a"]\n', r"line 1: a JSON list stands here"),
        ("c.jsonl", b"\n\n", "holds no documents"),
        ("c.csv", b"id,text\n", "holds no documents"),
        ("c.csv", b"id,text\n1,a,b\n", r"line 2: 3 cells stand under 2 columns"),
        ("c.csv", b'id,text\n1,"a\nb"\n2,"x" y\n', r"line 4: this is not a table"),
        ("c.csv", b"text,text\na,b\n", r"line 1: two columns are called 'text'"),
        ("c.parquet", b"PAR1 no", "not a Parquet file"),
        ("c.jsonl.gz", b"not gzip", "damaged"),
        ("c.jsonl.gz", gzip.compress(b'{"text": "a"}\n' * 500, mtime=0)[:-9], "damaged"),
        ("c.json", b"{}", r"\.json are not read; did you mean '\.jsonl'"),
        ("c", b"{}", "end in nothing are not read"),
    ],
)
def test_mistakes_get_one_sentence_with_the_place(tmp_path, name, data, words):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(InputError, match=words) as caught:
        list(read_corpus(path))
    assert "\n" not in str(caught.value)
    assert name in str(caught.value)


def test_missing_and_empty_places(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        list(read_corpus(tmp_path / "nothing"))
    with pytest.raises(InputError, match="holds no documents"):
        list(read_corpus(tmp_path))


def test_the_real_corpus(real):
    found = list(read_corpus(real / "corpora" / "constitution_documents.jsonl"))
    assert len(found) == len({t.id for t in found}) == 600


def test_rows_and_texts_in_one_folder_are_all_read(tmp_path):
    (tmp_path / "a.txt").write_text("one")
    lines(tmp_path / "b.jsonl", {"id": "x", "text": "two"})
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "c.csv").write_text("id,text\ny,three\n")
    assert [t.text for t in read_corpus(tmp_path)] == ["one", "two", "three"]


def test_a_file_that_cannot_be_read_is_never_left_out_in_silence(tmp_path):
    (tmp_path / "a.txt").write_text("one")
    (tmp_path / "slides.pdf").write_bytes(b"%PDF")
    with pytest.raises(InputError, match=r"slides.pdf is of a kind that is not read"):
        list(read_corpus(tmp_path))


def test_half_a_surrogate_pair_is_replaced(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "a \\ud83d b"}\n{"text": "c \\ud83d\\ude00 d"}\n')
    assert [t.text for t in read_corpus(tmp_path / "a.jsonl")] == ["a \ufffd b", "c \U0001f600 d"]


def test_a_damaged_gzip_is_one_sentence(tmp_path):
    whole = gzip.compress(b"".join(b'{"id": %d, "text": "a"}\n' % i for i in range(2000)))
    path = tmp_path / "a.jsonl.gz"
    for place in range(0, len(whole), len(whole) // 40):
        for data in (whole[: place + 1], whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :]):
            path.write_bytes(data)
            with contextlib.suppress(InputError):
                list(read_corpus(path))
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"a\.jsonl\.gz, after line \d+: the file is damaged"):
        list(read_corpus(path))

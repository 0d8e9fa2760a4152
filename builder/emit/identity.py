"""What makes a document this document: the content hash of its body."""

from collections.abc import Sequence

from builder.hashing import content_id
from builder.records import Message


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

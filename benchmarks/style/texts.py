"""A corpus as turns, sentences and paragraphs. A document that is no dialogue is one turn of the role `text`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from builder.emit.manifest import NAME as MANIFEST
from builder.measure.words import words_of
from builder.read import read_corpus
from builder.read.formats import read_rows
from builder.read.messages import messages_in

TEXT, USER, ASSISTANT = "text", "user", "assistant"
_SPOKEN = (TEXT, USER, ASSISTANT)
_LONGEST_TITLE = 14  # words

# `join_messages`, by which the reader makes one text of a dialogue, writes turns like this.
_TURN = re.compile(r"(?:\A|\n\n)(SYSTEM|USER|ASSISTANT|TOOL): ?")
_LINE_MARK = re.compile(r"^\s*(?:(?:#{1,6}|>|[-*•]|\d{1,3}[.)])\s+)+")
_BOUNDARY = re.compile(r"(?:(?<=[.!?…।。])|(?<=[.!?…।。][\"'”’)\]]))\s+(?=\W*[^\Wa-z])")
_ABBREVIATED = re.compile(r"(?:^|\W)(?:Mr|Mrs|Ms|Dr|Prof|St|vs|No|e\.g|i\.e|[A-Z])\.$")
_ENDED = re.compile(r"[.!?…।。][\"'”’)\]]*$")


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn: `role` is text, system, user, assistant or tool."""

    role: str
    text: str


@dataclass(frozen=True)
class Text:
    """One document; `family` and `brief` are filled for a build's, and `is_judged` says whether its review said more
    than "not applicable".
    """

    turns: tuple[Turn, ...]
    family: str = ""
    brief: str = ""
    is_judged: bool = True

    @property
    def is_dialogue(self) -> bool:
        """Whether somebody is answered."""
        return any(turn.role == ASSISTANT for turn in self.turns)

    @cached_property
    def spoken(self) -> tuple[Turn, ...]:
        """The turns in a voice: neither system prompts nor what tools return."""
        return tuple(turn for turn in self.turns if turn.role in _SPOKEN) or self.turns

    @cached_property
    def prose(self) -> str:
        """The spoken turns as one text."""
        return "\n\n".join(turn.text for turn in self.spoken)

    @cached_property
    def sentences(self) -> list[str]:
        """The sentences of the spoken turns."""
        return [sentence for turn in self.spoken for sentence in sentences_of(turn.text)]

    @cached_property
    def answers(self) -> list[str]:
        """The assistant's turns."""
        return [turn.text for turn in self.turns if turn.role == ASSISTANT]

    @cached_property
    def length(self) -> int:
        """Words between white space, in every turn."""
        return sum(len(turn.text.split()) for turn in self.turns)


def text_of(body: str) -> Text:
    """A document from its body; a body that begins with a role in capitals is a dialogue."""
    pieces = _TURN.split(body)
    if len(pieces) == 1 or pieces[0].strip():
        return Text((Turn(TEXT, body),))
    turns = zip(pieces[1::2], pieces[2::2], strict=True)
    return Text(tuple(Turn(role.lower(), said) for role, said in turns))


def read_texts(path: Path, text_field: str | None = None) -> list[Text]:
    """The documents of a build folder, with their families and briefs, or of any other corpus.

    Raises:
        InputError: as `read_corpus` does.
    """
    if not is_build(path):
        return [text_of(document.text) for document in read_corpus(path, text_field)]
    rows = (row.fields for shard in sorted((path / "data").glob("*/*.parquet")) for row in read_rows(shard))
    found: list[Text] = []
    for row in rows:
        messages = messages_in(row.get("messages")) or ()
        turns = tuple(Turn(m.role, m.content) for m in messages) or (Turn(TEXT, str(row["text"])),)
        unjudged = any(f["check"] == "review" and f["reason"] == "not judged" for f in row.get("findings") or ())
        found.append(Text(turns, str(row["family"]), str(row["brief"]), not unjudged))
    return found


def is_build(path: Path) -> bool:
    """Whether a path is a finished build: it has a manifest and tables."""
    return (path / MANIFEST).is_file() and (path / "data").is_dir()


def sentences_of(text: str) -> list[str]:
    """The sentences of a text, without list marks and bold. A line ends one, so a heading stands alone."""
    found: list[str] = []
    for line in text.splitlines():
        bare = _LINE_MARK.sub("", line).replace("**", "").strip()
        joined = ""
        for piece in _BOUNDARY.split(bare):
            joined = f"{joined} {piece}" if joined else piece
            if not _ABBREVIATED.search(joined):
                found.append(joined)
                joined = ""
        if joined:
            found.append(joined)
    return [sentence for sentence in found if any(character.isalnum() for character in sentence)]


def is_ended(sentence: str) -> bool:
    """Whether a sentence has its full stop, question mark or the like; a heading or a signature has none."""
    return _ENDED.search(sentence) is not None


def paragraphs_of(text: str) -> list[str]:
    """What stands between blank lines."""
    return [paragraph.strip() for paragraph in re.split(r"\n\s*\n", text) if paragraph.strip()]


def without_title(text: str) -> str | None:
    """What follows a title, which is a first line of few words that is marked as a heading or has no full stop and
    has a blank line after it; None where there is no title.
    """
    paragraphs = paragraphs_of(text)
    if len(paragraphs) < 2 or "\n" in paragraphs[0]:
        return None
    first = paragraphs[0]
    titled = first.startswith("#") or not (is_ended(first) or first.endswith((":", ",", ";")))
    return "\n\n".join(paragraphs[1:]) if titled and len(first.split()) <= _LONGEST_TITLE else None


def first_words(text: str, count: int) -> tuple[str, ...]:
    """The first so many words of a text, folded as the screens fold them; fewer where it is shorter."""
    return tuple(words_of(text[: 60 * count]).words[:count])


def words_in(texts: Sequence[Text]) -> int:
    """All words of some documents."""
    return sum(text.length for text in texts)

"""Quotations held against their source: word for word, whatever the white space, quotation marks and Markdown."""

import re
from collections.abc import Iterator

from builder.constitution.importers.sentences import blocks, plain, sentences, squeeze

_MARKS = str.maketrans(dict.fromkeys('“”„«»‘’‛"`', "'"))
# Single marks count where they open a word and close one; an apostrophe does neither or only one.
_QUOTED = re.compile(
    r"“([^“”]+)”|\"([^\"]+)\"|«([^«»]+)»|„([^„“”]+)[“”]|‘([^‘]+?)’(?!\w)|(?<!\w)'(?=\S)([^']+?)(?<=\S)'(?!\w)"
)


class Source:
    """A text that is quoted from."""

    def __init__(self, text: str) -> None:
        self._text = _normal(text)

    def has(self, quotation: str) -> bool:
        """Whether the quotation stands in the text, as whole words; punctuation at its ends does not count."""
        wanted = _normal(quotation).strip(" '.,;:!?…")
        return bool(wanted) and re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", self._text) is not None

    def cleaned(self, text: str) -> tuple[str, tuple[str, ...], int]:
        """A text without the sentences whose quotations are not in the source.

        Returns what is left (perhaps nothing), the quotations that failed, and how many stand.
        """
        kept: list[str] = []
        failed: list[str] = []
        standing = 0
        for paragraph in re.split(r"\n\s*\n", text.strip()):
            wrong = [quotation for quotation, _ in _quotations(paragraph) if not self.has(quotation)]
            standing += sum(1 for _ in _quotations(paragraph)) - len(wrong)
            failed += wrong
            left = self._without(paragraph) if wrong else paragraph
            if left:
                kept.append(left)
        return "\n\n".join(kept), tuple(failed), standing

    def _without(self, paragraph: str) -> str:
        pieces = sentences(paragraph)
        whole = " ".join(pieces)
        wrong = [span for quotation, span in _quotations(whole) if not self.has(quotation)]
        kept: list[str] = []
        start = 0
        for piece in pieces:
            end = start + len(piece)
            if not any(first < end and start < last for first, last in wrong):
                kept.append(piece)
            start = end + 1
        return " ".join(kept)


def _quotations(text: str) -> Iterator[tuple[str, tuple[int, int]]]:
    """Every text in quotation marks, with its place."""
    for match in _QUOTED.finditer(text):
        yield next(group for group in match.groups() if group), match.span()


def _normal(text: str) -> str:
    return squeeze(plain(" ".join(blocks(text))).translate(_MARKS))

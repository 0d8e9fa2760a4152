"""Quotations held against their source: word for word, whatever the white space, quotation marks and Markdown."""

import re
from html import unescape

from builder.constitution.importers.prose import is_unspaced
from builder.constitution.importers.sentences import blocks, plain, sentences, squeeze
from builder.constitution.marks import MARKS, find_quotations, inside

_SAME = str.maketrans(dict.fromkeys(MARKS, "'"))
_BLOCK = re.compile(r"(?:^ {0,3}>.*(?:\n|\Z))+", re.MULTILINE)
_LOOSE = re.compile(r"^ {0,3}(?:>|#{1,6}\s)\s?", re.MULTILINE)


class Source:
    """A text that is quoted from."""

    def __init__(self, text: str) -> None:
        self._text = _normal(text)

    def has(self, quotation: str) -> bool:
        """Whether the quotation stands in the text, as whole words; punctuation at its ends does not count.

        Where a script sets no spaces, any part of a text will do.
        """
        wanted = _normal(quotation).strip(" '.,;:!?…")
        if not wanted:
            return False
        before = "" if is_unspaced(wanted[0]) else r"(?<!\w)"
        after = "" if is_unspaced(wanted[-1]) else r"(?!\w)"
        return re.search(f"{before}{re.escape(wanted)}{after}", self._text) is not None

    def cleaned(self, text: str) -> tuple[str, tuple[str, ...], int]:
        """A text without the sentences whose quotations are not in the source, or of which a mark stands alone.

        Returns what is left (perhaps nothing), the quotations that failed, and how many stand.
        """
        text = unescape(text)  # a mark written as &ldquo; is a mark to whoever reads it as HTML
        quoted = [_LOOSE.sub("", block) for block in _BLOCK.findall(text)]
        failed = [squeeze(block) for block in quoted if not self.has(block)]
        standing = len(quoted) - len(failed)
        kept_blocks = iter([self.has(block) for block in quoted])
        text = _BLOCK.sub(lambda block: block[0] if next(kept_blocks) else "\n", text)

        paragraphs = [
            (paragraph, sentences(_LOOSE.sub("", paragraph))) for paragraph in re.split(r"\n\s*\n", text.strip())
        ]
        whole = " ".join(piece for _, pieces in paragraphs for piece in pieces)
        found = find_quotations(whole)
        said = [(span, one) for span in found.quotations if (one := inside(whole, span))]
        wrong = [(span, one) for span, one in said if not self.has(one)]
        standing += len(said) - len(wrong)
        wrong += [(span, _from(whole, span[0])) for span in found.unmatched]
        return _without(paragraphs, [span for span, _ in wrong]), (*failed, *(one for _, one in wrong)), standing


def _without(paragraphs: list[tuple[str, list[str]]], spans: list[tuple[int, int]]) -> str:
    """The paragraphs without the sentences that lie in one of the spans; one that loses nothing stays as it is."""
    kept: list[str] = []
    start = 0
    for paragraph, pieces in paragraphs:
        left = []
        for piece in pieces:
            end = start + len(piece)
            if not any(first < end and start < last for first, last in spans):
                left.append(piece)
            start = end + 1
        if left:
            kept.append(paragraph if len(left) == len(pieces) else " ".join(left))
    return "\n\n".join(kept)


def _from(text: str, start: int) -> str:
    return " ".join(text[start : start + 200].split()[:12])


def _normal(text: str) -> str:
    return squeeze(plain(" ".join(blocks(text))).translate(_SAME))

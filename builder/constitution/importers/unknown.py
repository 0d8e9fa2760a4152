"""What to say of a file in which no principle can be told from the next: what it looks like, and what to do."""

from builder.constitution.importers.headed import headed_parts
from builder.constitution.importers.listed import entries_of

_TITLES = "put a heading such as '## Honesty' above each principle"
_MARKUP = {"<!doctype html": "HTML", "<html": "HTML", "<?xml": "XML", "\\documentclass": "LaTeX"}


def advice_on(text: str) -> str:
    """A sentence's end: what the text looks like, and what makes it importable."""
    start = text.lstrip()[:200].lower()
    markup = next((name for sign, name in _MARKUP.items() if start.startswith(sign)), None)
    if markup:
        return f"is {markup}; save it as Markdown, one heading over each principle"
    if start[:1] in ("{", "["):
        return "begins like JSON and is none; give it the ending .json to learn what is wrong, or mend it"
    entries = entries_of(text).entries
    if len(entries) > 1:
        return f"looks like a list of {len(entries)} entries, of which few ask anything of anybody; {_TITLES}"
    headings = len(headed_parts(text)) - 1
    if headings == 1:
        return f"has a single heading, so nothing tells one principle from the next; {_TITLES}"
    if headings > 1:
        return f"has {headings} headings and fewer than two with text under them; write each principle under its own"
    return f"looks like running text, in which nothing tells one principle from the next; {_TITLES}"

"""Text from elsewhere, made fit to stand inside a sentence on a terminal."""


def one_line(text: str) -> str:
    """A text on one line: white space as single spaces, and whatever could steer a terminal as its escape."""
    return " ".join(escaped("".join(" " if one.isspace() else one for one in text)).split())


def escaped(text: str) -> str:
    """A text with every character that cannot be seen as its escape; spaces stay as they are."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text)

"""Collecting problems, so that one kind of damage in a million rows stays readable."""

_SHOWN = 10


class Problems:
    """Sentences by the check that found them; beyond the first ten of a check only their number is kept."""

    def __init__(self) -> None:
        self._found: dict[str, list[str]] = {}
        self._beyond: dict[str, int] = {}

    def add(self, check: str, sentence: str) -> None:
        """Record a problem that a check found."""
        shown = self._found.setdefault(check, [])
        if len(shown) < _SHOWN:
            shown.append(sentence)
        else:
            self._beyond[check] = self._beyond.get(check, 0) + 1

    def __bool__(self) -> bool:
        return bool(self._found)

    def sentences(self) -> list[str]:
        """All of them, check by check."""
        sentences: list[str] = []
        for check, shown in self._found.items():
            more = self._beyond.get(check, 0)
            sentences += [*shown, *([f"and {more} more problems of this kind: {check}"] if more else [])]
        return sentences

"""Every error that a user may see. Only `cli/` turns one into words on a terminal and an exit code."""


class ExemplaError(Exception):
    """Something the user can act on; the message is one sentence that names the place and the fix."""

    exit_code = 2


class InputError(ExemplaError):
    """The user must change an input, an option or the machine (exit 2)."""


class GateFailed(ExemplaError):
    """A lint or a gate said no (exit 1)."""

    exit_code = 1


class Incomplete(ExemplaError):
    """Finished work is kept and the same command goes on later (exit 3)."""

    exit_code = 3


def nearest(word: str, known: list[str]) -> str:
    """A ready-made hint `; did you mean 'x'?`, or nothing where no known word is close."""
    from difflib import get_close_matches

    close = get_close_matches(word, known, n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


def first_line(problem: BaseException) -> str:
    """The first line of another library's message, without its trailing full stop, to quote inside a sentence."""
    lines = str(problem).strip().splitlines()
    return lines[0].rstrip(". ") if lines else type(problem).__name__

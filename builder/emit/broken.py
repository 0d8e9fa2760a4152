"""The error for a build that contradicts itself: our bug, never the user's mistake."""

from builder.errors import ExemplaError


class BrokenBuild(ExemplaError):
    """What the build hands over does not add up (exit 70); nothing is written."""

    exit_code = 70

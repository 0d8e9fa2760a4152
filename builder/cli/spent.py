"""What a model's service charged, as facts for JSON and as a sentence."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from builder.model import Totals


def spent(totals: "Totals") -> dict[str, float | int]:
    """The charges over all runs of a build; dollars without an answer to show for them are `uncertain`."""
    from builder.model import dollars

    return {
        "dollars": dollars(totals.known),
        "uncertain_dollars": dollars(totals.uncertain),
        "requests": totals.attempts,
        "tokens_in": totals.read,
        "tokens_out": totals.written,
    }


def in_words(totals: "Totals") -> str:
    """The same as a sentence."""
    facts = spent(totals)
    unsure = facts["uncertain_dollars"]
    aside = f", and at most ${unsure:,.4f} more for requests that brought no answer" if unsure else ""
    return (
        f"{facts['requests']:,} requests in all runs, {facts['tokens_in']:,} tokens in, {facts['tokens_out']:,} out: "
        f"${facts['dollars']:,.4f}{aside}"
    )

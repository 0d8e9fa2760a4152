"""A constitution as Markdown, as prompts and readers get it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from builder.constitution.schema import Constitution, Principle


def constitution_text(constitution: "Constitution") -> str:
    """The charter and then every principle in full."""
    parts = [principle.text(constitution.titles) for principle in constitution.principles]
    return "\n\n".join([constitution.charter(), *parts])


def charter_text(constitution: "Constitution") -> str:
    """The name, the preamble, and which principles usually prevail."""
    parts = [f"# {constitution.name}"]
    if constitution.preamble.strip():
        parts.append(constitution.preamble.strip())
    if constitution.priorities:
        titles = constitution.titles
        lines = [
            _sentence(f"{titles[p.higher]} usually prevails over {titles[p.lower]}", p.why)
            for p in constitution.priorities
        ]
        parts.append("## Priorities\n\n" + "\n".join(f"- {line}" for line in lines))
    return "\n\n".join(parts)


def principle_text(principle: "Principle", titles: Mapping[str, str], level: int) -> str:
    """Statement, reasons, situations, tensions and misuse under one heading."""
    parts = [f"{'#' * level} {principle.title}", principle.statement, f"**Why.** {principle.why}"]
    if principle.situations:
        parts.append("**Situations**\n\n" + "\n".join(f"- {_item(one)}" for one in principle.situations))
    if principle.tensions:
        lines = []
        for tension in principle.tensions:
            exceptions = f" Exceptions: {tension.exceptions.strip()}" if tension.exceptions.strip() else ""
            lines.append(
                f"- With *{titles.get(tension.with_, tension.with_)}*: {_item(tension.resolution + exceptions)}"
            )
        parts.append("**Tensions**\n\n" + "\n".join(lines))
    if principle.misuse.strip():
        parts.append(f"**Misuse.** {principle.misuse.strip()}")
    return "\n\n".join(parts)


def _sentence(claim: str, why: str) -> str:
    return f"{claim}: {_item(why)}" if why.strip() else f"{claim}."


def _item(text: str) -> str:
    return text.strip().replace("\n", "\n  ")

"""The measured part of the card, written from the manifest alone."""

import html
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from builder.emit.manifest import Manifest, RejectedCount

_MOST_ROWS = 40
_MOST_FORMS = 12
_QUOTE = "'"
_SPACE = re.compile(r"\s+")


def facts_text(manifest: Manifest) -> str:
    """The card's facts as Markdown, without the markers and without a closing line break."""
    parts = (_opening, _notes, _holdings, _making, _sources, _left_out, _evals, _use)
    return "\n\n".join(part(manifest) for part in parts)


def _opening(manifest: Manifest) -> str:
    corpus, made_from = manifest.corpus, manifest.constitution
    families = ", ".join(f"`{family}`" for family in corpus.families) or "none"
    concern = f" The concern that weighted its principles: {inline(manifest.concern)}." if manifest.concern else ""
    return (
        f"{_count(corpus.documents, 'document')} with {_count(corpus.tokens, 'token')}, counted by "
        f"{inline(manifest.tokenizer)}. Families: {families}.\n\n"
        f"The documents were written from *{inline(made_from.name)}*, the constitution of "
        f"{inline(made_from.character)}, to show and explain the conduct it describes.{concern}"
    )


def _holdings(manifest: Manifest) -> str:
    families = manifest.corpus.families
    if not families:
        return "## What it holds\n\nNo document was kept."
    names = list(families)
    forms = [(n, form, c) for n, family in families.items() for form, c in family.forms.items()]
    forms.sort(key=lambda row: (row[0], -row[2], row[1]))
    beyond = forms[_MOST_FORMS:]
    if beyond:
        forms[_MOST_FORMS:] = [("all", f"{len(beyond)} further forms", sum(count for *_, count in beyond))]
    return "\n\n".join(
        [
            "## What it holds",
            table(
                ("family", "layout", "documents", "tokens"),
                [(name, family.layout, family.documents, family.tokens) for name, family in families.items()],
            ),
            "Documents per principle and family. A document that shows two principles counts under both.",
            table(("principle", *names, "all"), _across([family.principles for family in families.values()])),
            "Documents per persona, that is, whose conduct is shown:",
            table(("persona", *names, "all"), _across([family.personas for family in families.values()])),
            "Documents per form:",
            table(("family", "form", "documents"), forms),
        ]
    )


def _across(counts: list[dict[str, int]]) -> list[tuple[str | int, ...]]:
    """A row per name with its count in each family and in all."""
    names = sorted({name for family in counts for name in family})
    rows = [(name, [family.get(name, 0) for family in counts]) for name in names]
    return [(name, *row, sum(row)) for name, row in rows]


def _making(manifest: Manifest) -> str:
    recorded = sum(family.recorded for family in manifest.corpus.families.values())
    order = [*manifest.stages, *sorted(set(manifest.models) - set(manifest.stages))]
    stages = [(stage, manifest.models[stage]) for stage in order if stage in manifest.models]
    replayed = f" {_count(recorded, 'document')} come from recorded answers." if recorded else ""
    return "\n\n".join(
        [
            "## How the text came about",
            f"Exempla planned {_count(manifest.planned, 'brief')} and had a model write them stage by stage "
            f"through the backend {code(manifest.backend)}. All text is synthetic; the people, places and "
            f"events in it are invented.{replayed}",
            table(("stage", "model"), stages),
        ]
    )


def _sources(manifest: Manifest) -> str:
    rows = [(label, entry.path, entry.sha256) for label, entry in sorted(manifest.inputs.items())]
    versions = ", ".join(
        f"{inline(package)} {inline(version)}" for package, version in sorted(manifest.versions.items())
    )
    return "\n\n".join(
        [
            "## What it was built from",
            table(("input", "path", "sha256"), rows),
            *_choices(manifest),
            f"Seed {manifest.seed}. Versions: {versions}. The same inputs, seed, model answers and versions "
            "give the same bytes; `manifest.json` has the hash of every file.",
        ]
    )


def _choices(manifest: Manifest) -> list[str]:
    """The settings, name by name, and the first digits of each fingerprint; the manifest has both in full."""
    settings = sorted(_flat(manifest.settings), key=lambda setting: setting[0])
    prints = [f"{inline(name)} {code(value[:12])}" for name, value in sorted(manifest.fingerprints.items())]
    return [
        *([table(("setting", "value"), settings)] if settings else []),
        *([f"Fingerprints of what measured and screened: {', '.join(prints)}."] if prints else []),
    ]


def _flat(values: Mapping[str, Any], place: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{place}{name}.")
        else:
            yield f"{place}{name}", value


def _left_out(manifest: Manifest) -> str:
    parts = [
        "## What was left out",
        "Every stage either keeps a brief or rejects it with one primary reason.",
        table(
            ("stage", "in", "kept", "rejected"),
            [(s, c.in_, c.kept, c.rejected) for s, c in manifest.staged()],
        ),
    ]
    if manifest.rejected:
        order = manifest.stages
        reasons = sorted(manifest.rejected, key=lambda r: (order.index(r.stage), -r.count, r.reason, r.action))
        parts.append(table(("stage", "action", "reason", "briefs"), _reasons(reasons)))
    return "\n\n".join(parts)


def _reasons(reasons: list[RejectedCount]) -> list[tuple[str, str, str, int]]:
    rows = [(r.stage, r.action, r.reason, r.count) for r in reasons[:_MOST_ROWS]]
    rest = reasons[_MOST_ROWS:]
    if rest:
        rows.append(("several", "several", f"{len(rest)} further reasons", sum(r.count for r in rest)))
    return rows


def _evals(manifest: Manifest) -> str:
    screening = manifest.screening
    parts = ["## Evals it was kept away from"]
    if not manifest.evals:
        parts.append("None. Nothing can be said about how near the corpus comes to any evaluation.")
    else:
        parts.append(
            table(("eval", "items", "fingerprint"), [(e.name, e.items, e.fingerprint) for e in manifest.evals])
        )
        parts.append(f"Policy: {code(screening.policy)}. {_POLICIES.get(screening.policy, '')}".strip())
    if manifest.embeddings.embedder:
        parts.append(f"Passages were compared with the embedder {inline(manifest.embeddings.embedder)}.")
    parts += fact_tables(screening.thresholds, "Thresholds")
    parts += fact_tables(_without_zeros(screening.facts), "Measured while screening (`screened`)")
    parts.append(_LABEL)
    return "\n\n".join(parts)


def _without_zeros(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts with attrition only where something was lost; the manifest has every row."""
    shown = dict(facts)
    attrition = facts.get("attrition")
    if isinstance(attrition, dict):
        lossy = {axis: {name: row for name, row in rows.items() if row.get("lost")} for axis, rows in attrition.items()}
        shown["attrition"] = {axis: rows for axis, rows in lossy.items() if rows}
    return {name: fact for name, fact in shown.items() if fact not in ({}, [])}


def _notes(manifest: Manifest) -> str:
    notes = "\n".join(f"- {inline(note)}" for note in (*manifest.notes, _UNTRAINED))
    return f"## Know before use\n\n{notes}"


def _use(manifest: Manifest) -> str:
    dialogues = [f"`{name}`" for name, family in manifest.corpus.families.items() if family.layout == "dialogue"]
    turns = f" In {', '.join(dialogues)}, train only on the turns whose `train` is set." if dialogues else ""
    return "## Use and limits\n\n" + _USE.format(turns=turns)


def _count(value: int, noun: str) -> str:
    return f"**{number(value)} {noun}{'' if value == 1 else 's'}**"


_POLICIES = {
    "held_out": (
        "Documents found to repeat, paraphrase, restage or discuss an eval were dropped; documents that "
        "could not be judged were held back. The notes at the top say which views took no part."
    ),
    "production": (
        "Documents in which an AI behaves well in an eval's own dilemma were kept, so these evals are no "
        "longer held out: a model trained on this corpus has rehearsed them."
    ),
}

_UNTRAINED = (
    "As far as Exempla knows, no model has been trained on this corpus, and what it teaches has not been measured."
)

_LABEL = (
    "Figures labelled `screened` were measured with the instrument that chose the documents: what that "
    "instrument misses, they miss too. A claim about the released corpus needs an independent instrument, "
    "one that took no part in the build: another view, another embedder, a judge or a human reader."
)

_USE = (
    "Unless a note above rules it out, the corpus is meant for training a model's character and for research "
    "on such training: texts for continued pretraining, dialogues for supervised fine-tuning, both mixed "
    "with other data.{turns}\n\n"
    "It carries the values of its constitution and the habits of the models that wrote it. It is in English "
    "only. It is no source of facts about the world, and it does not show that a model trained on it behaves "
    "as its characters do. Distance from an eval guards against contamination; it is no evidence that "
    "training generalises."
)


def inline(value: object) -> str:
    """A value as one line of Markdown that opens no table cell, no tag and no comment."""
    text = html.escape(_SPACE.sub(" ", str(value)).strip(), quote=False)
    return text.replace("|", "\\|")


def code(value: object) -> str:
    """A name as an inline code span."""
    return f"`{inline(value).replace('`', _QUOTE)}`"


def number(value: float) -> str:
    """An integer with thousands separated; a fraction with four significant digits."""
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; numbers are written with separated thousands, every other cell is made safe."""
    lines = [head, ["---"] * len(head), *([_cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def fact_tables(facts: Mapping[str, Any], title: str) -> list[str]:
    """Nested facts as captioned tables: plain values together, groups of the same names side by side."""
    if _alike(facts):
        return [f"{title}:", _columns([{"": name, **inner} for name, inner in sorted(facts.items())])]
    plain = {key: value for key, value in sorted(facts.items()) if _is_plain(value)}
    parts = [f"{title}:", table(("name", "value"), plain.items())] if plain else []
    groups = {key: value for key, value in facts.items() if key not in plain}
    if len(groups) > 1 and _alike(groups) and len({frozenset(group) for group in groups.values()}) == 1:
        return [*parts, *fact_tables(groups, f"{title}, by name")]
    for key, value in sorted(groups.items()):
        caption = f"{title}, {inline(key)}"
        if isinstance(value, list):
            parts += [f"{caption}:", _columns(value)]
        else:
            parts += fact_tables(value, caption)
    return parts


def _columns(rows: Sequence[Mapping[str, Any]]) -> str:
    head = list(dict.fromkeys(name for row in rows for name in row))
    return table([inline(name) for name in head], [[row.get(name, 0) for name in head] for row in rows])


def _alike(groups: Mapping[str, Any]) -> bool:
    return bool(groups) and all(isinstance(group, Mapping) and _all_plain(group) for group in groups.values())


def _all_plain(values: Mapping[str, Any]) -> bool:
    return all(_is_plain(value) for value in values.values())


def _is_plain(value: object) -> bool:
    if isinstance(value, list):
        return not value or not all(isinstance(entry, Mapping) and _all_plain(entry) for entry in value)
    return not isinstance(value, Mapping) or not value


def _cell(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, list | tuple):
        return ", ".join(_cell(entry) for entry in value) or "none"
    return inline(value) if value != {} else "none"

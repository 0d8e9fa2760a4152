"""Distilling: a language model proposes the fields of an imported constitution from the source text alone.

Everything stays beside the file that is being made, in `FILE.build/`: the ledger, and the exchange of the `files`
backend. Run again, it asks nothing that was answered before; when the file is written and read, the folder may go.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.asking import ATTEMPTS, STAGE, Asking
from builder.constitution import FIELDS, Constitution, Imported, Principle, Proposal
from builder.constitution.templating import DEFAULT_CHARACTER, DEFAULT_DEVELOPER, hides_names
from builder.errors import InputError
from builder.model import Caller, Ledger, ModelConfig, Opening, Spend, open_backend, prove_backend
from builder.model.offline import NAME as OFFLINE
from builder.one_line import one_line
from builder.progress import Progress, Watch, unwatched
from builder.shipped import shipped
from builder.write import Prompts


@dataclass(frozen=True, slots=True)
class Distilled:
    """The constitution with what was proposed, how many principles were asked about, fields accepted, and notes."""

    constitution: Constitution
    asked: int
    fields: int
    notes: tuple[str, ...]


def folder_beside(output: Path) -> Path:
    """Where the answers about a constitution's file are kept: `linnet.yaml.build` for `linnet.yaml`."""
    return output.with_name(f"{output.name}.build")


def distill(
    imported: Imported,
    output: Path,
    *,
    config: ModelConfig,
    model: str,
    prompts: Path,
    spend: Spend | None = None,
    root: Path = Path(),
    limit: int | None = None,
    watch: Watch = unwatched,
) -> Distilled:
    """Ask about each planned principle (the first `limit` of them) and take over what can be read and verified.

    `config` says how the model is reached and `model` which one it is; `spend` is the most that it may cost. `root` is
    what the config's paths are relative to. `prompts` is a folder of prompts; the shipped prompt serves where it has
    none for distilling. Nothing is written but what lies in `folder_beside(output)`.

    Raises:
        InputError: if no principle is planned, or the backend cannot do it.
        Incomplete: while answers are waited for.
    """
    constitution = imported.constitution
    principles = constitution.planned[:limit]
    if not principles:
        raise InputError(
            "nothing to distill: no section was taken for a value, hard_constraint or disposition; "
            "import it without --distill and set the kinds by hand"
        )
    own = prompts / STAGE / f"{STAGE}.md"
    asking = Asking(constitution, Prompts(prompts if own.is_file() else shipped("stories", "prompts")), model)
    folder = folder_beside(output)
    models = (model, config.fallback) if config.fallback else (model,)
    _prove(config, spend, models, root, folder)
    asking.requests(principles[:1])  # a prompt that cannot be rendered shows before anything is written
    with Ledger(folder / "ledger.sqlite") as ledger:
        opening = Opening(
            config=config,
            spend=spend,
            models=models,
            root=root,
            decks=shipped("stories", "decks"),
            private=folder,
            ledger=ledger,
            say=lambda sentence: watch(Progress("", 0, 0, said=sentence)),
        )
        with Caller(open_backend(opening), ledger, config.fallback) as caller:
            proposals = asking.proposals(principles, caller, watch)
    made, fields = _merged(constitution, proposals)
    return Distilled(made, len(principles), fields, _notes(proposals, fields, folder))


def _prove(config: ModelConfig, spend: Spend | None, models: tuple[str, ...], root: Path, folder: Path) -> None:
    """See that answers can be had and kept, before anything is written.

    Raises:
        InputError: if they cannot.
    """
    for model in models:
        if not model.strip() or not model.isprintable():
            raise InputError(f"{model!r} is no model's name; give the one that the requests should carry")
    prove_backend(config, spend, models, root)
    if config.backend == OFFLINE:
        raise InputError(f"the offline model cannot read, so it cannot {STAGE}; use another backend")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file where the folder of answers should be; move it away")


def _merged(constitution: Constitution, proposals: Mapping[str, Proposal]) -> tuple[Constitution, int]:
    """The constitution with every accepted field in its place and marked, and how many there are."""
    places = _places(constitution)
    accepted = 0
    rows: list[dict[str, Any]] = []
    for imported in constitution.raw["principles"]:
        row = dict(imported)
        found = proposals[row["id"]].fields if row["id"] in proposals else {}
        # Situations and tensions that the source's own format states are nobody's proposal, and stay.
        stated = [name for name in ("situations", "tensions") if row.get(name)]
        fields = {name: _placed(found[name], places) for name in FIELDS if name in found and name not in stated}
        accepted += len(fields)
        row |= {**fields, "proposed": list(fields)}
        if "statement" in fields and "why" not in fields and _unreasoned(constitution.principle(row["id"])):
            row["why"] = row["statement"]  # as the importers write it where the source gives no reason
        rows.append(row)
    return Constitution.model_validate({**constitution.raw, "principles": rows}), accepted


def _unreasoned(principle: Principle) -> bool:
    return principle.why == principle.statement


def _places(constitution: Constitution) -> dict[str, str]:
    """The names that are written as `{character}` and `{developer}`."""
    names = constitution.character
    found = {"character": (names.name, DEFAULT_CHARACTER), "developer": (names.developer, DEFAULT_DEVELOPER)}
    return {place: name for place, (name, default) in found.items() if name != default}


def _placed(value: Any, places: Mapping[str, str]) -> Any:  # noqa: ANN401 - any YAML value
    if isinstance(value, str):
        return hides_names(value, places)
    if isinstance(value, Mapping):
        return {key: one if key == "with" else _placed(one, places) for key, one in value.items()}
    return [_placed(one, places) for one in value]


def _notes(proposals: Mapping[str, Proposal], fields: int, folder: Path) -> tuple[str, ...]:
    """What became of the answers, each on one line: it goes to a terminal, and a model wrote much of it."""
    standing, failed = (sum(proposal.quotations[end] for proposal in proposals.values()) for end in (0, 1))
    count = len(proposals)
    head = (
        f"distilled {count} {'principle' if count == 1 else 'principles'}: {fields} fields proposed and marked so, "
        f"{standing} of {standing + failed} quotations found in the source"
    )
    again = f"to ask once more, name another --model or delete {folder}"
    stays = f", {ATTEMPTS} times, so every field stays as imported; {again}"
    left_out = [
        f"{id_}: {note}{stays if proposal.unread else ''}"
        for id_, proposal in proposals.items()
        for note in proposal.notes
    ]
    conflicts = [
        f"conflict between {id_} and {other}: {question}"
        for id_, proposal in proposals.items()
        for other, question in proposal.conflicts
    ]
    return (head, *map(one_line, [*left_out, *conflicts]))

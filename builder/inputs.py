"""Everything that a build reads, opened and checked before anything is spent."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from builder.config import BuildConfig, Project
from builder.constitution import Constitution, load_constitution
from builder.hashing import content_id, sha256_file
from builder.measure import Embedder, load_embedder
from builder.measure.instrument import Instrument
from builder.plan import Decks, load_decks
from builder.read import read_corpus, read_eval
from builder.records import Eval
from builder.screen import EvalScreen
from builder.shipped import shipped
from builder.write import STAGES, Prompts

Watch = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Inputs:
    """The opened inputs of a build; the screens are made when they are first used, because that takes seconds."""

    config: BuildConfig
    constitution: Constitution
    decks: Decks
    deck_folder: Path
    prompts: Prompts
    evals: tuple[Eval, ...]
    files: Mapping[str, tuple[str, str]]
    watch: Watch

    @cached_property
    def instrument(self) -> Instrument:
        """The chunker and embedder that everything in this build is read with."""
        screens = self.config.screens
        embedder = load_embedder(
            screens.embedder, threads=screens.threads, batch_size=screens.batch_size, cache_dir=cache_folder()
        )
        return Instrument(embedder)

    @cached_property
    def screens(self) -> tuple[EvalScreen, ...]:
        """One screen per eval, each with its own measured background."""
        background = background_texts()
        return tuple(
            EvalScreen(
                eval_,
                self.instrument,
                background,
                verbatim_words=self.config.screens.verbatim_words,
                suspect_percentile=self.config.screens.suspect_percentile,
                progress=lambda done, total: self.watch("reading evals", done, total),
            )
            for eval_ in self.evals
        )

    @cached_property
    def principle_weights(self) -> dict[str, float]:
        """How often each principle is planned, by how much it has to do with the concern."""
        if not self.config.concern:
            return {}
        return concern_weights(self.constitution, self.config.concern, self.instrument.embedder)

    @property
    def identity(self) -> dict[str, str]:
        """What makes this build this build: change one of these and it is another (DESIGN section 3)."""
        families = tuple(self.config.families)
        return {
            "constitution": self.constitution.sha256,
            "decks": self.decks.sha256,
            "prompts": self.prompts.digest(families, STAGES),
            "family shares": content_id(dict(sorted(self.config.families.items()))),
            "models": content_id(self.config.models),
            "concern": self.config.concern or "",
            "seed": str(self.config.seed),
        }


def open_inputs(project: Project, watch: Watch) -> Inputs:
    """Read constitution, decks, prompts and evals of a project.

    Raises:
        ExemplaError: for the first thing that is wrong with any of them.
    """
    config = project.config
    constitution_path = project.path(config.constitution)
    constitution = load_constitution(constitution_path)
    deck_folder = project.path(config.decks)
    families = tuple(config.families)
    decks = load_decks(deck_folder, families)
    prompts = Prompts(project.path(config.prompts))
    prompts.digest(families, STAGES)
    evals = tuple(read_eval(project.eval_spec(spec)) for spec in config.evals)
    files = {
        "constitution": (config.constitution, sha256_file(constitution_path)),
        "decks": (config.decks, decks.sha256),
        "prompts": (config.prompts, prompts.digest(families, STAGES)),
        **{f"eval {eval_.name}": (eval_.name, eval_.fingerprint) for eval_ in evals},
    }
    return Inputs(config, constitution, decks, deck_folder, prompts, evals, files, watch)


def concern_weights(constitution: Constitution, concern: str, embedder: Embedder) -> dict[str, float]:
    """Weight 1 for the planned principle furthest from a concern, up to 3 for the nearest, by embedding.

    A principle's nearness is the best cosine among its statement, reasons and situations, taken sentence by sentence.
    """
    import numpy as np

    target = embedder.encode([concern])[0]
    nearness: dict[str, float] = {}
    for principle in constitution.planned:
        parts = [principle.title, principle.statement, *principle.why.split(". "), *principle.situations]
        nearness[principle.id] = float(np.max(embedder.encode(parts) @ target))
    low, high = min(nearness.values()), max(nearness.values())
    spread = max(high - low, 1e-9)
    return {id_: round(1 + 2 * (value - low) / spread, 1) for id_, value in nearness.items()}


def background_texts() -> list[str]:
    """The shipped background: own-written text that has nothing to do with any eval, in a fixed order."""
    folder = shipped("evals", "background")
    return [text.text for path in sorted(folder.glob("*.jsonl")) for text in read_corpus(path)]


def cache_folder() -> Path:
    """Where vectors are kept between runs; deleting it costs time and nothing else."""
    return Path.home() / ".cache" / "exempla"

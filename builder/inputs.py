"""Everything that a build reads, opened and checked before anything is spent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from builder.config import BuildConfig, Project
from builder.constitution import Constitution, load_constitution
from builder.errors import InputError
from builder.hashing import content_id, sha256_file
from builder.measure import Embedder, load_embedder
from builder.measure.instrument import Instrument
from builder.model.backends import recording_path
from builder.model.offline import NAME as OFFLINE
from builder.model.recorded import NAME as RECORDED
from builder.model.recorded import about_recording
from builder.plan import Brief, Decks, load_decks, make_plan
from builder.progress import Watch, counting, unwatched
from builder.read import read_corpus, read_eval, read_transcripts
from builder.records import Eval, Transcript
from builder.screen import EvalScreen
from builder.shipped import shipped
from builder.write import FAMILIES, Prompts, Writer, with_decks, with_transcripts

_OFFLINE_TEXT = (
    "The text was put together by the offline model from deck material, without any language model. "
    "It shows the machinery at work and is unfit for training."
)


@dataclass(frozen=True)
class Inputs:
    """The opened inputs of a build; the screens are made when they are first used, because that takes seconds."""

    config: BuildConfig
    constitution: Constitution
    decks: Decks
    deck_folder: Path
    prompts: Prompts
    transcripts: Mapping[str, Transcript]
    evals: tuple[Eval, ...]
    files: Mapping[str, tuple[str, str]]
    background_folder: Path
    embedder: str
    watch: Watch
    root: Path

    @cached_property
    def instrument(self) -> Instrument:
        """The chunker and embedder that everything in this build is read with."""
        screens = self.config.screens
        embedder = load_embedder(
            self.embedder, threads=screens.threads, batch_size=screens.batch_size, cache_dir=cache_folder()
        )
        return Instrument(embedder)

    @cached_property
    def screens(self) -> tuple[EvalScreen, ...]:
        """One screen per eval, each with its own measured background."""
        background = background_texts(self.background_folder)
        unrelated = self.instrument.read(background)
        return tuple(
            EvalScreen(
                eval_,
                self.instrument,
                background,
                unrelated=unrelated,
                verbatim_words=self.config.screens.verbatim_words,
                suspect_percentile=self.config.screens.suspect_percentile,
                progress=counting(self.watch, "reading evals"),
            )
            for eval_ in self.evals
        )

    def open_screens(self) -> None:
        """Read the evals and the background now, so that whatever is wrong with them shows before anything is spent."""
        _ = self.screens

    @cached_property
    def principle_weights(self) -> dict[str, float]:
        """How often each principle is planned, by how much it has to do with the concern."""
        if not self.config.concern:
            return {}
        return concern_weights(self.constitution, self.config.concern, self.instrument.embedder)

    def briefs(self, limit: int | None = None) -> tuple[Brief, ...]:
        """The plan, or the first `limit` briefs of it, which are a stratified sample."""
        return make_plan(
            self.constitution,
            self.decks,
            families=self.config.families,
            tokens=self.config.size.tokens,
            seed=self.config.seed,
            weights=self.principle_weights,
            transcripts={name: tuple(self.transcripts.values()) for name in with_transcripts(self.config.families)},
            limit=limit,
        )

    @property
    def about(self) -> tuple[str, ...]:
        """What a reader has to know first about where the text comes from."""
        model = self.config.model
        if model.backend == RECORDED:
            return about_recording(recording_path(model, self.root))
        return (_OFFLINE_TEXT,) if model.backend == OFFLINE else ()

    @cached_property
    def writer(self) -> Writer:
        """What asks for everything that is written in this build."""
        return Writer(self.constitution, self.prompts, self.config.models)

    @cached_property
    def screens_id(self) -> str:
        """What decides how ideas are screened; another id screens them again."""
        screens = self.config.screens.model_dump(mode="json", exclude={"batch_size", "threads"})
        fingerprints = [screen.fingerprint for screen in self.screens]
        return content_id([screens, self.config.policy, self.instrument.fingerprint, fingerprints])

    @property
    def identity(self) -> dict[str, str]:
        """What makes this build this build: change one of these and it is another (DESIGN section 3)."""
        return {
            "constitution": self.constitution.sha256,
            "decks": content_id([self.decks.sha256, self.files.get("offline deck")]),
            "prompts": self.files["prompts"][1],
            "family shares": content_id(dict(sorted(self.config.families.items()))),
            "models": content_id(self.config.models),
            "concern": content_id(self.principle_weights),
            "seed": str(self.config.seed),
            **({"transcripts": self.files["transcripts"][1]} if "transcripts" in self.files else {}),
            **({"ablation": content_id(sorted(self.config.ablate))} if self.config.ablate else {}),
        }


def open_inputs(project: Project, watch: Watch = unwatched) -> Inputs:
    """Read constitution, decks, prompts and evals of a project.

    Raises:
        ExemplaError: for the first thing that is wrong with any of them.
    """
    config = project.config
    constitution_path = project.path("constitution")
    constitution = load_constitution(constitution_path)
    deck_folder = project.path("decks")
    decks = load_decks(deck_folder, with_decks(config.families))
    prompts = Prompts(project.path("prompts"))
    digest = prompts.digest({name: FAMILIES[name].prompts for name in config.families})
    path = project.path("transcripts") if with_transcripts(config.families) else None
    transcripts = {transcript.id: transcript for transcript in read_transcripts(path)} if path else {}
    evals = read_evals([project.eval_spec(spec) for spec in config.evals])
    files = {
        "constitution": (config.constitution, sha256_file(constitution_path)),
        "decks": (config.decks, decks.sha256),
        "prompts": (config.prompts, digest),
        **({"transcripts": (config.transcripts, sha256_file(path))} if path else {}),
        **_offline_deck(deck_folder, config),
        **_recording(config, project.root),
        **{f"eval {eval_.name}": (eval_.name, eval_.fingerprint) for eval_ in evals},
    }
    background = project.background()
    return Inputs(
        config,
        constitution,
        decks,
        deck_folder,
        prompts,
        transcripts,
        evals,
        files,
        background,
        project.embedder(),
        watch,
        project.root,
    )


def read_evals(specs: Sequence[str]) -> tuple[Eval, ...]:
    """Read evals, whose names must differ because rows and thresholds go by them.

    Raises:
        InputError: if one cannot be read, or two have one name.
    """
    evals = tuple(read_eval(spec) for spec in specs)
    for index, eval_ in enumerate(evals):
        if eval_.name in [other.name for other in evals[:index]]:
            raise InputError(f"two evals are called {eval_.name!r}; rename one of the files, or name it once")
    return evals


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


def _offline_deck(folder: Path, config: BuildConfig) -> dict[str, tuple[str, str]]:
    path = folder / "offline.yaml"
    if config.model.backend != "offline" or not path.is_file():
        return {}
    return {"offline deck": (f"{config.decks}/offline.yaml", sha256_file(path))}


def _recording(config: BuildConfig, root: Path) -> dict[str, tuple[str, str]]:
    if config.model.backend != RECORDED:
        return {}
    path = recording_path(config.model, root)
    return {"recording": (config.model.recording or path.name, sha256_file(path))} if path.is_file() else {}


def background_texts(folder: Path | None = None) -> list[str]:
    """Text that has nothing to do with any eval, in a fixed order: a project's `evals/background`, else the shipped."""
    folder = folder or shipped("evals", "background")
    return [text.text for path in sorted(folder.glob("*.jsonl")) for text in read_corpus(path)]


def cache_folder() -> Path:
    """Where vectors are kept between runs; deleting it costs time and nothing else."""
    return Path.home() / ".cache" / "exempla"

"""From a constitution and decks to briefs: every axis by quota, every prefix balanced, nothing random but the seed.

The plan is one sequence. A prefix of it is a stratified sample (`--limit`), and a larger size continues it, so
nothing that was paid for is thrown away.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial
from itertools import count, islice

from builder.constitution import Constitution, Principle
from builder.errors import InputError, nearest
from builder.hashing import content_id, keyed, rank_key
from builder.plan.briefs import Brief
from builder.plan.decks import Decks, Option
from builder.plan.names import NamePool
from builder.plan.quotas import Quota
from builder.records import Persona, Transcript

TOKENS_PER_WORD = 1.35
PEOPLE = 3
_SECOND_PRINCIPLE_EVERY = 3
_SITUATION_EVERY = 4
_DEFAULT_WORDS = (350, 900)
_SIZED_BY = ("form", "turns")


def make_plan(
    constitution: Constitution,
    decks: Decks,
    *,
    families: Mapping[str, float],
    tokens: int,
    seed: int,
    weights: Mapping[str, float] | None = None,
    transcripts: Mapping[str, Sequence[Transcript]] | None = None,
    limit: int | None = None,
) -> tuple[Brief, ...]:
    """Briefs whose planned sizes reach `tokens` (or the first `limit` of them), in plan order.

    `families` are shares of tokens; `weights` says by principle how often it comes up (1 where it says nothing).
    `transcripts` has, by family, those that its briefs begin with; such a family ends with its last transcript.

    Raises:
        InputError: if nothing can be planned, or a `forbid` names an axis or option that no deck has.
    """
    if not constitution.planned:
        raise InputError(f"constitution {constitution.name!r} has no value, hard_constraint or disposition to plan")
    _check_forbids(constitution, decks)
    sequence = _Sequence(constitution, decks, families, seed, weights or {}, transcripts or {})
    if limit is not None:
        full = _until(sequence.briefs(), tokens)
        return tuple(islice(full, limit))
    return tuple(_until(sequence.briefs(), tokens))


def _until(briefs: Iterator[Brief], tokens: int) -> Iterator[Brief]:
    planned = 0
    for brief in briefs:
        if planned >= tokens:
            return
        planned += brief.tokens
        yield brief


class _Sequence:
    """The endless sequence of briefs, of which a plan is a prefix."""

    def __init__(
        self,
        constitution: Constitution,
        decks: Decks,
        families: Mapping[str, float],
        seed: int,
        weights: Mapping[str, float],
        transcripts: Mapping[str, Sequence[Transcript]],
    ) -> None:
        self._constitution, self._decks, self._seed = constitution, decks, seed
        self._transcripts = {family: list(given) for family, given in transcripts.items()}
        self._taken: Counter[str] = Counter()
        self._family = Quota({name: share / self._mean_words(name) for name, share in families.items()})
        self._weights = {principle.id: weights.get(principle.id, 1.0) for principle in constitution.planned}
        self._principle = {name: Quota(self._weights) for name in families if name not in self._transcripts}
        self._met: Counter[str] = Counter()
        self._axes: dict[tuple[str, str, str], Quota] = {}
        self._pairs: Counter[tuple[str, ...]] = Counter()
        self._names = NamePool(seed)
        # A long plan asks the same few thousand questions again and again.
        self._rank = cache(partial(rank_key, seed))
        self._suiting, self._conditional = cache(self._suits), cache(self._depends)

    def briefs(self) -> Iterator[Brief]:
        families = set(self._family.counts())
        for ordinal in count():
            given = self._transcripts
            left = {name for name in families if name not in given or self._taken[name] < len(given[name])}
            family = self._family.draw(lambda name: (name,), left)
            if family is None:
                return  # every family came to the end of its transcripts
            self._taken[family] += 1
            yield self._begun(ordinal, family) if family in self._transcripts else self._brief(ordinal, family)

    def _begun(self, ordinal: int, family: str) -> Brief:
        """A brief that begins with the next transcript of its family."""
        transcript = self._transcripts[family][self._taken[family] - 1]
        content = {
            **{"ordinal": ordinal, "family": family, "principle": "", "second": None, "situation": None},
            **{"form": "transcript", "persona": Persona.UNNAMED_AI.value, "shape": "", "options": {}, "axes": {}},
            **{"names": (), "ai_name": None, "words": transcript.words, "principles": ()},
            "tokens": round(transcript.words * TOKENS_PER_WORD),
            "transcript": transcript.id,
        }
        turns = [[message.role, message.content] for message in transcript.messages]
        return Brief(id=content_id({**content, "turns": turns, "seed": self._seed}), **content)  # type: ignore[arg-type]

    def _brief(self, ordinal: int, family: str) -> Brief:
        principle = self._draw_principle(family)
        nth = self._pairs[(family, principle.id)]
        self._pairs[(family, principle.id)] += 1
        drawn: dict[str, Option] = {}
        for axis in self._axis_names(family):
            option = self._draw(family, axis, principle, drawn.get("persona"))
            if option is not None:
                drawn[axis] = option
        persona = drawn["persona"].id if "persona" in drawn else Persona.UNNAMED_AI.value
        form = drawn.get("form") or drawn.get("domain")
        low, high = (
            next((drawn[axis].words for axis in _SIZED_BY if axis in drawn and drawn[axis].words), None)
            or _DEFAULT_WORDS
        )
        words = keyed(self._seed, "words", family, ordinal).randint(low, high) // 10 * 10
        second = _in_tension(self._constitution, principle, nth)
        place = drawn.get("place")
        content = {
            "ordinal": ordinal,
            "family": family,
            "principle": principle.id,
            "second": second,
            "situation": _situation(principle, nth, self._seed),
            "form": form.id if form else family,
            "persona": persona,
            "shape": drawn["shape"].id if "shape" in drawn else "",
            "options": {axis: option.id for axis, option in drawn.items() if axis != "ai_name"},
            "axes": {axis: option.text for axis, option in drawn.items() if axis != "ai_name"},
            "names": self._names.draw(place.locale if place else None, PEOPLE, ordinal),
            "ai_name": self._ai_name(persona, drawn.get("ai_name")),
            "words": words,
            "tokens": round(words * TOKENS_PER_WORD),
            "principles": (principle.id, second) if second else (principle.id,),
        }
        tools = tuple(tool.model_dump() for axis in drawn.values() for tool in axis.tools)
        id_ = content_id({**content, "seed": self._seed, **({"tools": tools} if tools else {})})
        return Brief(id=id_, tools=tools, **content)  # type: ignore[arg-type]

    def _draw_principle(self, family: str) -> Principle:
        allowed = {p.id for p in self._constitution.planned if family not in p.forbid.get("family", ())}
        met = self._met

        def prefer(id_: str) -> tuple[object, ...]:
            """The principle that all families together have met least, so that a short plan misses none."""
            return (met[id_] / (self._weights[id_] or 1), self._rank(family, id_))

        chosen = self._principle[family].draw(prefer, allowed)
        if chosen is None:
            raise InputError(f"every principle forbids family {family!r}; take it out of `families` or out of `forbid`")
        met[chosen] += 1
        return self._constitution.principle(chosen)

    def _depends(self, family: str, axis: str) -> bool:
        """Whether an axis has quotas of its own for each kind of principle."""
        return any(
            isinstance(option.weight, dict) or {"kind", "tier", "principle"} & set(option.only)
            for option in self._decks.axis(family, axis)
        )

    def _suits(self, family: str, axis: str, principle_id: str, persona: str | None) -> frozenset[str]:
        """The options of an axis that make sense for a principle and a persona, and that it does not forbid."""
        principle = self._constitution.principle(principle_id)
        forbidden = principle.forbid.get(axis, ())
        options = self._decks.axis(family, axis)
        return frozenset(o.id for o in options if o.suits(principle, persona) and o.id not in forbidden)

    def _draw(self, family: str, axis: str, principle: Principle, persona: Option | None) -> Option | None:
        """One option by the quota of its stratum, preferring those this principle has met least."""
        stratum = principle.kind.value if self._conditional(family, axis) else ""
        key = (family, axis, stratum)
        if key not in self._axes:
            options = self._decks.axis(family, axis)
            self._axes[key] = Quota({option.id: option.weight_for(stratum) for option in options})
        allowed = self._suiting(family, axis, principle.id, persona.id if persona else None)

        def prefer(id_: str) -> tuple[object, ...]:
            return (
                self._pairs[(family, axis, principle.id, id_)],
                self._rank(*key, principle.id, id_),
            )

        chosen = self._axes[key].draw(prefer, allowed)
        if chosen is None:
            return None
        self._pairs[(family, axis, principle.id, chosen)] += 1
        return next(option for option in self._decks.axis(family, axis) if option.id == chosen)

    def _axis_names(self, family: str) -> list[str]:
        """Persona first, because other axes may depend on it; the rest by name."""
        return sorted({*self._decks.shared, *self._decks.families[family]}, key=lambda axis: (axis != "persona", axis))

    def _mean_words(self, family: str) -> float:
        """The expected length of a document, so that shares of tokens become shares of documents."""
        if family in self._transcripts:
            given = self._transcripts[family]
            return sum(transcript.words for transcript in given) / len(given)
        options = next((found for axis in _SIZED_BY if (found := self._decks.axis(family, axis))), ())
        weights = [option.weight_for("default") for option in options] or [1.0]
        ranges = [option.words or _DEFAULT_WORDS for option in options] or [_DEFAULT_WORDS]
        return sum(w * (low + high) / 2 for w, (low, high) in zip(weights, ranges, strict=True)) / sum(weights)

    def _ai_name(self, persona: str, invented: Option | None) -> str | None:
        if persona == Persona.OWN:
            return self._constitution.character.name
        return invented.text if persona == Persona.OTHER_AI and invented else None


def _in_tension(constitution: Constitution, principle: Principle, nth: int) -> str | None:
    """Every third brief of a principle sets it against one that it names as a tension."""
    partners = [tension.with_ for tension in principle.tensions]
    if not partners or nth % _SECOND_PRINCIPLE_EVERY != _SECOND_PRINCIPLE_EVERY - 1:
        return None
    return partners[nth // _SECOND_PRINCIPLE_EVERY % len(partners)]


def _situation(principle: Principle, nth: int, seed: int) -> str | None:
    """Every fourth brief starts from a situation that the constitution names, each in its turn.

    More often they are a house style: a principle has half a dozen, and each colours every text that it seeds.
    """
    if not principle.situations or nth % _SITUATION_EVERY:
        return None
    order = sorted(principle.situations, key=lambda text: rank_key(seed, text))
    return order[nth // _SITUATION_EVERY % len(order)]


def _check_forbids(constitution: Constitution, decks: Decks) -> None:
    axes = decks.axes()
    for principle in constitution.principles:
        for axis, options in principle.forbid.items():
            if axis not in axes:
                hint = nearest(axis, list(axes))
                raise InputError(f"principle {principle.id!r} forbids on an axis {axis!r} that no deck has{hint}")
            for option in options:
                if axis != "family" and option not in axes[axis]:
                    hint = nearest(option, list(axes[axis]))
                    raise InputError(f"principle {principle.id!r} forbids {axis} {option!r}, which no deck has{hint}")

"""What a language model is asked about one principle of an imported constitution, and asking again."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from builder.constitution import Constitution, Principle, Proposal, read_proposal
from builder.constitution.quotations import Source
from builder.constitution.templating import DEFAULT_DEVELOPER
from builder.errors import Incomplete
from builder.model import Caller, Outcome, Reply, Request
from builder.progress import Watch
from builder.write import Prompts

STAGE = "distill"
MAX_TOKENS = 4000
ATTEMPTS = 3
# A longer list of principles than this is shown without their statements, or it would be most of every request.
_LISTED_IN_FULL = 60
_ENDED = {
    Outcome.REFUSED: "the model refused",
    Outcome.TRUNCATED: "the model was cut off by the limit on its answer's length",
    Outcome.FAILED: "the model failed again and again",
}
# What would open or close a part of the prompt gets a space, here and where quotations of it are looked up.
_TAG = re.compile(r"<(?=/?\s*(?:section|principles?)\b)", re.IGNORECASE)


class Asking:
    """Asks about the principles of one constitution."""

    def __init__(self, constitution: Constitution, prompts: Prompts, model: str) -> None:
        self._prompts, self._model = prompts, model
        self._ids = frozenset(constitution.titles)
        self._texts = {principle.id: _untagged(_text(principle)) for principle in constitution.principles}
        rows: list[dict[str, Any]] = [_untagged(principle.model_dump()) for principle in constitution.principles]
        self._rows = {row["id"]: row for row in rows}
        character, developer = constitution.character.name, constitution.character.developer
        self._shared = {
            "name": _untagged(constitution.name),
            "character": _untagged(character),
            "developer": "" if developer == DEFAULT_DEVELOPER else _untagged(developer),
            "principles": rows if len(rows) <= _LISTED_IN_FULL else [{**row, "statement": ""} for row in rows],
        }
        headings = [f"{row['title']}\n\n{(row['source'] or {}).get('section', '')}" for row in rows]
        preamble = _untagged(constitution.preamble)
        self._document = Source("\n\n".join([self._shared["name"], preamble, *headings, *self._texts.values()]))

    def requests(self, principles: Sequence[Principle], attempt: int = 0) -> list[Request]:
        """One request for each of these principles.

        Raises:
            InputError: if the prompt cannot be rendered.
        """
        return [self._request(principle.id, attempt) for principle in principles]

    def proposals(self, principles: Sequence[Principle], caller: Caller, watch: Watch) -> dict[str, Proposal]:
        """What may be taken over for each; an answer that is none or cannot be read is asked for again.

        Raises:
            ExemplaError: what the backend raised; `Incomplete` while answers are waited for, saying which of them are
        asked for again and why.
        """
        found: dict[str, Proposal] = {}
        asked: Sequence[Principle] = principles
        for attempt in range(ATTEMPTS):
            try:
                replies = caller.answer_all(self.requests(asked, attempt), watch, "distilling")
            except Incomplete as waiting:
                again = "; ".join(f"{one.id} is asked again: {found[one.id].notes[0]}" for one in asked if attempt)
                raise Incomplete(f"{waiting}{f' ({again})' if again else ''}") from None
            read = {one.id: self._read(one.id, reply) for one, reply in zip(asked, replies, strict=True)}
            found |= read
            asked = [one for one in asked if read[one.id].unread]
            if not asked:
                break
        return found

    def _request(self, id: str, attempt: int) -> Request:
        row = self._rows[id]
        section = (row["source"] or {}).get("section", "")
        variables: Mapping[str, Any] = {
            **self._shared, "principle": row, "section": section, "text": self._texts[id],
        }  # fmt: skip
        system, user = self._prompts.render(STAGE, STAGE, variables)
        template = (f"{STAGE}/{STAGE}.md", self._prompts.sha256(STAGE, STAGE))
        return Request(STAGE, id, attempt, self._model, system, user, MAX_TOKENS, template=template)

    def _read(self, id: str, reply: Reply) -> Proposal:
        if reply.outcome is not Outcome.COMPLETED:
            return Proposal({}, notes=(_ENDED[reply.outcome],), unread=True)
        return read_proposal(reply.text, self._texts[id], self._document, self._ids - {id})


def _text(principle: Principle) -> str:
    """The source's own words for a principle."""
    quote = principle.source.quote if principle.source else ""
    return quote or f"{principle.statement}\n\n{principle.why}"


def _untagged(value: Any) -> Any:  # noqa: ANN401 - any value of a principle
    if isinstance(value, str):
        return _TAG.sub("< ", value)
    if isinstance(value, Mapping):
        return {key: _untagged(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_untagged(one) for one in value]
    return value

"""Rounds of calls: answered from the ledger where they can be, in order, and each answer kept."""

from pathlib import Path

import pytest

from builder.errors import InputError
from builder.model import Caller, Ledger, OneByOne, Outcome, Reply, Request
from builder.progress import Progress


class Parrot:
    """A model of the tests' own: repeats the prompt, or refuses to."""

    name = "parrot"

    def __init__(self, fail_on: str | None = None, shy_of: str | None = None, bold: str = "") -> None:
        self.asked: list[str] = []
        self._fail_on, self._shy_of, self._bold = fail_on, shy_of, bold

    async def answer(self, request: Request) -> Reply:
        self.asked.append(request.user)
        if request.user == self._fail_on:
            raise InputError("the parrot is tired; try again")
        refused = request.user == self._shy_of and request.model != self._bold
        return Reply(request.user.upper(), Outcome.REFUSED if refused else Outcome.COMPLETED, request.model)


def requests(count: int) -> list[Request]:
    return [Request("draft", f"b{i}", 0, "m", "s", "word " * i, 9) for i in range(count)]


def ask(ledger: Ledger, parrot: Parrot, count: int, fallback: str | None = None, **watch: object) -> list[Reply]:
    with Caller(OneByOne(parrot), ledger, fallback) as caller:
        return caller.answer_all(requests(count), **watch)  # type: ignore[arg-type]


def test_replies_come_in_the_order_of_requests_and_never_twice(tmp_path: Path) -> None:
    parrot = Parrot()
    seen: list[Progress] = []
    with Ledger(tmp_path / "l.sqlite") as ledger:
        replies = ask(ledger, parrot, 20, watch=seen.append, step="drafts")
        assert [r.text for r in replies] == [q.user.upper() for q in requests(20)]
        assert seen[0] == Progress("drafts", 0, 20) and seen[-1] == Progress("drafts", 20, 20)
        assert ask(ledger, parrot, 25)[:20] == replies
        assert len(parrot.asked) == 25


def test_a_failure_keeps_the_answers_that_came(tmp_path: Path) -> None:
    with Ledger(tmp_path / "l.sqlite") as ledger:
        with pytest.raises(InputError, match="the parrot is tired"):
            ask(ledger, Parrot(fail_on="word " * 9), 20)
        parrot = Parrot()
        ask(ledger, parrot, 20)
        assert len(parrot.asked) == 11


def test_what_one_model_refuses_the_fallback_is_asked_once(tmp_path: Path) -> None:
    parrot = Parrot(shy_of="word " * 3, bold="n")
    with Ledger(tmp_path / "l.sqlite") as ledger:
        for _ in range(2):
            replies = ask(ledger, parrot, 5, fallback="n")
            assert [reply.outcome for reply in replies] == [Outcome.COMPLETED] * 5
            assert [reply.model for reply in replies] == ["m", "m", "m", "n", "m"]
            assert [reply.refused_by for reply in replies] == [(), (), (), ("m",), ()]
    assert len(parrot.asked) == 6


def test_a_refusal_stays_one_where_the_fallback_refuses_too(tmp_path: Path) -> None:
    with Ledger(tmp_path / "l.sqlite") as ledger:
        reply = ask(ledger, Parrot(shy_of="word "), 2, fallback="n")[1]
        assert (reply.outcome, reply.model, reply.refused_by) == (Outcome.REFUSED, "n", ("m",))
        lone = ask(ledger, Parrot(shy_of="word "), 2, fallback="m")[1]
        assert (lone.outcome, lone.model, lone.refused_by) == (Outcome.REFUSED, "m", ())

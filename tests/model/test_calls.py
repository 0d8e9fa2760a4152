import asyncio
from pathlib import Path

import pytest

from builder.errors import InputError
from builder.model import Caller, Ledger, Outcome, Reply, Request


class Parrot:
    """A model of the tests' own: repeats the prompt, late or never."""

    name, paid = "parrot", False

    def __init__(self, fail_on: str | None = None) -> None:
        self.asked: list[str] = []
        self.most = self.now = 0
        self._fail_on = fail_on

    async def answer(self, request: Request) -> Reply:
        self.asked.append(request.user)
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0.001 * (len(request.user) % 3))
        self.now -= 1
        if request.user == self._fail_on:
            raise InputError("the parrot is tired; try again")
        return Reply(request.user.upper(), Outcome.COMPLETED, self.name)


def requests(count: int) -> list[Request]:
    return [Request("draft", f"b{i}", 0, "m", "s", "word " * i, 9) for i in range(count)]


def test_replies_come_in_the_order_of_requests_and_never_twice(tmp_path: Path) -> None:
    parrot = Parrot()
    seen: list[tuple[int, int]] = []
    with Ledger(tmp_path / "l.sqlite") as ledger:
        caller = Caller(parrot, ledger, concurrency=3)
        replies = caller.answer_all(requests(20), lambda done, total: seen.append((done, total)))
        assert [r.text for r in replies] == [q.user.upper() for q in requests(20)]
        assert parrot.most <= 3
        assert seen[0] == (0, 20) and seen[-1] == (20, 20)
        assert caller.answer_all(requests(25))[:20] == replies
        assert len(parrot.asked) == 25


def test_a_failure_keeps_the_answers_that_came(tmp_path: Path) -> None:
    with Ledger(tmp_path / "l.sqlite") as ledger:
        with pytest.raises(InputError, match="the parrot is tired"):
            Caller(Parrot(fail_on="word " * 9), ledger, concurrency=1).answer_all(requests(20))
        parrot = Parrot()
        Caller(parrot, ledger).answer_all(requests(20))
        assert len(parrot.asked) == 11

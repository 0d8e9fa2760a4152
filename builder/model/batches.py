"""Backend `anthropic-batches`: rounds as Message Batches, at half the price, for whoever can wait.

A batch is written down before it is submitted and its entries go by the keys of their requests, so that whenever the
process ends, the next run finds the batch at the service and takes its results in instead of paying for them again.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from builder.errors import ExemplaError, Incomplete
from builder.model.account import Account, Attempt
from builder.model.batch_service import BatchService, NoBatches, TooLarge
from builder.model.client import Say
from builder.model.dispatch import PATIENCE, TRIES, Dispatch
from builder.model.intents import Batch, Intents
from builder.model.live import LiveModel
from builder.model.messages_api import NoAnswer
from builder.model.protocol import Arrived, Busy, Fault, Outcome, Reply, Request
from builder.model.service_errors import filtered, refused_request
from builder.model.settings import ModelConfig

NAME = "anthropic-batches"
T = TypeVar("T")

# The service takes 100,000 entries and 256 MB; smaller batches end sooner and fit into memory.
MOST_ENTRIES, MOST_BYTES = 10_000, 100_000_000
_FIRST_LOOK, _LATER_LOOKS = 2.0, 60.0
_YOUNG = 600.0  # seconds in which a batch may not stand in the service's list yet
_GROUP = 200


@dataclass(frozen=True, slots=True)
class Looks:
    """How long to wait between two looks at a batch: from `first` seconds growing to `later`."""

    first: float = _FIRST_LOOK
    later: float = _LATER_LOOKS


class BatchModel:
    """Answers rounds through Message Batches; small rounds, and all on a server without batches, go live."""

    name = NAME

    def __init__(
        self,
        live: LiveModel,
        service: BatchService,
        account: Account,
        dispatch: Dispatch,
        config: ModelConfig,
        say: Say,
    ) -> None:
        self.account: Account | None = account
        self._live, self._service, self._account, self._dispatch = live, service, account, dispatch
        self._config, self._say, self._intents = config, say, Intents(account)
        self._looks = Looks(min(_FIRST_LOOK, config.look), config.look)
        self._has_batches = True
        self.in_flight = 0

    async def answer_round(self, requests: Sequence[Request], arrived: Arrived, moved: Callable[[], None]) -> None:
        """Take in what open batches hold, submit the rest, and wait for it.

        Raises:
            Incomplete: at the spend cap, or if entries or the service failed too often; what arrived is kept.
            ExemplaError: what the service says that the user must change.
        """
        round_ = _Round(requests, arrived)
        stop: ExemplaError | None = None
        open_ = [batch for batch in [await self._found(b) for b in await self._intents.open()] if batch]
        while True:
            waiting = round_.waiting(open_)
            if waiting and not stop and not round_.problem:
                if not self._has_batches or (not open_ and len(waiting) < self._config.batch_minimum):
                    return await self._go_live(round_, waiting, moved)
                try:
                    open_ += await self._submit(waiting)
                except NoBatches:
                    self._has_batches = False
                    self._say("the server has no Message Batches; calls go out one by one, at the full price")
                    continue
                except ExemplaError as error:
                    stop = error
            self.in_flight = sum(len(batch.entries) for batch in open_)
            moved()
            if not open_:
                break
            open_ = await self._look(open_, round_)
        stop = stop or round_.problem
        if stop:
            raise stop
        if round_.unanswered:
            raise Incomplete(
                f"{len(round_.unanswered)} batch entries got no answer after {TRIES} attempts "
                f"(the last: {round_.unanswered[-1]}); everything else is kept, run the same command again later"
            )

    async def close(self) -> None:
        """Close the connections."""
        await self._dispatch.close()

    async def _go_live(self, round_: "_Round", waiting: list[Request], moved: Callable[[], None]) -> None:
        await self._dispatch.answer_round(waiting, lambda i, reply: round_.take(waiting[i].key, reply), moved)

    async def _submit(self, waiting: list[Request]) -> list[Batch]:
        """Submit what the cap has room for, in batches that the service takes.

        Raises:
            CapReached: if there is no room for a single entry and nothing under way.
        """
        batches: list[Batch] = []
        for part in _parts(waiting):
            taken: list[Request] = []
            amounts: list[int] = []
            for request in part:
                tokens = await self._live.input_bound(request)
                amount = self._account.worst_case(request, tokens, batch=True)
                if not self._account.take(amount):
                    break
                taken.append(request)
                amounts.append(amount)
            if taken:
                batches += await self._submit_part(taken, amounts)
            if len(taken) < len(part):
                if not batches and not self._account.under_way:
                    raise self._account.cap_reached(amount)
                break
        return batches

    async def _submit_part(self, requests: list[Request], amounts: list[int]) -> list[Batch]:
        intent = await self._intents.intend(requests, amounts)
        try:
            service_id = await self._patiently(lambda: self._service.submit(requests))
        except Fault:  # the service may have taken it all the same
            found = await self._found(intent)
            return [found] if found else []
        except TooLarge:
            await self._undo(intent)
            half = len(requests) // 2
            if not half:
                raise Incomplete("the service takes no batch with a single request of this size") from None
            for amount in amounts:
                self._account.take(amount)
            first = await self._submit_part(requests[:half], amounts[:half])
            return [*first, *await self._submit_part(requests[half:], amounts[half:])]
        except (NoBatches, ExemplaError):
            await self._undo(intent)
            raise
        return [await self._intents.submitted(intent, service_id)]

    async def _undo(self, intent: Batch) -> None:
        """The service certainly did not take a batch."""
        for attempt in intent.entries.values():
            await self._account.unanswered(attempt, "unsent", "the batch was not taken", charged=False)
        await self._intents.close(intent)

    async def _found(self, batch: Batch) -> Batch | None:
        """A batch with its id at the service; without one, it is looked for there, and None says that it is not."""
        if batch.service_id:
            return batch
        known = await self._intents.service_ids()
        look = self._looks.first
        while True:
            listed = await self._patiently(lambda: self._service.since(batch.began))
            running = False
            for candidate in listed:
                counts = candidate.request_counts
                size = counts.canceled + counts.errored + counts.expired + counts.processing + counts.succeeded
                if candidate.id in known or size != batch.size:
                    continue
                if candidate.processing_status != "ended":
                    running = True
                elif await self._is_ours(candidate.id, batch):
                    return await self._intents.submitted(batch, candidate.id)
            young = time.time() - batch.began < min(_YOUNG, 5 * self._looks.later)
            if not running and not young:
                await self._undo(batch)
                return None
            await asyncio.sleep(look)
            look = min(look * 2, self._looks.later)

    async def _is_ours(self, service_id: str, batch: Batch) -> bool:
        async for key, _ in self._results(service_id):
            return key in batch.entries
        return False

    async def _look(self, open_: list[Batch], round_: "_Round") -> list[Batch]:
        """Wait until at least one batch has ended and take its results in; returns those that go on."""
        look = self._looks.first
        while True:
            going_on = []
            for batch in open_:
                if await self._patiently(lambda b=batch: self._service.ended(b.service_id or "")):  # type: ignore[misc]
                    await self._take_in(batch, round_)
                else:
                    going_on.append(batch)
            if len(going_on) < len(open_):
                return going_on
            await asyncio.sleep(look)
            look = min(look * 1.5, self._looks.later)

    async def _take_in(self, batch: Batch, round_: "_Round") -> None:
        """Settle every entry of an ended batch; what the results do not name stays charged and is asked again."""
        left = dict(batch.entries)
        group: list[tuple[str, Reply | NoAnswer]] = []
        async for key, result in self._results(batch.service_id or ""):
            if key in left and key not in {k for k, _ in group}:
                group.append((key, result))
            if len(group) >= _GROUP:
                await self._settle(group, left, round_)
                group = []
        await self._settle(group, left, round_)
        for attempt in left.values():
            await self._account.unanswered(attempt, "fault", "missing in the results", charged=True)
        await self._intents.close(batch)

    async def _settle(
        self, group: list[tuple[str, Reply | NoAnswer]], left: dict[str, Attempt], round_: "_Round"
    ) -> None:
        await asyncio.gather(*(self._settle_one(left.pop(key), result, round_) for key, result in group))

    async def _settle_one(self, attempt: Attempt, result: Reply | NoAnswer, round_: "_Round") -> None:
        account, request = self._account, round_.requests.get(attempt.key)
        if isinstance(result, NoAnswer) and filtered(result.message):
            result = Reply("", Outcome.REFUSED, attempt.model)
        if isinstance(result, Reply):
            reply = result if result.model else replace(result, model=attempt.model)
            await account.answered(attempt, reply, batch=True)
            round_.take(attempt.key, reply)
            return
        reason = f"{result.kind} {result.error} {result.message}".strip()
        state = "fault" if result.kind == "errored" else "busy"  # what expired or was canceled was never begun
        await account.unanswered(attempt, state, reason, charged=False)
        if request and result.error == "invalid_request_error":
            round_.problem = refused_request(result.message, request, self._config)
        elif request and state == "fault" and await account.faults(attempt.key) % TRIES == 0:
            await self._give_up(request, reason, round_)

    async def _give_up(self, request: Request, reason: str, round_: "_Round") -> None:
        if await self._account.faults(request.key) < 2 * TRIES:
            round_.leave(request.key, reason)
            return
        reply = Reply("", Outcome.FAILED, request.model)
        await self._account.given_up(request, reply)
        round_.take(request.key, reply)

    def _results(self, service_id: str) -> AsyncIterator[tuple[str, Reply | NoAnswer]]:
        return self._service.results(service_id)

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask the service again while it is busy, and as often as a call is tried while it fails."""
        began, faults, wait = time.monotonic(), 0, 1.0
        while True:
            try:
                return await ask()
            except Busy as busy:
                if time.monotonic() - began > PATIENCE:
                    raise Incomplete(f"the service is busy ({busy}); run the same command again later") from None
                await asyncio.sleep(busy.wait or wait)
            except Fault as fault:
                faults += 1
                if fault.charged or faults == TRIES:
                    raise
                await asyncio.sleep(wait)
            wait = min(wait * 2, 30.0)


class _Round:
    """One round: which of its requests still wait for an answer."""

    def __init__(self, requests: Sequence[Request], arrived: Arrived) -> None:
        self.requests = {request.key: request for request in requests}
        self._index = {request.key: index for index, request in enumerate(requests)}
        self._arrived = arrived
        self._done: set[str] = set()
        self.unanswered: list[str] = []
        self.problem: ExemplaError | None = None

    def waiting(self, open_: Sequence[Batch]) -> list[Request]:
        """Requests that have no answer and stand in no open batch."""
        asked = {key for batch in open_ for key in batch.entries}
        return [request for key, request in self.requests.items() if key not in self._done and key not in asked]

    def take(self, key: str, reply: Reply) -> None:
        """An answer is there; one that another round asked for is in the ledger and nothing more."""
        if key in self._index and key not in self._done:
            self._done.add(key)
            self._arrived(self._index[key], reply)

    def leave(self, key: str, reason: str) -> None:
        """No answer is to be had in this run."""
        self._done.add(key)
        self.unanswered.append(reason)


def _parts(requests: Sequence[Request]) -> list[list[Request]]:
    """Requests in batches below the service's limits."""
    parts: list[list[Request]] = [[]]
    size = 0
    for request in requests:
        own = len(request.system) + len(request.user) + 1000
        if parts[-1] and (len(parts[-1]) >= MOST_ENTRIES or size + own > MOST_BYTES):
            parts.append([])
            size = 0
        parts[-1].append(request)
        size += own
    return parts

"""Backend `anthropic-batches`: rounds as Message Batches, at half the price, for whoever can wait.

A batch is written down before it is submitted and its entries go by the keys of their requests, so that whenever the
process ends, the next run finds the batch at the service and takes its results in instead of paying for them again.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from builder.errors import ExemplaError, Incomplete, InputError
from builder.model.account import Account, Attempt
from builder.model.asking import Asking
from builder.model.batch_service import CLOCKS, BatchService, NoBatches, TooLarge, Unknown
from builder.model.client import Say
from builder.model.dispatch import Dispatch
from builder.model.intents import Batch, Intents
from builder.model.live import LiveModel
from builder.model.messages_api import NoAnswer
from builder.model.patience import Patience
from builder.model.protocol import Arrived, Fault, Outcome, Reply, Request
from builder.model.rounds import Round, parts
from builder.model.service_errors import filtered, turned_away
from builder.model.settings import ModelConfig

NAME = "anthropic-batches"

_FIRST_LOOK = 2.0
_YOUNG = 600.0  # seconds in which a batch may not stand in the service's list yet
_GROUP = 200  # results that are settled together
_READS = 3  # of results that lack entries, before these count as missing
_KEPT = 29 * 86400.0  # seconds for which the service keeps results
_BUSY = ("overloaded_error", "rate_limit_error")  # errors of an entry that was never begun


@dataclass(frozen=True, slots=True)
class Looks:
    """How long to wait between two looks at a batch: from `first` seconds growing to `later`."""

    first: float
    later: float


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
        patience: Patience,
        say: Say,
        *,
        submits: bool = True,
    ) -> None:
        """`submits` is off where batches of an earlier run are taken in and everything else goes live."""
        self.account: Account | None = account
        self._live, self._service, self._account, self._dispatch = live, service, account, dispatch
        self._config, self._patience, self._asking = config, patience, Asking(config.host, patience)
        self._say, self._intents = say, Intents(account)
        self._looks = Looks(min(_FIRST_LOOK, config.look), config.look)
        self._has_batches = submits
        self._untaken = 0  # submissions in a row that came to nothing
        self._open: list[Batch] = []

    @property
    def in_flight(self) -> int:
        """Entries of open batches, and requests on the wire."""
        return sum(len(batch.entries) for batch in self._open) + self._dispatch.in_flight

    async def answer_round(self, requests: Sequence[Request], arrived: Arrived, moved: Callable[[], None]) -> None:
        """Take in what open batches hold, submit the rest, and wait for it.

        Raises:
            Incomplete: at the spend cap, or if entries or the service failed too often; what arrived is kept.
            ExemplaError: what the service says that the user must change.
        """
        round_ = Round(requests, arrived)
        self._open = [batch for batch in [await self._found(b) for b in await self._intents.open()] if batch]
        stop: ExemplaError | None = None
        while True:
            stop = stop or round_.problem
            waiting = [] if stop else round_.waiting(self._open)
            if waiting and (not self._has_batches or self._few(waiting)):
                await self._go_live(round_, waiting, moved)
            elif waiting:
                try:
                    await self._submit(waiting)
                except NoBatches:
                    self._has_batches = False
                    self._say("the server has no Message Batches; calls go out one by one, at the full price")
                except ExemplaError as error:
                    stop = error
            moved()
            if self._open:
                await self._look(round_, moved)
            elif not waiting or stop:
                break
        if stop:
            raise stop
        if round_.unanswered:
            raise Incomplete(
                f"{len(round_.unanswered)} batch entries got no answer after {self._patience.tries} attempts each "
                f"(the last: {round_.unanswered[-1]}); everything else is kept, run the same command again later"
            )

    async def close(self) -> None:
        """Close the connections."""
        await self._dispatch.close()

    def _few(self, waiting: list[Request]) -> bool:
        return not self._open and len(waiting) < self._config.batch_minimum

    async def _go_live(self, round_: Round, waiting: list[Request], moved: Callable[[], None]) -> None:
        await self._dispatch.answer_round(waiting, lambda i, reply: round_.take(waiting[i].key, reply), moved)

    # Submitting.

    async def _submit(self, waiting: list[Request]) -> None:
        """Submit what the cap has room for, in batches that the service takes.

        Raises:
            CapReached: if there is no room for a single entry and nothing under way.
            NoBatches, ExemplaError: as the service says; what it took before stays open.
        """
        for part in parts(waiting):
            bounds = [await self._live.input_bound(request) for request in part]
            amounts = [self._account.worst_case(r, n, batch=True) for r, n in zip(part, bounds, strict=True)]
            fitting = self._take(amounts)
            if fitting:
                await self._submit_part(part[:fitting], amounts[:fitting])
            if fitting < len(part):
                if not self._account.under_way:
                    raise self._account.cap_reached(amounts[fitting])
                return

    def _take(self, amounts: list[int]) -> int:
        """Set aside as many of these amounts, from the first on, as the cap has room for; returns how many."""
        return next((n for n, amount in enumerate(amounts) if not self._account.take(amount)), len(amounts))

    async def _submit_part(self, requests: list[Request], amounts: list[int]) -> None:
        """Submit one batch, whose amounts were taken."""
        intent = await self._intents.intend(requests, amounts)
        found: Batch | None
        try:
            service_id = await self._asking.patiently(lambda: self._service.submit(requests), once=True)
        except Fault as fault:  # the service may have taken it all the same
            found = await self._found(intent)
            if not found:
                self._untaken += 1
                if self._untaken >= self._patience.tries:
                    raise self._asking.no_answer(fault) from None
                return
        except TooLarge:
            await self._undo(intent)
            if len(requests) == 1:
                raise InputError(
                    f"{self._config.host} takes no batch with the {requests[0].stage} request of brief "
                    f"{requests[0].brief} in it; shorten its prompt, finished work is kept"
                ) from None
            half = len(requests) // 2
            for part, own in ((requests[:half], amounts[:half]), (requests[half:], amounts[half:])):
                fitting = self._take(own)  # all of it, as it was only just given back
                await self._submit_part(part[:fitting], own[:fitting])
            return
        except (NoBatches, ExemplaError):
            await self._undo(intent)
            raise
        else:
            found = await self._intents.submitted(intent, service_id)
        self._untaken = 0
        self._open.append(found)

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
            running = False
            for listed in await self._asking.patiently(lambda: self._service.since(batch.began)):
                if listed.id in known or listed.size != batch.size or listed.created > batch.began + CLOCKS:
                    continue
                if not listed.ended:
                    running = True
                elif await self._asking.patiently(lambda id_=listed.id: self._is_ours(id_, batch)):  # type: ignore[misc]
                    return await self._intents.submitted(batch, listed.id)
            young = time.time() - batch.began < min(_YOUNG, 5 * self._looks.later)
            if not running and not young:
                await self._undo(batch)
                return None
            await asyncio.sleep(look)
            look = min(look * 2, self._looks.later)

    async def _is_ours(self, service_id: str, batch: Batch) -> bool:
        async with aclosing(self._service.results(service_id)) as results:
            async for key, _ in results:
                return key in batch.entries
        return False

    # Taking in.

    async def _look(self, round_: Round, moved: Callable[[], None]) -> None:
        """Wait until at least one open batch has ended, and take its results in."""
        look = self._looks.first
        while True:
            for batch in list(self._open):
                if await self._ended(batch):
                    await self._take_in(batch, round_)
                    self._open.remove(batch)
                    moved()
                    look = 0.0
            if not look:
                return
            await asyncio.sleep(look)
            look = min(look * 1.5, self._looks.later)

    async def _ended(self, batch: Batch) -> bool:
        id_ = batch.service_id or ""
        try:
            return await self._asking.patiently(lambda: self._service.ended(id_))
        except Unknown:
            if time.time() - batch.began > _KEPT:
                return True
            raise InputError(
                f"{self._config.host} does not know batch {id_}, which this build submitted on "
                f"{time.strftime('%Y-%m-%d %H:%M', time.localtime(batch.began))}; run it with the key and the base_url "
                "that it was submitted with, finished work is kept"
            ) from None

    async def _take_in(self, batch: Batch, round_: Round) -> None:
        """Settle every entry of an ended batch; what the results do not name stays charged and is asked again."""
        for _ in range(_READS):
            try:
                await self._asking.patiently(lambda: self._read(batch, round_))
            except Unknown:  # the service keeps results for a while only
                break
            if not batch.entries:
                break
            await self._asking.pause()
        for key, attempt in list(batch.entries.items()):
            await self._account.unanswered(attempt, "fault", "missing in the results", charged=True)
            del batch.entries[key]
            await self._failed(key, "missing in the results", round_)
        await self._intents.close(batch)

    async def _read(self, batch: Batch, round_: Round) -> None:
        """Settle what the results name of the entries that are left."""
        group: dict[str, Reply | NoAnswer] = {}
        try:
            async with aclosing(self._service.results(batch.service_id or "")) as results:
                async for key, result in results:
                    if key in batch.entries:
                        group.setdefault(key, result)
                    if len(group) >= _GROUP:
                        await self._settle(group, batch, round_)
                        group = {}
        finally:
            await self._settle(group, batch, round_)

    async def _settle(self, group: dict[str, Reply | NoAnswer], batch: Batch, round_: Round) -> None:
        entries = [(batch.entries.pop(key), result) for key, result in group.items()]
        await asyncio.gather(*(self._settle_one(attempt, result, round_) for attempt, result in entries))

    async def _settle_one(self, attempt: Attempt, result: Reply | NoAnswer, round_: Round) -> None:
        account = self._account
        if isinstance(result, NoAnswer) and filtered(result.message):
            reply = Reply("", Outcome.REFUSED, attempt.model)
            await account.answered(attempt, reply, free=True)
            round_.take(attempt.key, reply)
        elif isinstance(result, Reply):
            reply = result if result.model else replace(result, model=attempt.model)
            await account.answered(attempt, reply, batch=True)
            round_.take(attempt.key, reply)
        else:
            reason = f"{result.kind} {result.error} {result.message}".strip()
            request = round_.requests.get(attempt.key)
            problem = turned_away(result.error, result.message, request, self._config) if request else None
            begun = result.kind == "errored" and result.error not in _BUSY
            state = "turned away" if problem else "fault" if begun else "busy"
            await account.unanswered(attempt, state, reason, charged=False)
            round_.problem = round_.problem or problem
            await self._failed(attempt.key, reason, round_)

    async def _failed(self, key: str, reason: str, round_: Round) -> None:
        """An entry went without an answer: it goes round again, or is left, as a call that is made live."""
        request = round_.requests.get(key)
        if request is None or round_.failed(key) < self._patience.tries:
            return
        if not await self._account.hopeless(key, self._patience.tries):
            round_.leave(key, reason)
            return
        reply = Reply("", Outcome.FAILED, request.model)
        await self._account.given_up(request, reply)
        round_.take(key, reply)

"""A load of payments keeps its nonces, and knows what became of each payment, lost answers included."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from tests.coda_executive.wait_conditions.states import FACTS, A, C, after, up

from coda_executive.dsl.payment_load import PaymentAccount, PaymentLoad
from coda_executive.engines.simulation.event_loop import run as run_in_virtual_time
from coda_executive.errors import ConfigError, RequestFailed
from coda_executive.events.event import BreadcrumbAdded
from coda_executive.interfaces.client import AccountState
from coda_executive.observation.history import EventSeen
from coda_executive.observation.router import Observation
from coda_executive.wait_conditions.condition import NotYet, Reached
from coda_protocol.commands import Payment, UserCommand
from coda_protocol.currency import Amount, Balance, Fee
from coda_protocol.hashes import StateHash
from coda_protocol.keys import PublicKey
from coda_protocol.memo import Memo
from coda_protocol.sample_keys import sample_keypair

PAYER, PAYEE = sample_keypair(1), sample_keypair(2)
AMOUNT, FEE = Amount(1), Fee(10)


class Pool:
    """A node and its client: a pool that takes the next nonce only. `trouble` comes before each answer; after it
    where `takes` is true, so that the payment is taken and the answer lost.
    """

    id = A

    def __init__(self) -> None:
        self.client = self
        self.taken: list[tuple[int, str]] = []
        self.trouble: list[tuple[bool, RequestFailed]] = []
        self.asked = 0

    async def account(self, public_key: str) -> AccountState | None:
        assert public_key == str(PAYER.public)
        self.asked += 1
        zero = Balance(0)
        return AccountState(public_key, zero, zero, zero, 0, len(self.taken), None)

    async def send_payment(self, sender: str, receiver: str, **given: Any) -> None:
        takes, error = self.trouble.pop(0) if self.trouble else (True, None)
        if takes:
            assert given["nonce"] == len(self.taken), "a nonce is left out or used twice"
            command = UserCommand(
                PublicKey.parse(sender),
                given["fee"],
                given["nonce"],
                Payment(PublicKey.parse(receiver), given["amount"]),
                memo=Memo.of_text(given["memo"]),
            )
            self.taken.append((given["nonce"], str(command.hash())))
        if error is not None:
            raise error


def block_of(pool: Pool, *numbers: int, status: str = "Applied") -> Observation:
    """A block with those that the pool took."""
    transactions = tuple((pool.taken[number][1], status) for number in numbers)
    return Observation(0, 0, EventSeen(A, BreadcrumbAdded(StateHash("3N2"), transactions)))


def load_of(pool: Any, *, per_slot: float = 1.0, most_pending: int = 100) -> PaymentLoad:
    return PaymentLoad(
        "spam",
        [PAYER],
        str(PAYEE.public),
        [pool],
        per_slot=per_slot,
        slot_seconds=2.0,
        amount=AMOUNT,
        fee=FEE,
        most_pending=most_pending,
    )


def during(load: PaymentLoad, what: Callable[[], Awaitable[None]]) -> None:
    """Run the load, in virtual time, while something else is done, and to its end."""

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(load.run())
            await what()
            load.stop()
            await load.ended()

    run_in_virtual_time(main)


def test_payments_come_at_the_rate_with_nonces_in_order() -> None:
    pool = Pool()
    load = load_of(pool, per_slot=4)

    during(load, lambda: asyncio.sleep(9.9))

    assert [nonce for nonce, _ in pool.taken] == list(range(20))
    assert load.account == PaymentAccount(sent=20, accepted=20, included=0, failed=0, refused=0, lost=0)
    assert pool.asked == 1  # a sender counts by itself


def test_none_is_made_while_enough_are_pending() -> None:
    pool = Pool()
    load = load_of(pool, per_slot=20, most_pending=3)

    async def include_late() -> None:
        await asyncio.sleep(5)
        assert len(pool.taken) == 3
        load.see(block_of(pool, 0, 1))
        await asyncio.sleep(5)

    during(load, include_late)

    assert len(pool.taken) == 5
    assert load.account.pending == 3
    assert load.account.included == 2


def test_a_lost_answer_is_no_reason_to_pay_again() -> None:
    """The first was taken, the second was not: the node is asked, and no nonce is left out or used twice."""
    pool = Pool()
    pool.trouble = [
        (True, RequestFailed("no answer", definite=False)),
        (False, RequestFailed("no answer", definite=False)),
    ]
    load = load_of(pool)

    async def include_the_first() -> None:
        await asyncio.sleep(7.9)
        assert load.account.lost == 2
        load.see(block_of(pool, 0, 1))

    during(load, include_the_first)

    assert [nonce for nonce, _ in pool.taken] == [0, 1, 2]
    assert load.account == PaymentAccount(sent=4, accepted=3, included=2, failed=0, refused=0, lost=1)


def test_refusals_are_counted_by_their_reason_and_end_nothing() -> None:
    pool = Pool()
    pool.trouble = [(False, RequestFailed("pool is full", definite=True))] * 2
    load = load_of(pool)

    during(load, lambda: asyncio.sleep(5.9))

    assert load.account == PaymentAccount(
        sent=3, accepted=1, included=0, failed=0, refused=2, lost=0, refusals={"pool is full": 2}
    )


def test_a_payment_in_a_block_may_have_failed() -> None:
    pool = Pool()
    load = load_of(pool)

    async def include() -> None:
        await asyncio.sleep(3)
        load.see(block_of(pool, 0, status="Failed"))

    during(load, include)

    assert (load.account.failed, load.account.pending) == (1, 1)


def test_an_answer_that_is_awaited_when_all_is_cancelled_is_lost() -> None:
    class Mute(Pool):
        async def send_payment(self, sender: str, receiver: str, **given: Any) -> None:
            await asyncio.Event().wait()

    load = load_of(Mute())

    async def main() -> None:
        task = asyncio.create_task(load.run())
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.wait([task])

    run_in_virtual_time(main)

    assert load.account == PaymentAccount(sent=1, accepted=0, included=0, failed=0, refused=0, lost=1)


def test_a_load_of_nothing_is_a_mistake() -> None:
    with pytest.raises(ConfigError, match="a rate above 0"):
        load_of(Pool(), per_slot=0)


def test_payments_are_settled_once_blocks_have_all_that_were_accepted() -> None:
    pool = Pool()
    load = load_of(pool)
    during(load, lambda: asyncio.sleep(3))
    check = load.to_be_settled().begin(up(A), FACTS)

    load.see(block_of(pool, 0))
    waiting = check(up(A))
    load.see(block_of(pool, 1, status="Failed"))

    assert isinstance(waiting, NotYet)
    assert waiting.progress.startswith("1 in no block; 2 payments sent")
    assert check(up(A)) == Reached(load.account)
    assert isinstance(load_of(pool).to_be_settled().begin(up(C), FACTS)(up(C)), Reached), "nothing was sent"


def test_payments_are_settled_by_blocks_that_came_after_the_load_had_ended() -> None:
    """Then nobody shows it what is noticed: the wait does."""
    pool = Pool()
    load = load_of(pool)
    during(load, lambda: asyncio.sleep(3))
    check = load.to_be_settled().begin(up(A), FACTS)

    both = after(*((A, block_of(pool, number).event) for number in (0, 1)), start=up(A))

    assert isinstance(check(up(A)), NotYet)
    assert check(both) == Reached(load.account)
    assert load.account.included == 2

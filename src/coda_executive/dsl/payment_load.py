"""Payments that go on beside a test, at a rate, with an account of what became of each.

Every sender works alone: it signs a payment, sends it to its node, and reads the answer before it makes the next
one, so its nonces follow one another. A payment whose reply was lost is neither done nor failed. It is not sent
again: the sender asks its node which nonce comes next, and goes on from there. Blocks tell what became of it.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from coda_executive.errors import ConfigError, RequestFailed
from coda_executive.events.event import BreadcrumbAdded, Event
from coda_executive.interfaces.client import NodeClient
from coda_executive.interfaces.node import Node
from coda_executive.observation.network_state import NetworkState
from coda_executive.observation.router import Observation
from coda_executive.wait_conditions.chain import block_limits
from coda_executive.wait_conditions.condition import (
    Check,
    NetworkFacts,
    NotYet,
    Reached,
    Verdict,
    WaitCondition,
)
from coda_executive.wait_conditions.dead_nodes import no_stake_online
from coda_executive.wait_conditions.unread import unread_events
from coda_protocol.commands import Payment, UserCommand
from coda_protocol.currency import Amount, Fee
from coda_protocol.keys import Keypair, PublicKey
from coda_protocol.memo import Memo
from coda_protocol.signatures import TESTNET
from coda_protocol.signing import sign

_LONGEST_REASON = 120  # characters of a refusal that are kept
_SETTLING_BLOCKS = 8
_SOON = 0.001  # seconds; a clock that is read as a float may be that much early


class Fate(StrEnum):
    """What is known of a payment: first by the answer, then by the blocks."""

    SENT = "sent"  # the answer is awaited
    ACCEPTED = "accepted"
    REFUSED = "refused"
    LOST = "lost"  # the answer never came
    INCLUDED = "included"
    FAILED = "failed"  # in a block, without effect but its fee


@dataclass(frozen=True, slots=True)
class PaymentAccount:
    """What became of the payments of a load. `accepted` counts those that a node took or a block has; of these
    `included` are in a block and applied, `failed` in a block and not, `pending` in none yet. `lost` ones are those
    whose answer never came and that no block has.

    sent = accepted + refused + lost, once no answer is awaited.
    """

    sent: int
    accepted: int
    included: int
    failed: int
    refused: int
    lost: int
    refusals: Mapping[str, int] = field(default_factory=dict)  # how often for which reason

    @property
    def pending(self) -> int:
        return self.accepted - self.included - self.failed

    def __str__(self) -> str:
        return (
            f"{self.sent} payments sent: {self.accepted} accepted, {self.included} included, {self.failed} failed, "
            f"{self.refused} refused, {self.lost} lost"
        )


class PaymentLoad:
    """The payments of one load, while they are made and after. `per_slot` is the rate of all senders together;
    while `most_pending` are in no block yet, none is made.
    """

    def __init__(
        self,
        name: str,
        senders: Sequence[Keypair],
        receiver: str,
        nodes: Sequence[Node],
        *,
        per_slot: float,
        slot_seconds: float,
        amount: Amount,
        fee: Fee,
        most_pending: int,
    ) -> None:
        if not senders or not nodes or per_slot <= 0 or most_pending < 1:
            raise ConfigError(
                f"expected at least one sender, one node, a rate above 0 and room for a payment, found "
                f"{len(senders)} senders, {len(nodes)} nodes, {per_slot:g} per slot, {most_pending} pending at most"
            )
        self.name = name
        self._senders = senders
        self._receiver = PublicKey.parse(receiver)
        self._nodes = nodes
        self._interval = slot_seconds * len(senders) / per_slot  # of one sender
        self._amount, self._fee = amount, fee
        self._most_pending = most_pending
        self._fates: dict[str, Fate] = {}
        self._count: Counter[Fate] = Counter()
        self._refusals: Counter[str] = Counter()
        self.trouble = "it had no time for one"  # what was last in the way of a payment
        self._change = asyncio.Event()
        self._stopped = asyncio.Event()
        self._ended = asyncio.Event()

    def __repr__(self) -> str:
        return f"<PaymentLoad {self.name}: {self.account}>"

    @property
    def account(self) -> PaymentAccount:
        """What became of the payments so far."""
        count = self._count
        in_block = count[Fate.INCLUDED] + count[Fate.FAILED]
        return PaymentAccount(
            sent=len(self._fates),
            accepted=count[Fate.ACCEPTED] + in_block,
            included=count[Fate.INCLUDED],
            failed=count[Fate.FAILED],
            refused=count[Fate.REFUSED],
            lost=count[Fate.LOST],
            refusals=dict(self._refusals),
        )

    def stop(self) -> None:
        """Make no further payment; those under way are still answered."""
        self._stopped.set()
        self._change.set()

    async def stopped(self) -> None:
        """Return once `stop` was called."""
        await self._stopped.wait()

    async def run(self) -> None:
        """Make payments until `stop`; returns when each has its answer."""
        try:
            await self._run()
        finally:
            self._ended.set()

    async def ended(self) -> None:
        """Return once no answer is awaited any more."""
        await self._ended.wait()

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for number, sender in enumerate(self._senders):
                node = self._nodes[number % len(self._nodes)]
                # Spread over the interval, so that the rate is even.
                wait = self._interval * number / len(self._senders)
                group.create_task(self._pay(number, sender, node.client, wait), name=f"{self.name} {number}")

    def see(self, seen: Observation) -> None:
        """Take in what was noticed: the blocks that payments are in."""
        self._look_at(seen.event)

    def _look_at(self, event: Event) -> None:
        if not isinstance(event, BreadcrumbAdded):
            return
        for name, status in event.transactions:
            if name in self._fates:
                self._turn_to(name, Fate.INCLUDED if status == "Applied" else Fate.FAILED)

    def to_be_settled(self) -> WaitCondition:
        """All payments that were accepted are in a block; also for after the load has ended. Limits are those of 8
        blocks: give your own with `within` where more wait than these hold.
        """

        def begin(_before: NetworkState, facts: NetworkFacts) -> Check:
            # Once the load has ended nobody else shows it the blocks.
            unread = unread_events(0)

            def check(now: NetworkState) -> Verdict:
                for seen in unread(now):
                    self._look_at(seen.event)
                account = self.account
                if account.pending == 0:
                    return Reached(account)
                return no_stake_online(now, facts) or NotYet(f"{account.pending} in no block; {account}")

            return check

        return WaitCondition(
            f"the payments of {self.name} to be settled", begin, block_limits(_SETTLING_BLOCKS, extra_slots=1)
        )

    async def _pay(self, number: int, sender: Keypair, client: NodeClient, wait: float) -> None:
        loop = asyncio.get_running_loop()
        due, count = loop.time() + wait, 0
        nonce: int | None = None
        while await self._is_due(due):
            # One that is late does not hurry after: the rate is a limit too.
            due = max(due, loop.time() - self._interval) + self._interval
            if nonce is None:
                nonce = await self._next_nonce(client, sender)
            if nonce is None:
                continue  # it is asked again in its next turn
            count += 1
            nonce = await self._send(client, sender, nonce, f"{self.name[:16]} {number} {count}")

    async def _is_due(self, due: float) -> bool:
        """Return at that time, or later when enough are pending; False once it is stopped."""
        while not self._stopped.is_set():
            self._change.clear()
            left = due - asyncio.get_running_loop().time()
            pending = self._count[Fate.SENT] + self._count[Fate.ACCEPTED]
            if left <= _SOON and pending < self._most_pending:
                return True
            try:
                async with asyncio.timeout(left if left > _SOON else None):
                    await self._change.wait()
            except TimeoutError:
                continue
        return False

    async def _send(self, client: NodeClient, sender: Keypair, nonce: int, memo: str) -> int | None:
        """Make one payment; answers the nonce of the next, None where the node is to be asked."""
        body = Payment(self._receiver, self._amount)
        # The memo makes each payment another one: what became of it can be told from the blocks.
        command = UserCommand(sender.public, self._fee, nonce, body, memo=Memo.of_text(memo))
        name = str(command.hash())
        self._turn_to(name, Fate.SENT)
        try:
            await client.send_payment(
                str(sender.public),
                str(self._receiver),
                amount=self._amount,
                fee=self._fee,
                nonce=nonce,
                memo=memo,
                signature=sign(command, sender, TESTNET).signature,
            )
        except RequestFailed as error:
            self.trouble = str(error)
            if error.definite:
                self._refusals[self.trouble[:_LONGEST_REASON]] += 1
            self._answered(name, Fate.REFUSED if error.definite else Fate.LOST)
            return None
        except asyncio.CancelledError:
            self._answered(name, Fate.LOST)
            raise
        self._answered(name, Fate.ACCEPTED)
        return nonce + 1

    def _answered(self, name: str, fate: Fate) -> None:
        # A block may be quicker than the answer.
        if self._fates[name] is Fate.SENT:
            self._turn_to(name, fate)

    def _turn_to(self, name: str, fate: Fate) -> None:
        if name in self._fates:
            self._count[self._fates[name]] -= 1
        self._fates[name] = fate
        self._count[fate] += 1
        self._change.set()

    async def _next_nonce(self, client: NodeClient, sender: Keypair) -> int | None:
        """None while the node cannot tell."""
        try:
            account = await client.account(str(sender.public))
        except RequestFailed as error:
            self.trouble = str(error)
            return None
        if account is None:
            self.trouble = f"the ledger has no account {sender.public}, which is to pay"
            return None
        return account.inferred_nonce


Measure = Callable[[str, float, str], None]


def tell(load: PaymentLoad, measure: Measure) -> None:
    """Tell the account as measurements, such as ("payments included", 40, "payments")."""
    account = load.account
    for what in ("sent", "accepted", "included", "failed", "refused", "lost"):
        measure(f"{load.name} {what}", getattr(account, what), "payments")
    for reason, times in sorted(account.refusals.items()):
        measure(f"{load.name} refused: {reason}", times, "payments")

"""The transaction pool: commands that wait for a block (daemon contract I.5).

For each sender a queue of consecutive nonces that begins at the account's, whose costs the account can cover.
Pure: the ledger is the best tip's and slots are the clock's, handed in; what is added here is gossiped
elsewhere.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from heapq import heappop, heappush

from coda_daemon.blocks import Block
from coda_daemon.ledger.account import Address
from coda_daemon.ledger.command import Command, is_authorized, parse_command
from coda_daemon.ledger.ledger import Ledger
from coda_protocol.currency import MAXIMUM
from coda_protocol.hashes import TransactionHash
from coda_protocol.signatures import SignatureKind
from coda_protocol.slots import GlobalSlot


class Rejection(StrEnum):
    """Why the pool does not take a command; the names are the contract's (D.4), but for the last two."""

    INSUFFICIENT_REPLACE_FEE = "Insufficient_replace_fee"
    DUPLICATE = "Duplicate"
    INVALID_NONCE = "Invalid_nonce"
    INSUFFICIENT_FUNDS = "Insufficient_funds"
    OVERFLOW = "Overflow"
    EXPIRED = "Expired"
    OVERLOADED = "Overloaded"
    NO_FEE_PAYER = "Fee_payer_account_not_found"
    NOT_PERMITTED = "Fee_payer_not_permitted_to_send"
    AFTER_SLOT_TX_END = "After_slot_tx_end"
    INVALID_SIGNATURE = "Invalid_signature"
    INSUFFICIENT_FEE = "Insufficient_fee"


class RejectedError(Exception):
    """A command is not in the pool."""

    def __init__(self, reason: Rejection, found: str) -> None:
        super().__init__(f"{reason}: {found}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class PoolRules:
    """`minimum_fee` in nanomina; from `slot_tx_end` on, since genesis, nothing is taken."""

    max_size: int
    minimum_fee: int
    signature_kind: SignatureKind
    slot_tx_end: GlobalSlot | None


@dataclass(frozen=True, slots=True)
class View:
    """What the pool judges by: the best tip's ledger, and the slot that it is now, since genesis."""

    ledger: Ledger
    slot: GlobalSlot

    def liquid(self, sender: Address) -> int:
        account = self.ledger.account(sender)
        return 0 if account is None else account.balance - account.locked(self.slot)

    def nonce(self, sender: Address) -> int | None:
        account = self.ledger.account(sender)
        return None if account is None else account.nonce


@dataclass(slots=True)
class Mempool:
    """Commands by sender, in the order of their nonces. No queue is empty."""

    rules: PoolRules
    _queues: dict[Address, list[Command]] = field(default_factory=dict)
    _by_hash: dict[TransactionHash, Command] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._by_hash)

    def __iter__(self) -> Iterator[Command]:
        """All commands, those of one sender in the order of their nonces."""
        for queue in self._queues.values():
            yield from queue

    def __contains__(self, command: Command) -> bool:
        found = self._by_hash.get(command.hash)
        return found is not None and found.id == command.id

    def find(self, transaction_hash: TransactionHash) -> Command | None:
        return self._by_hash.get(transaction_hash)

    def queue_of(self, sender: Address) -> tuple[Command, ...]:
        return tuple(self._queues.get(sender, ()))

    def inferred_nonce(self, sender: Address, ledger: Ledger) -> int | None:
        """The next nonce of a sender, its pending commands counted; None if neither ledger nor pool know it."""
        if queue := self._queues.get(sender):
            return queue[-1].nonce + 1
        account = ledger.account(sender)
        return None if account is None else account.nonce

    # ---- adding ----

    def add(self, command: Command, view: View) -> tuple[Command, ...]:
        """Take in a command; returns those that it pushed out. Raises RejectedError.

        When the pool is too large afterwards, what pays least for its weight leaves, which may be the new one:
        then it is `Overloaded`.
        """
        if command in self:
            raise RejectedError(Rejection.DUPLICATE, f"{command.hash} is in the pool")
        self._check_alone(command, view)
        queue = self._queues.get(command.fee_payer, [])
        changed = self._with(queue, command, view)
        if not is_authorized(command, self.rules.signature_kind):
            raise RejectedError(Rejection.INVALID_SIGNATURE, f"{command.hash} is not signed by its fee payer")
        if len(self) - len(queue) + len(changed) > self.rules.max_size and self._cheapest(command) is command:
            raise RejectedError(
                Rejection.OVERLOADED, f"the pool is full, and all of it pays more than {command.fee}"
            )
        dropped = self._replace(command.fee_payer, changed)
        while len(self) > self.rules.max_size:
            cheapest = self._cheapest(command)
            before = self._queues[cheapest.fee_payer]
            dropped += self._replace(cheapest.fee_payer, before[: before.index(cheapest)])
        if command not in self:
            raise RejectedError(
                Rejection.OVERLOADED, "the pool is full, and an earlier nonce pays least of all"
            )
        return tuple(dropped)

    def _check_alone(self, command: Command, view: View) -> None:
        """What does not depend on the other commands."""
        end = self.rules.slot_tx_end
        if end is not None and view.slot >= end:
            raise RejectedError(Rejection.AFTER_SLOT_TX_END, f"slot {view.slot}, none from {end} on")
        if command.fee < self.rules.minimum_fee:
            raise RejectedError(
                Rejection.INSUFFICIENT_FEE, f"{command.fee}, expected at least {self.rules.minimum_fee}"
            )
        if command.valid_until < view.slot:
            raise RejectedError(Rejection.EXPIRED, f"valid until {command.valid_until}, now {view.slot}")
        if command.cost > MAXIMUM:
            raise RejectedError(Rejection.OVERFLOW, "fee and amount leave 64 bits")
        account = view.ledger.account(command.fee_payer)
        if account is None:
            raise RejectedError(Rejection.NO_FEE_PAYER, f"{command.fee_payer} has no account")
        if not account.permissions.may_pay:
            raise RejectedError(Rejection.NOT_PERMITTED, f"{command.fee_payer} may not send by signature")

    def _with(self, queue: list[Command], command: Command, view: View) -> list[Command]:
        """The queue with a command at its end or in the place of one with its nonce."""
        first = view.nonce(command.fee_payer)
        assert first is not None, "the account was looked up before"
        at = command.nonce - first
        if not 0 <= at <= len(queue):
            expected = f"expected a nonce from {first} to {first + len(queue)}"
            raise RejectedError(Rejection.INVALID_NONCE, f"{expected}, found {command.nonce}")
        liquid = view.liquid(command.fee_payer)
        kept = [*queue[:at], command]
        spent = sum(one.cost for one in kept)
        if spent > liquid:
            raise RejectedError(Rejection.INSUFFICIENT_FUNDS, f"{spent} needed, {liquid} liquid")
        if at == len(queue):
            return kept
        for later in queue[at + 1 :]:
            spent += later.cost
            if spent > liquid:
                break
            kept.append(later)
        # What leaves the queue took the pool's work already: the new fee pays for that as well.
        lost = sum(one.fee for one in queue[len(kept) :])
        increase = command.fee - queue[at].fee
        if increase < max(1, lost):
            raise RejectedError(
                Rejection.INSUFFICIENT_REPLACE_FEE,
                f"the fee is {increase} above the replaced one, expected at least {max(1, lost)}",
            )
        return kept

    def _cheapest(self, newcomer: Command) -> Command:
        """What pays least for its weight; all commands weigh the same. Of equals, the newcomer."""
        candidates: list[Command] = [newcomer, *self]
        return min(candidates, key=lambda command: command.fee)

    # ---- the chain moves on ----

    def follow(self, view: View, *, added: Sequence[Block], removed: Sequence[Block]) -> tuple[Command, ...]:
        """Judge again by a new best tip; returns what left the pool without being in a block.

        Commands of blocks that left the best chain come back, unless the new ones hold them too.
        """
        if not self._queues and not removed:
            return ()
        touched: dict[Address, None] = {}
        returning: list[Command] = []
        for block, is_removed in [
            *((block, True) for block in removed),
            *((block, False) for block in added),
        ]:
            touched[block.coinbase_receiver] = None
            touched |= dict.fromkeys(Address(transfer.receiver) for transfer in block.body.fee_transfers)
            for included in block.body.commands:
                command = parse_command(included.id)
                touched |= dict.fromkeys((command.fee_payer, command.receiver))
                if is_removed:
                    returning.append(command)
        returned_to: dict[Address, list[Command]] = {}
        for command in returning:
            returned_to.setdefault(command.fee_payer, []).append(command)
        dropped: list[Command] = []
        for sender in touched:
            if sender in self._queues or sender in returned_to:
                dropped += self._judge_again(sender, returned_to.get(sender, []), view)
        dropped += self.expire(view.slot)
        while len(self) > self.rules.max_size:
            cheapest = min(self, key=lambda command: command.fee)
            before = self._queues[cheapest.fee_payer]
            dropped += self._replace(cheapest.fee_payer, before[: before.index(cheapest)])
        included_now = {included.id for block in added for included in block.body.commands}
        return tuple(command for command in dropped if command.id not in included_now)

    def reset(self, view: View) -> None:
        """Judge all again by another frontier's best tip."""
        for sender in tuple(self._queues):
            self._judge_again(sender, [], view)
        self.expire(view.slot)

    def expire(self, slot: GlobalSlot) -> list[Command]:
        """Remove what cannot be included from this slot on, and the later commands of its sender."""
        dropped: list[Command] = []
        for sender, queue in tuple(self._queues.items()):
            for at, command in enumerate(queue):
                if command.valid_until < slot:
                    dropped += self._replace(sender, queue[:at])
                    break
        return dropped

    def _judge_again(self, sender: Address, returning: list[Command], view: View) -> list[Command]:
        """Rebuild a queue from what is in it and what comes back, by the account as it is now."""
        account = view.ledger.account(sender)
        nonce, liquid = (0, 0) if account is None else (account.nonce, view.liquid(sender))
        waiting = {command.nonce: command for command in (*returning, *self._queues.get(sender, ()))}
        queue: list[Command] = []
        while account is not None and (command := waiting.get(nonce + len(queue))) is not None:
            liquid -= command.cost
            if liquid < 0:
                break
            queue.append(command)
        return self._replace(sender, queue)

    def _replace(self, sender: Address, queue: list[Command]) -> list[Command]:
        """Put a queue in place of a sender's; returns what left."""
        before = self._queues.pop(sender, [])
        for command in before:
            del self._by_hash[command.hash]
        if queue:
            self._queues[sender] = queue
        for command in queue:
            self._by_hash[command.hash] = command
        return [command for command in before if command.hash not in self._by_hash]

    # ---- for blocks ----

    def by_fee(self) -> Iterator[Command]:
        """Highest fee per weight first, keeping the order of nonces for each sender; equals by hash."""
        heap: list[tuple[int, TransactionHash, Address, int]] = []
        for sender, queue in self._queues.items():
            heappush(heap, (-queue[0].fee, queue[0].hash, sender, 0))
        while heap:
            _fee, _hash, sender, at = heappop(heap)
            queue = self._queues[sender]
            yield queue[at]
            if at + 1 < len(queue):
                heappush(heap, (-queue[at + 1].fee, queue[at + 1].hash, sender, at + 1))

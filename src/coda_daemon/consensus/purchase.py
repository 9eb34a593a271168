"""What a producer puts into a block: as many commands as the finished SNARK work allows (daemon contract H, I.5).

Transactions cost slots of the scan state, slots cost work, work costs money, and paying provers costs slots again.
The choice is the largest number of commands, best first, for which all of it comes out; a block that cannot even
have a coinbase is empty.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import takewhile

from coda_daemon.consensus.body import (
    FEE_TRANSFERS_IN_A_TRANSACTION,
    BodyRules,
    Contents,
    choose_commands,
    work_payments,
)
from coda_daemon.ledger.account import Address
from coda_daemon.ledger.coinbase import apply_coinbase
from coda_daemon.ledger.command import Command
from coda_daemon.ledger.draft import Draft
from coda_daemon.ledger.ledger import Ledger
from coda_daemon.snark.scan_state import ScanState
from coda_daemon.snark.statement import Bundle
from coda_daemon.snark.work import Work
from coda_protocol.slots import GlobalSlot


def choose_contents(
    ledger: Ledger,
    scan: ScanState,
    candidates: Iterable[Command],
    slot: GlobalSlot,
    receiver: Address,
    coinbase: int,
    rules: BodyRules,
    find_work: Callable[[Bundle], Work | None],
) -> Contents:
    """`candidates` stand best first; `find_work` gives the work on offer that may be bought; `coinbase` in
    nanomina, for `receiver`.
    """
    if not rules.allows_transactions(slot):
        return Contents(has_coinbase=False)
    commands = choose_commands(ledger, candidates, slot, rules)
    offers = map(find_work, scan.required_at_most)
    works = tuple(work for work in takewhile(lambda work: work is not None, offers) if work is not None)
    for has_coinbase in (True, False):
        for count in range(len(commands), -1, -1):
            bought = _bought(scan, commands[:count], coinbase if has_coinbase else 0, works)
            if bought is None:
                continue
            if has_coinbase and not _can_receive(ledger, receiver, coinbase, slot, rules):
                break
            return Contents(commands[:count], bought, has_coinbase)
    return Contents(has_coinbase=False)


def _can_receive(
    ledger: Ledger, receiver: Address, coinbase: int, slot: GlobalSlot, rules: BodyRules
) -> bool:
    """Whether a coinbase for this receiver is not left out."""
    fee, since_genesis = rules.commands.account_creation_fee, rules.since_genesis(slot)
    given, _ = apply_coinbase(Draft(ledger), receiver, coinbase, since_genesis, creation_fee=fee)
    return bool(given)


def reward_of(contents: Contents, coinbase: int) -> int:
    """Nanomina that a block earns its producer: what its SNARK work costs is paid from fees and coinbase."""
    income = sum(command.fee for command in contents.commands) + (coinbase if contents.has_coinbase else 0)
    return income - sum(work_payments(contents.works).values())


def _bought(
    scan: ScanState, commands: Sequence[Command], coinbase: int, works: Sequence[Work]
) -> tuple[Work, ...] | None:
    """The work that a block with these commands buys; None when it lacks room, work or money."""
    fees = sum(command.fee for command in commands)
    own = len(commands) + bool(coinbase)
    slots = own
    while slots <= scan.room:
        number = scan.required_number(slots)
        if number > len(works):
            return None
        owed = work_payments(works[:number])
        cost = sum(owed.values())
        if cost > fees and cost - fees >= coinbase:
            return None
        transfers = len(owed) + (fees > cost)
        needed = own + -(-transfers // FEE_TRANSFERS_IN_A_TRANSACTION)
        if needed <= slots:
            return tuple(works[:number]) if needed == slots else None
        slots = needed
    return None

"""Transactions in a row with all that their proofs need."""

from functools import cache

from tests.coda_daemon.chain_testbed import key
from tests.coda_daemon.commands_testbed import COIN, delegation, payment

from coda_daemon.ledger.account import new_account
from coda_daemon.ledger.ledger import build_ledger
from coda_daemon.ledger.receipts import ReceiptChain
from coda_daemon.ledger.transactions import CommandRules
from coda_daemon.snark.scan_state import ScanState, scan_state_at_genesis
from coda_daemon.snark.statement import Bundle, Job, bundled, merged, stated
from coda_daemon.snark.transaction import (
    CoinbaseTransaction,
    FeeTransferTransaction,
    Transaction,
    UserTransaction,
)
from coda_protocol.signatures import TESTNET

RULES = CommandRules(COIN, TESTNET, ReceiptChain.POSEIDON)
LEDGER = build_ledger(10, [new_account(key(number), 1000 * COIN) for number in range(1, 6)])
TRANSACTIONS: tuple[Transaction, ...] = (
    UserTransaction(payment(1, 2).id, 1),
    UserTransaction(payment(1, 9, 5 * COIN, nonce=1).id, 1),  # a new account
    UserTransaction(payment(2, 8, COIN // 2).id, 2),  # too little for one: it fails
    UserTransaction(delegation(3, 4).id, 2),
    UserTransaction(delegation(3, 7, nonce=1).id, 3),  # to nobody: it fails
    CoinbaseTransaction(key(6), 720 * COIN, 0, 3),  # a new account again
    FeeTransferTransaction(((key(5), 30), (key(2), 10)), 4),
    CoinbaseTransaction(key(6), 720 * COIN, 20 * COIN, 4),
)


@cache
def jobs() -> tuple[Job, ...]:
    """One for each transaction; the ledger that it was applied to is in its step."""
    ledger, made = LEDGER, []
    for transaction in TRANSACTIONS:
        found = stated(ledger, transaction, RULES)
        assert found is not None
        made.append(Job(found.statement, step=found.step))
        ledger = found.after
    return tuple(made)


def merges() -> tuple[Job, ...]:
    pairs = zip(jobs()[::2], jobs()[1::2], strict=True)
    return tuple(Job(merged(left.statement, right.statement), (left, right)) for left, right in pairs)


def bundles() -> tuple[Bundle, ...]:
    return bundled((*jobs(), *merges()))


def scan_after(transactions: int, *, depth: int = 1, work_delay: int = 0) -> ScanState:
    """The scan state with so many of them in it, one a block."""
    scan, ledger = scan_state_at_genesis(LEDGER, depth=depth, work_delay=work_delay), LEDGER
    for transaction in TRANSACTIONS[:transactions]:
        found = stated(ledger, transaction, RULES)
        assert found is not None
        ledger = found.after
        scan, _ = scan.after([found.statement], ledger, ledger, [found.step])
    return scan

"""Scan states filled by hand."""

from coda_daemon.ledger.account import Address, new_account
from coda_daemon.ledger.ledger import Ledger, build_ledger
from coda_daemon.snark.scan_state import ScanState, scan_state_at_genesis
from coda_daemon.snark.statement import Statement

LEDGER = build_ledger(4, [new_account(Address("genesis"), 1)])


def empty(*, depth: int, work_delay: int) -> ScanState:
    return scan_state_at_genesis(LEDGER, depth=depth, work_delay=work_delay)


def statements(scan: ScanState, count: int, *, first: int) -> list[Statement]:
    return [Statement(f"L{number}", f"L{number + 1}", fee_excess=1) for number in range(first, first + count)]


def ledger_after(transactions: int) -> Ledger:
    return LEDGER.put(new_account(Address("last"), transactions))


class Chain:
    """Blocks on a scan state, each with so many transactions, buying all that they must."""

    def __init__(self, *, depth: int, work_delay: int) -> None:
        self.scan = empty(depth=depth, work_delay=work_delay)
        self.transactions = 0
        self.bought = 0
        self.proofs: list[int] = []  # transactions that each ledger proof covers

    def block(self, count: int) -> bool:
        scan = self.scan
        for bundle in scan.required(count):
            self.bought += len(bundle.jobs)
        added = statements(scan, count, first=self.transactions)
        full = ledger_after(self.transactions + scan.free)
        self.transactions += count
        self.scan, is_proved = scan.after(added, full, ledger_after(self.transactions))
        if is_proved:
            last = self.scan.snarked.account(Address("last"))
            assert last is not None
            self.proofs.append(last.balance)
        return is_proved

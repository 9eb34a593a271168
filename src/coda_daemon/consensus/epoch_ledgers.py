"""The ledgers that lotteries are drawn from: those of the configuration, then snarked ones (daemon contract I.2)."""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from coda_daemon.blocks import EpochData
from coda_daemon.consensus.lottery import StakeDistribution
from coda_daemon.ledger.ledger import Ledger
from coda_protocol.hashes import LedgerHash

Stakes = Mapping[LedgerHash, StakeDistribution]


@lru_cache(maxsize=8)  # by identity: a chain holds on to two of them at a time
def stakes_in(ledger: Ledger) -> StakeDistribution:
    return StakeDistribution(ledger.hash, ledger)


def stakes_of(data: EpochData, configured: Stakes, later: Iterable[Ledger]) -> StakeDistribution | None:
    """What an epoch is drawn from; None when its ledger is neither configured nor among the later ones."""
    name = LedgerHash(data.ledger_hash)
    if name in configured:
        return configured[name]
    return next((stakes_in(ledger) for ledger in later if ledger.hash == name), None)


def kept_ledgers(later: Iterable[Ledger], configured: Stakes, *wanted: EpochData) -> tuple[Ledger, ...]:
    """Those of the later ledgers that these epochs are drawn from, each once, in their order."""
    names = {data.ledger_hash for data in wanted} - set(configured)
    return tuple({ledger.hash: ledger for ledger in later if ledger.hash in names}.values())

"""Ledgers that belong to a block of the frontier besides its own: those that its epochs are drawn from."""

from coda_daemon.blocks import EpochData
from coda_daemon.consensus.building import Built
from coda_daemon.genesis import Genesis
from coda_daemon.ledger.ledger import Ledger


def epoch_ledger(built: Built, data: EpochData, genesis: Genesis) -> Ledger:
    """The ledger of `data`, which is the staking or the next epoch's data of that block."""
    kept = (*built.epoch_ledgers, genesis.ledgers.staking, genesis.ledgers.next)
    return next(ledger for ledger in kept if ledger.hash == data.ledger_hash)

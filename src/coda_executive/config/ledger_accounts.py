"""The accounts behind a runtime configuration: named ledgers written out, and who stakes for whom."""

from collections.abc import Mapping, Sequence

import msgspec

from coda_protocol.genesis_ledgers import LEDGER_NAMES, named_ledger
from coda_protocol.runtime_config import Account, RuntimeConfig
from coda_protocol.sample_keys import sample_keypair


def genesis_winner() -> str:
    """The address of key 0, which belongs to no node (daemon contract B.1)."""
    return str(sample_keypair(0).public)


def resolved(runtime: RuntimeConfig) -> RuntimeConfig:
    """The same with a shipped named ledger written out as accounts, without private keys.

    So every daemon has these accounts, whatever it was compiled with.
    """
    ledger = runtime.ledger
    if ledger is None or ledger.accounts is not None or ledger.name not in LEDGER_NAMES:
        return runtime
    accounts = without_secrets(named_ledger(ledger.name).accounts or ())
    return msgspec.structs.replace(runtime, ledger=msgspec.structs.replace(ledger, accounts=accounts))


def without_secrets(accounts: Sequence[Account]) -> tuple[Account, ...]:
    return tuple(
        account if account.sk is None else msgspec.structs.replace(account, sk=None) for account in accounts
    )


def stake_by_key(runtime: RuntimeConfig) -> Mapping[str, int] | None:
    """Nanomina staked in epoch 0 by the key they are delegated to; None where a hash hides the accounts.

    Epoch 0 is `epoch_data.staking` where that is given, else the genesis ledger (daemon contract B.1).
    """
    if runtime.epoch_data is not None:
        accounts = runtime.epoch_data.staking.accounts
    else:
        accounts = runtime.ledger.accounts if runtime.ledger else None
    if accounts is None:
        return None
    stakes: dict[str, int] = {}
    for account in accounts:
        if account.token is None or account.token == MINA_TOKEN:
            delegate = account.delegate or account.pk
            stakes[delegate] = stakes.get(delegate, 0) + account.balance
    return stakes


MINA_TOKEN = "wSHV2S4qX9jFsLjQo8r1BsMLH2ZRKsZx6EJd1sbozGPieEC4Jf"  # noqa: S105 (a token's public id)

"""What a daemon tells an archive of one block: the block, and what it did to accounts (daemon contract G.1).

An archive has no ledger, so balances and failures that a block does not spell out come with it.
"""

from collections.abc import Iterable
from typing import Annotated

import msgspec

from coda_daemon.consensus.building import Built
from coda_daemon.genesis import Genesis
from coda_daemon.ledger.account import Account, Address
from coda_daemon.ledger.ledger import Ledger
from coda_daemon.ledger.transactions import Failure

Index = Annotated[int, msgspec.Meta(ge=0)]


class AccountAfter(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """An account as the block left it; `index` is its position in the ledger."""

    index: Index
    account: Account
    is_new: bool = False


class BlockDiff(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """`block` is `Block.encoded`, `accounts` those that it changed, by position; `creation_fee` in nanomina.

    `credits` tells for the coinbase, if there is one, and then each fee transfer why it failed, if it did: what
    it should have credited is burnt then. The genesis block "changes" all accounts, and credits nobody.
    """

    block: bytes
    accounts: tuple[AccountAfter, ...]
    credits: tuple[Failure | None, ...]
    creation_fee: Index
    is_genesis: bool = False


def diff_of(built: Built, parent: Ledger, *, creation_fee: int) -> BlockDiff:
    """The diff of a block on the ledger of its parent."""
    changed = tuple(
        AccountAfter(position, account, is_new=position >= len(parent))
        for account in built.ledger.changes_since(parent)
        if (position := built.ledger.position(account.public_key, account.token)) is not None
    )
    body, receivers = built.block.body, []
    if body.coinbase:
        receivers.append(built.block.coinbase_receiver)
    receivers += [Address(transfer.receiver) for transfer in body.fee_transfers]
    touched = {after.account.public_key for after in changed}
    return BlockDiff(
        built.block.encoded, changed, tuple(_credits(receivers, built.ledger, touched)), creation_fee
    )


def genesis_diff(genesis: Genesis) -> BlockDiff:
    accounts = tuple(AccountAfter(index, account) for index, account in enumerate(genesis.ledger))
    creation_fee = genesis.rules.body.commands.account_creation_fee
    return BlockDiff(genesis.block.encoded, accounts, (), creation_fee, is_genesis=True)


def _credits(receivers: Iterable[Address], ledger: Ledger, touched: set[Address]) -> Iterable[Failure | None]:
    """Permissions never change and accounts never go, so the ledger after the block tells what happened in it."""
    for receiver in receivers:
        account = ledger.account(receiver)
        if account is None:
            yield Failure.AMOUNT_INSUFFICIENT_TO_CREATE_ACCOUNT
        elif not account.permissions.may_receive:
            yield Failure.UPDATE_NOT_PERMITTED_BALANCE
        else:
            yield None if receiver in touched else Failure.OVERFLOW

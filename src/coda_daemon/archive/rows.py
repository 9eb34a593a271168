"""From a block to the rows that stand for it (daemon contract G.2).

Rows refer to each other by what they name, such as a public key; the database's own numbers come when they are
stored. Money and other 64-bit numbers are text, as in the tables.
"""

from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from coda_daemon.archive.block_diff import BlockDiff
from coda_daemon.blocks import Block, Body, EpochData, MalformedBlockError, decode_block
from coda_daemon.consensus.body import FEE_TRANSFERS_IN_A_TRANSACTION
from coda_daemon.digests import digest_of
from coda_daemon.ledger.account import Permissions, Timing
from coda_daemon.ledger.command import parse_command
from coda_daemon.ledger.transactions import Failure
from coda_protocol.commands import NEVER_EXPIRES
from coda_protocol.format_error import FormatError
from coda_protocol.hash_text import transaction_hash

PROTOCOL_VERSION: Final = (3, 0, 0)  # as in log lines: transaction, network, patch

AccountName = tuple[str, str]  # public key, token
TimingValues = tuple[str, int, str, int, str]  # as the columns of `timing_info`
PermissionValues = tuple[str | int, ...]  # as the columns of `zkapp_permissions`


@dataclass(frozen=True, slots=True)
class AccountRow:
    """A row of `accounts_accessed`, and what it refers to."""

    ledger_index: int
    name: AccountName
    token_symbol: str
    balance: str
    nonce: int
    receipt_chain_hash: str
    delegate: str | None
    voting_for: str
    timing: TimingValues | None
    permissions: PermissionValues


@dataclass(frozen=True, slots=True)
class UserCommandRow:
    """Rows of `user_commands` and `blocks_user_commands`."""

    command_type: str
    fee_payer: str
    receiver: str
    nonce: int
    amount: str | None
    fee: str
    valid_until: int | None
    memo: str
    hash: str
    sequence_no: int
    failure_reason: str | None


@dataclass(frozen=True, slots=True)
class InternalCommandRow:
    """Rows of `internal_commands` and `blocks_internal_commands`.

    Sequence numbers count a block's transactions; the second of two fee transfers in one is told by the secondary.
    """

    command_type: str
    receiver: str
    fee: str
    hash: str
    sequence_no: int
    secondary_sequence_no: int
    failure_reason: str | None


@dataclass(frozen=True, slots=True)
class BlockRows:
    """All of a block; `created` are the accounts that are new in it, with the creation fee that each cost."""

    block: Block
    last_vrf_output: str
    user_commands: tuple[UserCommandRow, ...]
    internal_commands: tuple[InternalCommandRow, ...]
    accounts: tuple[AccountRow, ...]
    created: tuple[tuple[AccountName, str], ...]
    is_genesis: bool

    @property
    def epochs(self) -> tuple[EpochData, EpochData]:
        """Staking and next."""
        state = self.block.consensus_state
        return state.staking_epoch_data, state.next_epoch_data

    @property
    def public_keys(self) -> tuple[str, ...]:
        """Every key that a row refers to, once."""
        keys = [self.block.creator, self.block.winner, *(account.name[0] for account in self.accounts)]
        keys += [account.delegate for account in self.accounts if account.delegate is not None]
        keys += [key for command in self.user_commands for key in (command.fee_payer, command.receiver)]
        keys += [command.receiver for command in self.internal_commands]
        return tuple(dict.fromkeys(keys))


def rows_of(diff: BlockDiff) -> BlockRows:
    """Raises MalformedBlockError for what is no block with its diff."""
    block = decode_block(diff.block)
    try:
        user_commands = tuple(_user_commands(block.body))
    except FormatError as error:
        raise MalformedBlockError(f"body.commands: {error}") from error
    internal = () if diff.is_genesis else tuple(_internal_commands(block, diff, len(user_commands)))
    return BlockRows(
        block,
        urlsafe_b64encode(block.consensus_state.last_vrf_output).decode(),
        user_commands,
        internal,
        tuple(_accounts(diff)),
        tuple(
            ((after.account.public_key, after.account.token), str(diff.creation_fee))
            for after in diff.accounts
            if after.is_new
        ),
        diff.is_genesis,
    )


def _user_commands(body: Body) -> Iterator[UserCommandRow]:
    for number, included in enumerate(body.commands):
        command = parse_command(included.id)
        yield UserCommandRow(
            "delegation" if command.is_delegation else "payment",
            command.fee_payer,
            command.receiver,
            command.nonce,
            None if command.is_delegation else str(command.amount),
            str(command.fee),
            None if command.valid_until == NEVER_EXPIRES else command.valid_until,
            str(command.signed.command.memo),
            command.hash,
            number,
            included.failure,
        )


def _internal_commands(block: Block, diff: BlockDiff, first: int) -> Iterator[InternalCommandRow]:
    """The coinbase, then fee transfers, in the order of application."""
    body = block.body
    if len(diff.credits) != bool(body.coinbase) + len(body.fee_transfers):
        raise MalformedBlockError(
            f"expected what became of {bool(body.coinbase) + len(body.fee_transfers)} credits, "
            f"found {len(diff.credits)}"
        )
    failures = iter(diff.credits)
    if body.coinbase:
        yield _internal("coinbase", block.coinbase_receiver, body.coinbase, (first, 0), next(failures))
        first += 1
    from_coinbase = _paid_by_coinbase(body)
    for number, transfer in enumerate(body.fee_transfers):
        kind = "fee_transfer_via_coinbase" if number in from_coinbase else "fee_transfer"
        place = (first + number // FEE_TRANSFERS_IN_A_TRANSACTION, number % FEE_TRANSFERS_IN_A_TRANSACTION)
        yield _internal(kind, transfer.receiver, transfer.fee, place, next(failures))


def _paid_by_coinbase(body: Body) -> set[int]:
    """Which fee transfers the coinbase pays, at least in part: what goes to provers beyond the fees of commands.

    They are the last ones, as many as it takes: while it pays, no rest of the fees goes to anybody else.
    """
    missing = sum(transfer.fee for transfer in body.fee_transfers)
    missing -= sum(parse_command(included.id).fee for included in body.commands)
    found = set()
    for number in reversed(range(len(body.fee_transfers))):
        if missing <= 0:
            break
        missing -= body.fee_transfers[number].fee
        found.add(number)
    return found


def _internal(
    kind: str, receiver: str, fee: int, place: tuple[int, int], failure: Failure | None
) -> InternalCommandRow:
    # As with Mina's, the hash is over what is done, so that the same coinbase in two blocks is one command.
    digest = digest_of(f"{kind} {receiver} {fee}".encode(), purpose=b"coda-internal")
    return InternalCommandRow(kind, receiver, str(fee), transaction_hash(digest), *place, failure)


def _accounts(diff: BlockDiff) -> Iterator[AccountRow]:
    for after in diff.accounts:
        account = after.account
        yield AccountRow(
            after.index,
            (account.public_key, account.token),
            account.token_symbol,
            str(account.balance),
            account.nonce,
            account.receipt_chain_hash,
            account.delegate,
            account.voting_for,
            None if account.timing is None else _timing_values(account.timing),
            _permission_values(account.permissions),
        )


def _timing_values(timing: Timing) -> TimingValues:
    return (
        str(timing.initial_minimum_balance),
        timing.cliff_time,
        str(timing.cliff_amount),
        timing.vesting_period,
        str(timing.vesting_increment),
    )


def _permission_values(permissions: Permissions) -> PermissionValues:
    return tuple(getattr(permissions, name) for name in Permissions.__struct_fields__)

"""The ledgers that a runtime configuration describes: by accounts, by a shipped name or by hash (daemon contract B.1).

A ledger by hash has to be among the archives that the caller read; `genesis_archives` finds them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from coda_daemon.consensus.epochs import ZERO_STATE_HASH
from coda_daemon.ledger.account import (
    EMPTY_RECEIPT_CHAIN,
    MINA_TOKEN,
    USER_PERMISSIONS,
    Account,
    Address,
    Permissions,
    Timing,
    TokenId,
)
from coda_daemon.ledger.ledger import Ledger, build_ledger
from coda_protocol import runtime_config
from coda_protocol.base58 import VersionByte, decode_check
from coda_protocol.format_error import FormatError
from coda_protocol.hashes import LedgerHash
from coda_protocol.runtime_config import EpochLedger, GenesisLedger, RuntimeConfig

GENESIS_WINNER: Final = Address("B62qiy32p8kAKnny8ZFwoMhYpBppM1DWVCqAPBYNcXnsAHhnfAAuXgg")  # contract B.1
# Nanomina that `add_genesis_winner` gives it: too little to ever win.
_GENESIS_WINNER_BALANCE: Final = 1000
_ADDRESS_BYTES: Final = 35
_KEY_FIELDS: Final = ("set_verification_key", "set_verification_key_txn_version")


class GenesisError(ValueError):
    """The configuration describes no network: which field, what was expected, what was found."""


@dataclass(frozen=True, slots=True)
class GenesisLedgers:
    """The ledger of the first block, and those that hold the stakes of epochs 0 and 1."""

    genesis: Ledger
    staking: Ledger
    next: Ledger


def genesis_ledgers(
    config: RuntimeConfig, depth: int, archives: Mapping[LedgerHash, Ledger]
) -> GenesisLedgers:
    """All of a configuration's ledgers; `archives` has those that it names by hash alone. Raises GenesisError.

    Without epoch data all are the genesis ledger; without one for epoch 1 it is epoch 0's.
    """
    genesis = _genesis_ledger(config.ledger, depth, archives)
    epoch_data = config.epoch_data
    if epoch_data is None:
        return GenesisLedgers(genesis, genesis, genesis)
    staking = _epoch_ledger("epoch_data.staking", depth, epoch_data.staking, archives)
    if epoch_data.next is None:
        return GenesisLedgers(genesis, staking, staking)
    return GenesisLedgers(
        genesis, staking, _epoch_ledger("epoch_data.next", depth, epoch_data.next, archives)
    )


def hashes_alone(config: RuntimeConfig) -> tuple[LedgerHash, ...]:
    """The roots of the ledgers that a configuration gives by hash and in no other way."""
    sections: list[GenesisLedger | EpochLedger | None] = [config.ledger]
    if config.epoch_data is not None:
        sections += (config.epoch_data.staking, config.epoch_data.next)
    return tuple(
        dict.fromkeys(
            LedgerHash(section.hash)
            for section in sections
            if section is not None and section.hash is not None and _accounts_of(section) is None
        )
    )


def _genesis_ledger(
    section: GenesisLedger | None, depth: int, archives: Mapping[LedgerHash, Ledger]
) -> Ledger:
    if section is None:
        raise GenesisError("ledger: expected a genesis ledger, found none; give it in a configuration file")
    for name in ("num_accounts", "balances"):
        if getattr(section, name) is not None:
            raise GenesisError(
                f"ledger.{name}: this build generates no accounts; list all of them in ledger.accounts"
            )
    given = _accounts_of(section)
    if given is None:
        return _archived("ledger", section, archives)
    accounts = tuple(_account(f"ledger.accounts[{at}]", account) for at, account in enumerate(given))
    has_winner = any(account.public_key == GENESIS_WINNER for account in accounts)
    if section.add_genesis_winner and not has_winner:
        winner = Account(GENESIS_WINNER, balance=_GENESIS_WINNER_BALANCE, delegate=GENESIS_WINNER)
        accounts = (winner, *accounts)
    return _ledger("ledger", depth, accounts)


def _epoch_ledger(
    path: str, depth: int, section: EpochLedger, archives: Mapping[LedgerHash, Ledger]
) -> Ledger:
    if section.accounts is None:
        return _archived(path, section, archives)
    accounts = [_account(f"{path}.accounts[{at}]", given) for at, given in enumerate(section.accounts)]
    return _ledger(path, depth, accounts)


def _accounts_of(section: GenesisLedger | EpochLedger) -> Sequence[runtime_config.Account] | None:
    """Its accounts, or those of its name; None when it goes by hash."""
    if section.accounts is not None:
        return section.accounts
    if isinstance(section, EpochLedger) or section.name is None:
        return None
    from coda_protocol.genesis_ledgers import LEDGER_NAMES, named_ledger

    if section.name in LEDGER_NAMES:
        return named_ledger(section.name).accounts or ()
    if section.hash is None:
        raise GenesisError(f"ledger.name: expected one of {', '.join(LEDGER_NAMES)}, found {section.name}")
    return None  # a plain label beside the hash


def _archived(
    path: str, section: GenesisLedger | EpochLedger, archives: Mapping[LedgerHash, Ledger]
) -> Ledger:
    assert section.hash is not None  # the configuration's syntax wants accounts, name or hash
    ledger = archives.get(LedgerHash(section.hash))
    if ledger is None:
        raise GenesisError(
            f"{path}.hash: expected a ledger in the genesis directories, found none for {section.hash}; "
            f"list the accounts in {path}.accounts"
        )
    return ledger


def _ledger(path: str, depth: int, accounts: Sequence[Account]) -> Ledger:
    if len(accounts) > 1 << depth:
        raise GenesisError(
            f"{path}: expected at most {1 << depth} accounts at proof.ledger_depth {depth}, "
            f"found {len(accounts)}"
        )
    seen: set[tuple[Address, TokenId]] = set()
    for account in accounts:
        if (account.public_key, account.token) in seen:
            raise GenesisError(
                f"{path}: expected one account for each key and token, found {account.public_key} twice"
            )
        seen.add((account.public_key, account.token))
    return build_ledger(depth, accounts)


def _account(path: str, given: runtime_config.Account) -> Account:
    token = TokenId(given.token or MINA_TOKEN)
    public_key = _address(f"{path}.pk", given.pk)
    own = public_key if token == MINA_TOKEN else None
    return Account(
        public_key,
        token,
        int(given.balance),
        int(given.nonce or 0),
        _address(f"{path}.delegate", given.delegate) if given.delegate else own,
        _timing(given.timing) if given.timing else None,
        given.token_symbol or "",
        given.receipt_chain_hash or EMPTY_RECEIPT_CHAIN,
        given.voting_for or ZERO_STATE_HASH,
        _permissions(given.permissions) if given.permissions else USER_PERMISSIONS,
    )


def _permissions(given: runtime_config.Permissions) -> Permissions:
    """Those that are given, over a user account's."""
    key = given.set_verification_key
    named = {
        name: value
        for name in Permissions.__struct_fields__
        if name not in _KEY_FIELDS and (value := getattr(given, name)) is not None
    }
    if key is not None:
        named |= dict(zip(_KEY_FIELDS, (key.auth, int(key.txn_version)), strict=True))
    return msgspec.structs.replace(USER_PERMISSIONS, **named)


def _timing(given: runtime_config.Timing) -> Timing:
    return Timing(
        int(given.initial_minimum_balance),
        int(given.cliff_time),
        int(given.cliff_amount),
        max(1, int(given.vesting_period)),
        int(given.vesting_increment),
    )


def _address(path: str, text: str) -> Address:
    # The checksum only: that x is on the curve takes a square root, seconds for ten thousand accounts.
    try:
        decode_check(VersionByte.PUBLIC_KEY, text, size=_ADDRESS_BYTES)
    except FormatError as error:
        raise GenesisError(f"{path}: {error}") from error
    return Address(text)

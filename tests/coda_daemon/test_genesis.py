from typing import Any

import msgspec
import pytest
from tests.coda_daemon.chain_testbed import GENESIS_MS, genesis_of, key, make_config

from coda_daemon.genesis import Genesis
from coda_daemon.genesis_ledgers import GENESIS_WINNER, GenesisError
from coda_daemon.ledger.account import Account as LedgerAccount
from coda_daemon.ledger.account import Permissions as LedgerPermissions
from coda_protocol.currency import Amount, Balance
from coda_protocol.runtime_config import (
    Account,
    EpochData,
    EpochLedger,
    GenesisLedger,
    NumberText,
    Permissions,
    RuntimeConfig,
    Timing,
    VerificationKeyPermission,
)

CONFIG = make_config(1000, 500)


def with_section(name: str, **changes: Any) -> RuntimeConfig:
    section = msgspec.structs.replace(getattr(CONFIG, name), **changes)
    return msgspec.structs.replace(CONFIG, **{name: section})


def with_accounts(*accounts: Account, **options: Any) -> RuntimeConfig:
    return msgspec.structs.replace(CONFIG, ledger=GenesisLedger(accounts=accounts, **options))


def account(index: int, **members: Any) -> Account:
    return Account(pk=key(index), balance=Balance(5), **members)


def test_genesis_block_is_at_height_1_and_slot_0() -> None:
    genesis = genesis_of(CONFIG)
    block = genesis.block

    assert (block.blockchain_length, block.global_slot) == (1, 0)
    assert block.creator == GENESIS_WINNER
    assert block.body.coinbase == genesis.rules.coinbase  # shown, though nobody got it (D.3)
    assert block.ledger_hash == genesis.ledger.hash
    assert block.consensus_state.total_currency == 1500 * 10**9
    assert block.state.blockchain_state.timestamp == GENESIS_MS
    assert genesis.rules.genesis_state_hash == block.state_hash


def test_same_configuration_gives_the_same_chain_id() -> None:
    assert genesis_of(CONFIG).chain_id == genesis_of(make_config(1000, 500)).chain_id


@pytest.mark.parametrize(
    "other",
    [
        make_config(1000, 501),
        with_section("genesis", k=7),
        with_section("genesis", delta=1),
        with_section("genesis", slots_per_epoch=63),
        with_section("genesis", grace_period_slots=11),
        with_section("genesis", genesis_state_timestamp=1),
        with_section("proof", block_window_duration_ms=1000),
        with_section("proof", ledger_depth=11),
        with_section("proof", account_creation_fee=1),
        with_section("proof", coinbase_amount=1),
    ],
)
def test_any_other_configuration_gives_another_chain_id(other: RuntimeConfig) -> None:
    """So that nodes of unlike networks ignore each other (A.10)."""
    assert genesis_of(other).chain_id != genesis_of(CONFIG).chain_id


def test_stake_of_the_first_epochs_comes_from_epoch_data() -> None:
    """`staking` is for epoch 0, `next` for epoch 1; without `next` both are as `staking` (B.1)."""
    one = EpochLedger(accounts=(account(3),), seed="2vseed")
    other = EpochLedger(accounts=(account(4),))

    both = genesis_of(msgspec.structs.replace(CONFIG, epoch_data=EpochData(staking=one, next=other)))
    same = genesis_of(msgspec.structs.replace(CONFIG, epoch_data=EpochData(staking=one)))

    state = both.block.consensus_state
    assert state.staking_epoch_data.seed == "2vseed"
    assert _stakers(both, 3) == [(key(3), state.staking_epoch_data.ledger_hash)]
    assert _stakers(both, 4) == [(key(4), state.next_epoch_data.ledger_hash)]
    assert same.block.consensus_state.next_epoch_data.ledger_hash == state.staking_epoch_data.ledger_hash
    assert both.ledger.hash == genesis_of(CONFIG).ledger.hash


def _stakers(genesis: Genesis, index: int) -> list[tuple[str, str]]:
    return [
        (staker.public_key, ledger_hash)
        for ledger_hash, stakes in genesis.rules.stakes.items()
        for staker in stakes.stakers_of(key(index))
    ]


def test_account_is_taken_over_whole() -> None:
    timing = Timing(
        initial_minimum_balance=Balance(5),
        cliff_time=NumberText(4),
        cliff_amount=Amount(3),
        vesting_period=NumberText(2),
        vesting_increment=Amount(1),
    )
    genesis = genesis_of(
        with_accounts(
            account(1), account(2, delegate=key(1), nonce=NumberText(7), timing=timing, token_symbol="ABC")
        )
    )

    taken = genesis.ledger.account(key(2))

    assert isinstance(taken, LedgerAccount)
    assert (taken.balance, taken.nonce, taken.delegate, taken.token_symbol) == (5, 7, key(1), "ABC")
    assert taken.timing is not None
    assert [taken.timing.minimum_balance(slot) for slot in (0, 3, 4, 6, 7, 8, 99)] == [5, 5, 2, 1, 1, 0, 0]


def test_named_ledger_is_known() -> None:
    genesis = genesis_of(msgspec.structs.replace(CONFIG, ledger=GenesisLedger(name="test_three_even_stakes")))

    assert [one.public_key for one in genesis.ledger] == [key(1), key(2), key(3)]


def test_genesis_winner_is_put_first_when_asked_for() -> None:
    genesis = genesis_of(with_accounts(account(1), add_genesis_winner=True))

    assert [one.public_key for one in genesis.ledger] == [GENESIS_WINNER, key(1)]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            with_section("genesis", genesis_state_timestamp=None),
            "genesis_state_timestamp: expected the start",
        ),
        (with_section("genesis", slots_per_epoch=61), "slots_per_epoch: expected a multiple of 3, found 61"),
        (with_section("genesis", grace_period_slots=20), "less than a third of slots_per_epoch"),
        (with_section("genesis", k=0), "k: expected at least 1, found 0"),
        (msgspec.structs.replace(CONFIG, ledger=None), "ledger: expected a genesis ledger"),
        (msgspec.structs.replace(CONFIG, ledger=GenesisLedger(hash="jx")), "ledger.hash"),
        (msgspec.structs.replace(CONFIG, ledger=GenesisLedger(name="x")), "expected one of .*, found x"),
        (with_accounts(account(1), num_accounts=9), "ledger.num_accounts"),
        (with_accounts(account(1), account(1)), "expected one account for each key"),
        (with_accounts(Account(pk="B62", balance=Balance(1))), r"ledger.accounts\[0\].pk"),
        (with_accounts(account(1, delegate="B62")), r"ledger.accounts\[0\].delegate"),
        (with_accounts(), "expected accounts with a balance"),
        (
            make_config(*[1] * 5, ledger_depth=2),
            "expected at most 4 accounts at proof.ledger_depth 2, found 5",
        ),
        (
            msgspec.structs.replace(CONFIG, epoch_data=EpochData(staking=EpochLedger(hash="jx"))),
            "epoch_data.staking.accounts",
        ),
    ],
)
def test_configuration_that_describes_no_network_is_refused(config: RuntimeConfig, message: str) -> None:
    with pytest.raises(GenesisError, match=message):
        genesis_of(config)


def test_permissions_are_kept_over_those_of_a_user_account() -> None:
    given = Permissions(
        receive="impossible",
        set_verification_key=VerificationKeyPermission(auth="proof", txn_version=NumberText(4)),
    )
    ledger = genesis_of(with_accounts(account(1, permissions=given), account(2))).ledger

    changed, usual = ledger.account(key(1)), ledger.account(key(2))

    assert changed is not None
    assert usual is not None
    assert usual.permissions == LedgerPermissions()
    assert changed.permissions == LedgerPermissions(
        receive="impossible", set_verification_key="proof", set_verification_key_txn_version=4
    )

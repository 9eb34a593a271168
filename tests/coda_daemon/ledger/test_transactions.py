"""What a command does to the ledger: each accept and reject case of the contract by its name (I.6, I.8)."""

from dataclasses import replace

import msgspec
import pytest
from tests.coda_daemon.chain_testbed import key
from tests.coda_daemon.commands_testbed import COIN, FEE, delegation, payment

from coda_daemon.ledger.account import Account, Permissions, Timing, TokenId, new_account
from coda_daemon.ledger.command import Command, command_of, is_authorized, parse_command
from coda_daemon.ledger.draft import Draft
from coda_daemon.ledger.ledger import Ledger, build_ledger
from coda_daemon.ledger.receipts import ReceiptChain
from coda_daemon.ledger.transactions import (
    Applied,
    CommandRules,
    Failure,
    Refusal,
    RefusedError,
    apply_command,
)
from coda_protocol.base58 import VersionByte
from coda_protocol.format_error import FormatError
from coda_protocol.hash_text import field_from_text
from coda_protocol.signatures import MAINNET, TESTNET
from coda_protocol.slots import GlobalSlot

CREATION_FEE = COIN
RULES = CommandRules(CREATION_FEE, TESTNET, ReceiptChain.BLAKE2B)
SLOT = GlobalSlot(10)


def ledger_of(*accounts: Account, depth: int = 5) -> Ledger:
    return build_ledger(depth, accounts)


def account(index: int, coins: int = 100, **changes: object) -> Account:
    return msgspec.structs.replace(new_account(key(index), coins * COIN), **changes)


def after(ledger: Ledger, command: Command, slot: int = SLOT) -> tuple[Applied, Ledger]:
    draft = Draft(ledger)
    applied = apply_command(draft, command, GlobalSlot(slot), RULES)
    return applied, draft.ledger()


def balances(ledger: Ledger) -> list[int]:
    return [one.balance for one in ledger]


def test_payment_moves_the_amount_and_takes_the_fee() -> None:
    applied, ledger = after(ledger_of(account(1), account(2)), payment(1, 2, 5 * COIN))

    assert applied == Applied(None, 0)
    assert balances(ledger) == [95 * COIN - FEE, 105 * COIN]
    assert [one.nonce for one in ledger] == [1, 0]
    assert [one.delegate for one in ledger] == [key(1), key(2)]


def test_payment_to_a_new_account_pays_the_creation_fee_out_of_the_amount() -> None:
    applied, ledger = after(ledger_of(account(1)), payment(1, 2, 5 * COIN))

    assert applied == Applied(None, CREATION_FEE)
    assert ledger.account(key(2)) == new_account(key(2), 4 * COIN)


def test_payment_of_just_the_creation_fee_makes_an_empty_account() -> None:
    _applied, ledger = after(ledger_of(account(1)), payment(1, 2, CREATION_FEE))

    assert ledger.account(key(2)) == new_account(key(2), 0)


def test_payment_to_oneself_costs_the_fee() -> None:
    applied, ledger = after(ledger_of(account(1)), payment(1, 1, 60 * COIN))

    assert applied == Applied(None, 0)
    assert balances(ledger) == [100 * COIN - FEE]


@pytest.mark.parametrize(
    ("accounts", "command", "failure"),
    [
        pytest.param(
            [account(1)],
            payment(1, 2, CREATION_FEE - 1),
            Failure.AMOUNT_INSUFFICIENT_TO_CREATE_ACCOUNT,
            id="amount below the creation fee",
        ),
        pytest.param(
            [account(1), account(2, balance=2**64 - 1)],
            payment(1, 2, 1),
            Failure.OVERFLOW,
            id="receiver would hold more than 64 bits",
        ),
        pytest.param([account(1)], delegation(1, 2), Failure.RECEIVER_NOT_PRESENT, id="no such delegate"),
        pytest.param(
            [account(1), account(2, permissions=Permissions(receive="signature"))],
            payment(1, 2),
            Failure.UPDATE_NOT_PERMITTED_BALANCE,
            id="receiver may not receive",
        ),
        pytest.param(
            [account(1), account(2, permissions=Permissions(access="either"))],
            payment(1, 2),
            Failure.UPDATE_NOT_PERMITTED_BALANCE,
            id="receiver may not be accessed",
        ),
        pytest.param(
            [account(1, permissions=Permissions(set_delegate="proof")), account(2)],
            delegation(1, 2),
            Failure.UPDATE_NOT_PERMITTED_DELEGATE,
            id="delegate may not be set",
        ),
    ],
)
def test_failed_commands_pay_their_fee_use_their_nonce_and_do_nothing_else(
    accounts: list[Account], command: Command, failure: Failure
) -> None:
    before = ledger_of(*accounts)

    applied, ledger = after(before, command)

    payer = before.account(key(1))
    assert payer is not None
    assert applied == Applied(failure, 0)
    assert len(ledger) == len(before)
    expected = msgspec.structs.replace(
        payer,
        balance=payer.balance - FEE,
        nonce=1,
        receipt_chain_hash=RULES.receipts.after(payer.receipt_chain_hash, command),
    )
    assert ledger.account(key(1)) == expected
    assert [one for one in ledger if one.public_key != key(1)] == accounts[1:]


def test_delegation_sets_the_delegate_and_moves_no_money() -> None:
    applied, ledger = after(ledger_of(account(1), account(2)), delegation(1, 2))

    assert applied == Applied(None, 0)
    assert [one.delegate for one in ledger] == [key(2), key(2)]
    assert balances(ledger) == [100 * COIN - FEE, 100 * COIN]


VESTING = Timing(60 * COIN, 20, 30 * COIN, 5, 10 * COIN)
TOKEN = TokenId("wRqwVZtruwLmyGkPENyhyngeCF7CibX2tz1qCG6qMBrpVZ1ibr")


def _with_wrong_signature(command: Command) -> Command:
    signature = replace(command.signed.signature, scalar=command.signed.signature.scalar ^ 1)
    return command_of(replace(command.signed, signature=signature))


def _signed_by_another(command: Command) -> Command:
    other = payment(3, 2).signed
    return command_of(replace(command.signed, signer=other.signer, signature=other.signature))


@pytest.mark.parametrize(
    ("accounts", "command", "reason"),
    [
        pytest.param([account(2)], payment(1, 2), Refusal.NO_FEE_PAYER, id="fee payer missing"),
        pytest.param(
            [account(1, token=TOKEN), account(2)],
            payment(1, 2),
            Refusal.NO_FEE_PAYER,
            id="fee payer has an account of another token only",
        ),
        pytest.param([account(1)], payment(1, 2, nonce=1), Refusal.INVALID_NONCE, id="nonce too high"),
        pytest.param([account(1, nonce=1)], payment(1, 2), Refusal.INVALID_NONCE, id="nonce used"),
        pytest.param(
            [account(1, 1)], payment(1, 2, COIN), Refusal.INSUFFICIENT_FUNDS, id="fee over the balance"
        ),
        pytest.param(
            [account(1, 0)], delegation(1, 1), Refusal.INSUFFICIENT_FUNDS, id="no money for the fee"
        ),
        pytest.param(
            [account(1, timing=VESTING)],
            payment(1, 2, 40 * COIN),
            Refusal.INSUFFICIENT_FUNDS,
            id="into the locked part",
        ),
        pytest.param([account(1)], payment(1, 2, until=9), Refusal.EXPIRED, id="expired"),
        pytest.param(
            [account(1)], _with_wrong_signature(payment(1, 2)), Refusal.INVALID_SIGNATURE, id="bad signature"
        ),
        pytest.param(
            [account(1)], _signed_by_another(payment(1, 2)), Refusal.INVALID_SIGNATURE, id="another signer"
        ),
        *(
            pytest.param(
                [account(1, permissions=Permissions(**{name: "impossible"}))],  # type: ignore[arg-type]
                payment(1, 2),
                Refusal.NOT_PERMITTED,
                id=f"{name} impossible",
            )
            for name in ("send", "access", "increment_nonce")
        ),
    ],
)
def test_what_cannot_be_included_changes_nothing(
    accounts: list[Account], command: Command, reason: Refusal
) -> None:
    ledger = ledger_of(*accounts)
    draft = Draft(ledger)

    with pytest.raises(RefusedError, match=reason) as refused:
        apply_command(draft, command, SLOT, RULES)

    assert refused.value.reason is reason
    assert draft.ledger() is ledger


def test_a_full_ledger_takes_no_new_account() -> None:
    with pytest.raises(RefusedError) as refused:
        after(ledger_of(account(1), depth=0), payment(1, 2, 5 * COIN))

    assert refused.value.reason is Refusal.LEDGER_FULL


def test_a_command_is_good_in_the_slot_up_to_which_it_is_valid() -> None:
    assert after(ledger_of(account(1)), payment(1, 2, until=10))[0].failure is None


@pytest.mark.parametrize(
    ("slot", "locked"), [(0, 60), (19, 60), (20, 30), (24, 30), (25, 20), (34, 10), (35, 0), (1000, 0)]
)
def test_what_is_locked_at_a_slot(slot: int, locked: int) -> None:
    assert account(1, timing=VESTING).locked(slot) == locked * COIN


def test_all_but_the_locked_part_can_be_spent_to_the_last_nanomina() -> None:
    ledger = ledger_of(account(1, timing=VESTING), account(2))
    liquid = 40 * COIN

    _applied, paid = after(ledger, payment(1, 2, liquid - FEE))
    assert balances(paid)[0] == 60 * COIN
    with pytest.raises(RefusedError):
        after(ledger, payment(1, 2, liquid - FEE + 1))


def test_the_first_command_after_vesting_makes_an_account_untimed() -> None:
    ledger = ledger_of(account(1, timing=VESTING), account(2))

    before_end = after(ledger, payment(1, 2), slot=34)[1].account(key(1))
    at_end = after(ledger, payment(1, 2), slot=35)[1].account(key(1))

    assert before_end is not None
    assert at_end is not None
    assert before_end.timing == VESTING
    assert at_end.timing is None


def test_accounts_of_other_tokens_are_left_alone() -> None:
    other = account(1, 7, token=TOKEN, delegate=None)
    _applied, ledger = after(ledger_of(other, account(1), account(2)), payment(1, 2))

    assert ledger.account(key(1), TOKEN) == other


def test_receipts_chain_the_commands_of_their_payer_whether_they_fail_or_not() -> None:
    first, second = payment(1, 2, 1), payment(1, 2, nonce=1)
    _applied, once = after(ledger_of(account(1)), first)
    _applied, twice = after(once, second)

    chains = [one.receipt_chain_hash for one in (account(1), *once, *twice) if one.public_key == key(1)]
    assert len(set(chains)) == 3
    for text in chains:
        field_from_text(VersionByte.RECEIPT_CHAIN_HASH, text)


def test_poseidon_receipts_depend_on_command_and_previous_receipt() -> None:
    chain, start = ReceiptChain.POSEIDON, account(1).receipt_chain_hash
    first = chain.after(start, payment(1, 2))

    assert first == chain.after(start, payment(1, 2))
    assert len({first, chain.after(first, payment(1, 2)), chain.after(start, payment(1, 2, nonce=1))}) == 3
    field_from_text(VersionByte.RECEIPT_CHAIN_HASH, first)


def test_a_signature_is_for_one_kind_of_network() -> None:
    assert is_authorized(payment(1, 2), TESTNET)
    assert not is_authorized(payment(1, 2), MAINNET)


def test_a_command_is_read_from_its_transaction_id() -> None:
    command = parse_command(payment(1, 2, 5, nonce=3, memo="hi").id)

    assert (command.fee_payer, command.receiver) == (key(1), key(2))
    assert (command.amount, command.fee, command.nonce, command.cost) == (5, FEE, 3, FEE + 5)
    assert not command.is_delegation
    assert delegation(1, 2).is_delegation
    with pytest.raises(FormatError):
        parse_command("no id")

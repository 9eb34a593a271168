"""Defects of payments, delegations, rewards, SNARK work and the end of transactions."""

from dataclasses import replace
from typing import Any

import msgspec
from tests.coda_executive.catalogue.planted import Defect, answering
from tests.coda_executive.planting import Original

from coda_daemon.ledger.transactions import Failure
from coda_protocol.sample_keys import sample_keypair

BODY, PURCHASE = "coda_daemon.consensus.body", "coda_daemon.consensus.purchase"
LEDGER, MEMPOOL = "coda_daemon.ledger.transactions", "coda_daemon.mempool"
TRANSACTION = "coda_daemon.snark.transaction"
GRAPHQL, SNARK = "coda_daemon.graphql", "coda_daemon.snark"
FIND_ACCOUNT, CHOOSE = f"{GRAPHQL}.roots:find_account", f"{PURCHASE}:choose_commands"
BLOCK_FIELDS = f"{GRAPHQL}.roots:block_fields"
NO_COMMANDS = "blocks were added since the wait began, and none holds any command"


def without_account(index: int) -> Any:
    """The account of this sample key is not told."""

    def find_account(original: Original, view: Any, public_key: str, *rest: Any) -> Any:
        is_hidden = public_key == str(sample_keypair(index).public)
        return None if is_hidden else original(view, public_key, *rest)

    return find_account


def twice_the_coinbase(
    original: Original, draft: Any, receiver: Any, amount: int, *rest: Any, **named: Any
) -> Any:
    _, burnt = original(draft, receiver, 2 * amount, *rest, **named)
    return amount, burnt


def one_nanomina_more(original: Original, draft: Any, payer: Any, *rest: Any) -> Any:
    return original(draft, msgspec.structs.replace(payer, balance=payer.balance - 1), *rest)


def one_nanomina_less(original: Original, draft: Any, payer: Any, command: Any, rules: Any) -> Any:
    """The receiver does not get all of it."""
    applied = original(draft, payer, command, rules)
    receiver = draft.account(command.receiver)
    draft.put(msgspec.structs.replace(receiver, balance=receiver.balance - 1))
    return applied


def everything_is_liquid(_original: Original, view: Any, sender: Any) -> int:
    account = view.ledger.account(sender)
    return 0 if account is None else account.balance


def vesting_accounts_have_nothing(original: Original, view: Any, sender: Any) -> int:
    account = view.ledger.account(sender)
    return 0 if account is not None and account.timing is not None else original(view, sender)


def any_nonce_will_do(original: Original, view: Any, pool_view: Any, sender: Any, given: Any) -> Any:
    return original(view, pool_view, sender, None)


def delegating_although_it_failed(original: Original, draft: Any, command: Any, *rest: Any) -> Any:
    applied = original(draft, command, *rest)
    if command.is_delegation:
        payer = draft.account(command.fee_payer)
        draft.put(msgspec.structs.replace(payer, delegate=command.receiver))
    return applied


def booking_no_delegation(original: Original, draft: Any, command: Any, *rest: Any) -> Any:
    before = draft.account(command.fee_payer).delegate
    applied = original(draft, command, *rest)
    if command.is_delegation:
        draft.put(msgspec.structs.replace(draft.account(command.fee_payer), delegate=before))
    return applied


def undelegating_on_failure(original: Original, draft: Any, command: Any, *rest: Any) -> Any:
    applied = original(draft, command, *rest)
    if command.is_delegation and applied.failure:
        payer = draft.account(command.fee_payer)
        draft.put(msgspec.structs.replace(payer, delegate=payer.public_key))
    return applied


def a_new_account_is_the_genesis_winner_s(original: Original, *given: Any) -> Any:
    return msgspec.structs.replace(original(*given), delegate=str(sample_keypair(1).public))


def one_command_at_most(original: Original, *given: Any) -> Any:
    return original(*given)[:1]


def telling(**fields: Any) -> Any:
    """Blocks, as GraphQL shows them, with these fields."""
    return lambda original, *given: {**original(*given), **fields}


def telling_no_snarked_ledger(of_seed_only: bool) -> Any:
    def block_fields(original: Original, view: Any, block: Any) -> Any:
        found = original(view, block)
        if of_seed_only and view.settings.producer is not None:
            return found
        state = found["protocolState"](None)
        state["blockchainState"] = {**state["blockchainState"], "snarkedLedgerHash": "jwForever"}
        return {**found, "protocolState": state}

    return block_fields


def without_chain_end(original: Original, *given: Any) -> Any:
    genesis = original(*given)
    return replace(genesis, rules=replace(genesis.rules, slot_chain_end=None))


def without_transactions_end(original: Original, *fields: Any) -> Any:
    return original(*fields[:3], None)


def lost_from_slot_12(original: Original, seed: str, slots: Any, *rest: Any) -> Any:
    return original(seed, [slot for slot in slots if slot < 12], *rest)


def paying_provers_twice(original: Original, *given: Any) -> Any:
    return {prover: 2 * fee for prover, fee in original(*given).items()}


def paying_no_prover(_original: Original, *_given: Any) -> Any:
    return {}


def paying_the_first_prover(original: Original, *given: Any) -> Any:
    total = sum(original(*given).values())
    return {str(sample_keypair(3).public): total} if total else {}


def selling_under_the_first_key(original: Original, seller: Any, key: Any) -> None:
    original(seller, seller._settings.coordinator or key)


DEFECTS = {
    "the coinbase is paid twice": Defect(
        "block-reward",
        "reward",
        (f"{TRANSACTION}:apply_coinbase", f"{PURCHASE}:apply_coinbase"),
        twice_the_coinbase,
        "the producer has ",
    ),
    "the producer's account vanishes": Defect(
        "block-reward", "reward", FIND_ACCOUNT, without_account(1), "the producer's account is gone"
    ),
    "a payment costs one nanomina more": Defect(
        "payments", "pay", f"{LEDGER}:_pay", one_nanomina_more, "the payer has 88999999999"
    ),
    "a payment brings one nanomina less": Defect(
        "payments", "pay", f"{LEDGER}:_pay", one_nanomina_less, "the payee has 109999999999"
    ),
    "the payee's account vanishes": Defect(
        "payments", "pay", FIND_ACCOUNT, without_account(6), f"the account {sample_keypair(6).public} is gone"
    ),
    "no command is chosen for a block": Defect("payments", "pay", CHOOSE, answering(()), NO_COMMANDS),
    "a payment may be repeated": Defect(
        "payments",
        "replay",
        f"{GRAPHQL}.sending:_nonce",
        any_nonce_will_do,
        "expected a refusal that tells 'nonce'",
    ),
    "signatures are not looked at": Defect(
        "payments",
        "replay",
        (f"{GRAPHQL}.sending:is_authorized", f"{MEMPOOL}:is_authorized"),
        answering(True),
        "expected a refusal that tells 'signature', but the node did what it was asked",
    ),
    "locked money may be spent": Defect(
        "payments",
        "vesting",
        f"{MEMPOOL}:View.liquid",
        everything_is_liquid,
        "expected a refusal that tells 'insufficient', but the node did what it was asked",
    ),
    "liquid money may not be spent": Defect(
        "payments", "vesting", f"{MEMPOOL}:View.liquid", vesting_accounts_have_nothing, "Insufficient_funds"
    ),
    "provers are not paid": Defect(
        "payments", "first prover", f"{BODY}:work_payments", paying_no_prover, "the prover has 100000000000"
    ),
    "a fee cannot be changed": Defect(
        "payments", "second prover", f"{SNARK}.seller:SnarkSeller.set_fee", answering(0), "the fee was 0"
    ),
    "a worker key cannot be changed": Defect(
        "payments",
        "second prover",
        f"{SNARK}.seller:SnarkSeller._sell",
        selling_under_the_first_key,
        "another one",
    ),
    "a new prover's work is paid to the old one": Defect(
        "payments",
        "second prover",
        f"{BODY}:work_payments",
        paying_the_first_prover,
        "the second prover has 100000000000",
    ),
    "nobody sells SNARK work in an epoch": Defect(
        "epoch-ledger",
        "proof",
        f"{SNARK}.coordinator:Coordinator.next_work",
        answering(None),
        "no node offered any SNARK work",
    ),
    "no delegation comes true": Defect(
        "delegation",
        "delegate",
        f"{LEDGER}:_delegation_failure",
        answering(Failure.RECEIVER_NOT_PRESENT),
        "includes it as Failed",
    ),
    "all delegations come true": Defect(
        "delegation",
        "unknown delegate",
        f"{LEDGER}:_delegation_failure",
        answering(None),
        "includes it as Applied",
    ),
    "a delegation that failed counts": Defect(
        "delegation",
        "unknown delegate",
        f"{TRANSACTION}:apply_command",
        delegating_although_it_failed,
        f"the delegate is {sample_keypair(9).public}",
    ),
    "a delegation is not booked": Defect(
        "delegation",
        "delegate",
        f"{TRANSACTION}:apply_command",
        booking_no_delegation,
        f"the delegate is {sample_keypair(2).public}",
    ),
    "a failed delegation takes the earlier one back": Defect(
        "delegation",
        "unknown delegate again",
        f"{TRANSACTION}:apply_command",
        undelegating_on_failure,
        f"the delegate is {sample_keypair(2).public}",
    ),
    "the stake of new accounts is somebody else's": Defect(
        "delegation",
        "new account",
        f"{LEDGER}:new_account",
        a_new_account_is_the_genesis_winner_s,
        f"the delegate is {sample_keypair(1).public}",
    ),
    "the delegator's account vanishes": Defect(
        "delegation",
        "new account",
        FIND_ACCOUNT,
        without_account(8),
        f"the account {sample_keypair(8).public} is gone",
    ),
    "payments are lost": Defect("gossip-consistency", "included", CHOOSE, answering(()), NO_COMMANDS),
    "transactions are not gossiped": Defect(
        "gossip-consistency",
        "heard",
        "coda_daemon.transaction_pool:TransactionPool._publish",
        answering(None),
        "So far: 0 of 4 nodes, missing block-producer-1",
    ),
    "a payment of a node is lost": Defect("peers-reliability", "payment", CHOOSE, answering(()), NO_COMMANDS),
    "payments are lost after a node came back": Defect(
        "chain-reliability", "payments", CHOOSE, answering(()), NO_COMMANDS
    ),
    "blocks are not filled": Defect(
        "block-production-priority", "full", CHOOSE, one_command_at_most, "the blocks hold [1"
    ),
    "nobody sells SNARK work": Defect(
        "snark",
        "ledger proof",
        f"{SNARK}.coordinator:Coordinator.next_work",
        answering(None),
        "no node offered any SNARK work",
    ),
    "SNARK work is not bought": Defect(
        "ledger-transition",
        "transition",
        "coda_daemon.block_producer:BlockProducer._offer",
        answering(None),
        "pieces of SNARK work were offered",
    ),
    "a ledger proof proves nothing": Defect(
        "snark", "price", BLOCK_FIELDS, telling_no_snarked_ledger(False), "the proof proves nothing new"
    ),
    "SNARK work is paid twice": Defect(
        "snark",
        "price",
        (f"{BODY}:work_payments", f"{PURCHASE}:work_payments"),
        paying_provers_twice,
        "the coordinator has ",
    ),
    "the coordinator's account vanishes": Defect(
        "snark", "price", FIND_ACCOUNT, without_account(3), "the coordinator's account is gone"
    ),
    "nodes name different snarked ledgers": Defect(
        "ledger-transition",
        "agree",
        BLOCK_FIELDS,
        telling_no_snarked_ledger(True),
        "the nodes name different snarked ledgers",
    ),
    "payments beside a transition are booked wrongly": Defect(
        "ledger-transition", "agree", f"{LEDGER}:_pay", one_nanomina_less, "the payee has "
    ),
    "the payee of a transition vanishes": Defect(
        "ledger-transition", "agree", FIND_ACCOUNT, without_account(7), "the payee's account is gone"
    ),
    "transactions end before they should": Defect(
        "slot-end", "with transactions", CHOOSE, answering(()), NO_COMMANDS
    ),
    "transactions do not end": Defect(
        "slot-end",
        "without transactions",
        "coda_daemon.transaction_pool:PoolRules",
        without_transactions_end,
        "expected a refusal that tells 'After_slot_tx_end', but the node did what it was asked",
    ),
    "blocks do not end": Defect(
        "slot-end",
        "without blocks",
        "coda_daemon.daemon:make_genesis",
        without_chain_end,
        "stopped waiting for never in 18 slots: global slot 24 to be reached: it came true ",
    ),
    "blocks end with the transactions": Defect(
        "slot-end",
        "empty blocks",
        "coda_daemon.block_producer:first_win",
        lost_from_slot_12,
        "there is no block between the two ends",
    ),
    "blocks show no transactions": Defect(
        "slot-end",
        "empty blocks",
        BLOCK_FIELDS,
        telling(commandTransactionCount=0),
        "no block before the end has a transaction",
    ),
    "coinbases do not end": Defect(
        "slot-end",
        "empty blocks",
        f"{BODY}:BodyRules.allows_transactions",
        answering(True),
        "blocks after the end of transactions are not empty",
    ),
}

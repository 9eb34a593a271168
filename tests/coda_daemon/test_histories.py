"""Random histories with forks: money is conserved and nonces are used in order, whatever happens (I.5 to I.7)."""

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from tests.coda_daemon.chain_testbed import genesis_of, key, make_config, next_block
from tests.coda_daemon.commands_testbed import COIN, delegation, payment

from coda_daemon.blocks import Block
from coda_daemon.consensus.body import Contents, apply_body, choose_commands
from coda_daemon.consensus.building import Built, validated
from coda_daemon.frontier.frontier import Frontier
from coda_daemon.ledger.account import Account, Address, Permissions, Timing
from coda_daemon.ledger.command import Command, parse_command
from coda_daemon.ledger.ledger import Ledger, build_ledger, total_currency
from coda_daemon.ledger.transactions import Failure
from coda_daemon.mempool import Mempool, PoolRules, RejectedError, View
from coda_daemon.snark.statement import Job, bundled
from coda_daemon.snark.work import check_work, proved, spec_of
from coda_protocol.hashes import StateHash
from coda_protocol.signatures import TESTNET
from coda_protocol.slots import GlobalSlot

GENESIS = genesis_of(make_config(30, 20))
BODY_RULES = GENESIS.rules.body
CHECKED = genesis_of(make_config(30, 20, level="check"))
KEYS = range(1, 6)
AMOUNTS = (0, COIN - 1, COIN, 9 * COIN)
NONCES = range(4)


def commands() -> st.SearchStrategy[Command]:
    """A few hundred: signing and verifying each takes milliseconds, once."""
    senders, nonces = st.sampled_from(KEYS[:3]), st.sampled_from(NONCES)
    payments = st.builds(payment, senders, st.sampled_from(KEYS), st.sampled_from(AMOUNTS), nonce=nonces)
    return payments | st.builds(delegation, senders, st.sampled_from(KEYS), nonce=nonces)


def start() -> Ledger:
    """Rich, poor, vesting, and one that may not receive."""
    accounts = [
        Account(key(1), balance=30 * COIN, delegate=key(1)),
        Account(key(2), balance=12 * COIN, delegate=key(2), timing=Timing(8 * COIN, 3, 4 * COIN, 2, COIN)),
        Account(key(3), balance=COIN // 50, delegate=key(3)),
        Account(key(4), delegate=key(4), permissions=Permissions(receive="impossible")),
    ]
    return build_ledger(3, accounts)


@dataclass(frozen=True)
class Step:
    """A block on one of the ledgers so far: a fork, unless it is the last one."""

    on: int
    commands: list[Command]
    coinbase_receiver: int
    coinbase: int


STEPS = st.lists(
    st.builds(
        Step,
        st.integers(0, 5),
        st.lists(commands(), max_size=6),
        st.sampled_from(KEYS),
        st.sampled_from((0, COIN // 2, 20 * COIN)),
    ),
    max_size=6,
)


@given(STEPS)
@settings(max_examples=400, deadline=None)
def test_every_block_of_every_fork_conserves_currency_and_uses_nonces_in_order(steps: list[Step]) -> None:
    check_blocks(steps)


@pytest.mark.long
@given(STEPS)
@settings(max_examples=5000, deadline=None)
def test_thousands_of_histories_conserve_currency_and_use_nonces_in_order(steps: list[Step]) -> None:
    check_blocks(steps)


@given(STEPS)
@settings(max_examples=60, deadline=None)
def test_statements_of_every_block_account_for_its_money_and_can_be_proved(steps: list[Step]) -> None:
    check_statements(steps)


@pytest.mark.long
@given(STEPS)
@settings(max_examples=1000, deadline=None)
def test_statements_of_thousands_of_blocks_can_be_proved(steps: list[Step]) -> None:
    check_statements(steps)


def check_statements(steps: list[Step]) -> None:
    """At proof level check: from ledger to ledger without a gap, and a worker comes to the same from its witness."""
    ledgers, rules = [start()], CHECKED.rules.body
    for slot, step in enumerate(steps, start=1):
        before, now, receiver = ledgers[step.on % len(ledgers)], GlobalSlot(slot), key(step.coinbase_receiver)
        contents = Contents(choose_commands(before, step.commands, now, rules))
        applied = apply_body(before, contents, now, receiver, step.coinbase, rules, CHECKED.built.scan)
        ledgers.append(applied.ledger)

        hashes = [before.hash, *(statement.target for statement in applied.statements)]
        assert [statement.source for statement in applied.statements] == hashes[:-1]
        assert hashes[-1] == applied.ledger.hash
        supply = sum(statement.supply_increase for statement in applied.statements)
        assert supply == applied.body.coinbase - applied.burnt
        assert sum(statement.fee_excess for statement in applied.statements) == 0
        pairs = zip(applied.statements, applied.steps, strict=True)
        for bundle in bundled(tuple(Job(statement, step=step) for statement, step in pairs)):
            work = proved(spec_of(bundle, fee=1, prover="B62", rules=rules.commands), "check")
            check_work(work, bundle, "check")


def check_blocks(steps: list[Step]) -> None:
    ledgers = [start()]
    for slot, step in enumerate(steps, start=1):
        before = ledgers[step.on % len(ledgers)]
        held = msgspec.msgpack.encode(tuple(before))
        chosen = choose_commands(before, step.commands, GlobalSlot(slot), BODY_RULES)
        applied = apply_body(
            before,
            Contents(chosen),
            GlobalSlot(slot),
            key(step.coinbase_receiver),
            step.coinbase,
            BODY_RULES,
            GENESIS.built.scan,
        )
        after = applied.ledger
        ledgers.append(after)

        assert applied.body.coinbase in (0, step.coinbase)
        assert total_currency(after) == total_currency(before) + applied.body.coinbase - applied.burnt
        used = Counter(command.fee_payer for command in chosen)
        for account in before:
            now = after.account(account.public_key)
            assert now is not None
            assert now.nonce == account.nonce + used[account.public_key]
            assert 0 <= now.balance < 2**64
            nonces = [one.nonce for one in chosen if one.fee_payer == account.public_key]
            assert nonces == list(range(account.nonce, now.nonce))
        assert all(
            included.failure is None or included.failure in Failure for included in applied.body.commands
        )
        assert msgspec.msgpack.encode(tuple(before)) == held, "forks share ledgers, and change none"


class Histories(RuleBasedStateMachine):
    """Two nodes on one chain of forks. Commands reach their pools and blocks their frontiers in any order, some
    never; whatever comes, each node's own chain keeps the money and uses nonces in order, and is final beyond k.
    """

    blocks = Bundle("blocks")

    @initialize(target=blocks)
    def begin(self) -> Built:
        self.nodes = [OneNode(), OneNode()]
        self.built = {GENESIS.built.block.state_hash: GENESIS.built}
        return GENESIS.built

    @rule(node=st.integers(0, 1), offered=st.lists(commands(), min_size=1, max_size=6))
    def gossip(self, node: int, offered: list[Command]) -> None:
        for command in offered:
            self.nodes[node].offer(command)

    @rule(
        target=blocks,
        parent=blocks,
        producer=st.sampled_from((1, 2)),
        contents=st.lists(st.lists(commands(), max_size=4), min_size=1, max_size=3),
        has_coinbase=st.booleans(),
    )
    def fork(self, parent: Built, producer: int, contents: list[list[Command]], has_coinbase: bool) -> Built:
        """A block or several, one on the other, that no node knows yet."""
        for offered in contents:
            parent = self._made(parent, producer, offered, has_coinbase=has_coinbase)
        return parent

    @rule(target=blocks, node=st.integers(0, 1), producer=st.sampled_from((1, 2)))
    def produce(self, node: int, producer: int) -> Built:
        """On the node's best tip, of what its pool holds, as a block producer does; it knows its own block first."""
        one = self.nodes[node]
        block = self._made(one.frontier.best_tip, producer, list(one.pool.by_fee()))
        self.deliver(node, block)
        return block

    @rule(node=st.integers(0, 1), block=blocks)
    def deliver(self, node: int, block: Built) -> None:
        """With the ancestors that the node lacks, as catch-up does; a fork from before its root it cannot take."""
        frontier, missing = self.nodes[node].frontier, [block]
        while missing[-1].block.previous_state_hash in self.built and (
            missing[-1].block.previous_state_hash not in frontier
        ):
            missing.append(self.built[missing[-1].block.previous_state_hash])
        for one in reversed(missing):
            if one.block.state_hash not in frontier and one.block.previous_state_hash in frontier:
                self.nodes[node].take(one)

    @invariant()
    def pools_hold_what_a_block_can_take(self) -> None:
        for one in self.nodes:
            _check_pool(one.pool, one.view, one.frontier)

    @invariant()
    def money_is_conserved_and_nonces_are_used_in_order(self) -> None:
        for one in self.nodes:
            chain, tip = self._chain(one), one.frontier.best_tip
            first, ledger = GENESIS.built.ledger, tip.ledger
            minted = sum(block.body.coinbase for block in chain)
            burnt = (len(ledger) - len(first)) * BODY_RULES.commands.account_creation_fee
            assert total_currency(ledger) == total_currency(first) + minted - burnt
            assert total_currency(ledger) == tip.block.consensus_state.total_currency
            used: dict[Address, list[int]] = {}
            for included in (included for block in chain for included in block.body.commands):
                command = parse_command(included.id)
                used.setdefault(command.fee_payer, []).append(command.nonce)
            for account in ledger:
                assert used.pop(account.public_key, []) == list(range(account.nonce))
            assert not used

    @invariant()
    def what_was_final_stays(self) -> None:
        for one in self.nodes:
            assert one.roots == [block.state_hash for block in self._chain(one)[: len(one.roots)]]

    def _made(
        self, parent: Built, producer: int, offered: list[Command], *, has_coinbase: bool = True
    ) -> Built:
        slot = GlobalSlot(parent.block.global_slot + 1)
        chosen = choose_commands(parent.ledger, offered, slot, BODY_RULES)
        block = next_block(GENESIS, parent, producer, commands=chosen, has_coinbase=has_coinbase)
        assert validated(block.block, parent, GENESIS.rules).ledger.hash == block.ledger.hash
        return self.built.setdefault(block.block.state_hash, block)

    def _chain(self, one: "OneNode") -> list[Block]:
        """From the first block after genesis to the node's best tip."""
        chain, at = [], one.frontier.best_tip.block
        while at.state_hash != GENESIS.built.block.state_hash:
            chain.append(at)
            at = self.built[at.previous_state_hash].block
        return chain[::-1]


class OneNode:
    """What a node keeps: a frontier, a pool that follows it, and a note of what became final."""

    def __init__(self) -> None:
        self.frontier = Frontier(GENESIS.built, GENESIS.rules.constants)
        self.pool = Mempool(PoolRules(5, 1, TESTNET, None))
        self.roots: list[StateHash] = []

    @property
    def view(self) -> View:
        tip = self.frontier.best_tip
        return View(tip.ledger, tip.block.global_slot)

    def offer(self, command: Command) -> None:
        with suppress(RejectedError):
            self.pool.add(command, self.view)

    def take(self, block: Built) -> None:
        diff = self.frontier.add(block)
        if diff.best_tip:
            self.pool.follow(self.view, added=diff.best_tip.added, removed=diff.best_tip.removed)
        if diff.root:
            self.roots.append(diff.root.new_root)


def test_nodes_agree_with_their_chains_whatever_comes_in_whatever_order() -> None:
    run_state_machine_as_test(
        Histories, settings=settings(max_examples=200, stateful_step_count=30, deadline=None)
    )


@pytest.mark.long
@pytest.mark.timeout(900)
def test_nodes_agree_with_their_chains_over_thousands_of_histories() -> None:
    run_state_machine_as_test(
        Histories, settings=settings(max_examples=2000, stateful_step_count=50, deadline=None)
    )


def _check_pool(pool: Mempool, view: View, frontier: Frontier) -> None:
    on_chain = {included.id for block in frontier.best_path() for included in block.body.commands}
    assert len(pool) == len(list(pool)) <= 5
    assert not on_chain & {command.id for command in pool}
    for sender in {command.fee_payer for command in pool}:
        queue = pool.queue_of(sender)
        first = view.nonce(sender)
        assert first is not None
        assert [command.nonce for command in queue] == list(range(first, first + len(queue)))
        assert sum(command.cost for command in queue) <= view.liquid(sender)
    assert sorted(command.id for command in pool.by_fee()) == sorted(command.id for command in pool)
    assert all(parse_command(command.id) is command for command in pool)

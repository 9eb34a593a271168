"""What a block on a given parent must be, and whether a given block is that (daemon contract I).

A block is its producer's choice of a slot, a winning account and a receiver of the coinbase; everything else
follows. So a receiver checks the choice and builds the block again: the state hashes agree, or it is invalid.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from coda_daemon.blocks import (
    Block,
    BlockchainState,
    Body,
    ConsensusState,
    StateBody,
    body_digest,
    make_block,
)
from coda_daemon.consensus.constants import ConsensusConstants
from coda_daemon.consensus.densities import Densities, advanced
from coda_daemon.consensus.epochs import advanced_epoch_data, staking_data_for
from coda_daemon.consensus.lottery import StakeDistribution, Win, vrf_output, wins
from coda_daemon.ledger.account import Address
from coda_daemon.ledger.coinbase import apply_coinbase
from coda_daemon.ledger.ledger import Ledger
from coda_protocol.format_error import FormatError
from coda_protocol.hashes import LedgerHash, StateHash
from coda_protocol.keys import PublicKey
from coda_protocol.slots import GlobalSlot


@dataclass(frozen=True, slots=True)
class Rules:
    """All that nodes of one network agree on besides the chain; money in nanomina.

    From `slot_chain_end` on no blocks are made.
    """

    constants: ConsensusConstants
    coinbase: int
    supercharged_coinbase_factor: int
    account_creation_fee: int
    genesis_state_hash: StateHash
    slot_chain_end: GlobalSlot | None
    stakes: Mapping[LedgerHash, StakeDistribution]


@dataclass(frozen=True, slots=True)
class Built:
    block: Block
    ledger: Ledger


class InvalidBlockError(Exception):
    """A block breaks a rule. The message says which, with what was expected and found."""


def build_block(
    parent: Block, ledger: Ledger, win: Win, *, creator: Address, coinbase_receiver: Address, rules: Rules
) -> Built:
    """The block of a won slot on `parent`, whose ledger is `ledger`.

    The slot is after the parent's, and at most one epoch on.
    """
    constants, before = rules.constants, parent.consensus_state
    supercharged = rules.supercharged_coinbase_factor > 1 and win.winner.is_untimed
    amount = rules.coinbase * (rules.supercharged_coinbase_factor if supercharged else 1)
    rewarded = apply_coinbase(ledger, coinbase_receiver, amount, creation_fee=rules.account_creation_fee)
    densities = advanced(
        Densities(before.min_window_density, before.sub_window_densities),
        constants,
        from_slot=parent.global_slot,
        to_slot=win.slot,
        with_block=True,
    )
    staking, coming = advanced_epoch_data(parent, win.slot, win.output, constants)
    window = constants.checkpoint_window_slots
    is_new_epoch = constants.epoch_of(win.slot) != constants.epoch_of(parent.global_slot)
    body = Body(rewarded.coinbase)
    state = StateBody(
        rules.genesis_state_hash,
        BlockchainState(
            constants.times.start_of(win.slot),
            rewarded.ledger.hash,
            parent.state.blockchain_state.snarked_ledger_hash,
            body_digest(body),
        ),
        ConsensusState(
            blockchain_length=before.blockchain_length + 1,
            epoch_count=before.epoch_count + is_new_epoch,
            min_window_density=densities.minimum,
            sub_window_densities=densities.sub_windows,
            last_vrf_output=win.output,
            total_currency=before.total_currency + rewarded.coinbase - rewarded.burnt,
            global_slot=win.slot,
            staking_epoch_data=staking,
            next_epoch_data=coming,
            has_ancestor_in_same_checkpoint_window=win.slot // window == parent.global_slot // window,
            block_stake_winner=win.winner.public_key,
            block_creator=creator,
            coinbase_receiver=coinbase_receiver,
            supercharge_coinbase=supercharged,
        ),
    )
    return Built(make_block(parent.state_hash, state, body), rewarded.ledger)


def validated(block: Block, parent: Block, ledger: Ledger, rules: Rules) -> Built:
    """The block with the ledger after it, given its parent and the ledger after that.

    Raises InvalidBlockError. Says nothing about when the block came: that is for `timeliness`.
    """
    if block.previous_state_hash != parent.state_hash:
        raise InvalidBlockError(f"expected parent {parent.state_hash}, found {block.previous_state_hash}")
    if block.global_slot <= parent.global_slot:
        raise InvalidBlockError(
            f"expected a slot after the parent's {parent.global_slot}, found {block.global_slot}"
        )
    if rules.slot_chain_end is not None and block.global_slot >= rules.slot_chain_end:
        raise InvalidBlockError(
            f"expected no block from slot {rules.slot_chain_end} on, found {block.global_slot}"
        )
    _check_receiver(block)
    built = build_block(
        parent,
        ledger,
        _checked_win(block, parent, rules),
        creator=block.creator,
        coinbase_receiver=block.coinbase_receiver,
        rules=rules,
    )
    if built.block.state_hash != block.state_hash or built.block.encoded != block.encoded:
        raise InvalidBlockError(_first_difference(built.block, block))
    # The one that was built, for it shares the epoch data and texts of its parent in memory.
    return built


def _checked_win(block: Block, parent: Block, rules: Rules) -> Win:
    """The claim to the slot, drawn again."""
    epoch_data = staking_data_for(parent.consensus_state, block.global_slot, rules.constants)
    if epoch_data is None:
        raise InvalidBlockError(
            f"slot {block.global_slot} is two or more epochs after the parent's {parent.global_slot}"
        )
    stakes = rules.stakes.get(LedgerHash(epoch_data.ledger_hash))
    if stakes is None:
        raise InvalidBlockError(f"the epoch ledger {epoch_data.ledger_hash} is unknown here")
    winner = stakes.staker(block.winner, producer=block.creator)
    if winner is None:
        raise InvalidBlockError(f"{block.winner} has no stake delegated to {block.creator} in this epoch")
    output = vrf_output(epoch_data.seed, block.global_slot, winner.public_key)
    if not wins(output, winner):
        raise InvalidBlockError(f"{block.winner} did not win slot {block.global_slot}")
    return Win(block.global_slot, winner, output)


def _check_receiver(block: Block) -> None:
    """The creator's key is in the epoch ledger; any other receiver may be new, and must be a key."""
    if block.coinbase_receiver != block.creator:
        try:
            PublicKey.parse(block.coinbase_receiver)
        except FormatError as error:
            raise InvalidBlockError(f"coinbase receiver: {error}") from error


def timeliness(block: Block, now: GlobalSlot, delta: int) -> str | None:
    """Why a gossiped block does not fit its time of arrival: "too early", "too late" or None (I.1)."""
    if block.global_slot > now:
        return "too early"
    return "too late" if now - block.global_slot > delta else None


def _first_difference(expected: Block, found: Block) -> str:
    parts = (
        ("body", expected.body, found.body),
        ("genesis_state_hash", expected.state.genesis_state_hash, found.state.genesis_state_hash),
        ("blockchain_state", expected.state.blockchain_state, found.state.blockchain_state),
        ("consensus_state", expected.consensus_state, found.consensus_state),
    )
    for part, should, does in parts:
        if should == does:
            continue
        for name in getattr(should, "__struct_fields__", ()):
            if getattr(should, name) != getattr(does, name):
                return f"{part}.{name}: expected {getattr(should, name)}, found {getattr(does, name)}"
        return f"{part}: expected {should}, found {does}"
    return f"expected state hash {expected.state_hash}, found {found.state_hash}"

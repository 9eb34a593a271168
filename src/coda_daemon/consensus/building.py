"""What a block on a given parent must be, and whether a given block is that (daemon contract I).

A block is its producer's choice of a slot, a winning account and a receiver of the coinbase; everything else
follows. So a receiver checks the choice and builds the block again: the state hashes agree, or it is invalid.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from coda_daemon.blocks import (
    Block,
    BlockchainState,
    ConsensusState,
    StateBody,
    body_digest,
    make_block,
)
from coda_daemon.consensus.body import (
    EMPTY,
    BodyRules,
    Contents,
    UnpaidWorkError,
    apply_body,
    transactions_in,
)
from coda_daemon.consensus.constants import ConsensusConstants
from coda_daemon.consensus.densities import Densities, advanced
from coda_daemon.consensus.epoch_ledgers import kept_ledgers, stakes_in, stakes_of
from coda_daemon.consensus.epochs import advanced_epoch_data, staking_data_for
from coda_daemon.consensus.lottery import StakeDistribution, Win, vrf_output, wins
from coda_daemon.consensus.vrf import WrongTicketError, verified_output
from coda_daemon.ledger.account import Address
from coda_daemon.ledger.command import parse_command
from coda_daemon.ledger.ledger import Ledger
from coda_daemon.ledger.transactions import RefusedError
from coda_daemon.recent import remember
from coda_daemon.snark.scan_parts import Rebuilt
from coda_daemon.snark.scan_state import ScanState
from coda_daemon.snark.work import ProofLevel, WrongWorkError, check_work
from coda_protocol.format_error import FormatError
from coda_protocol.hashes import LedgerHash, StateHash
from coda_protocol.keys import PublicKey
from coda_protocol.slots import GlobalSlot


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """All that nodes of one network agree on besides the chain; money in nanomina.

    From `slot_chain_end` on no blocks are made. Only equal to itself.
    """

    constants: ConsensusConstants
    body: BodyRules
    coinbase: int
    supercharged_coinbase_factor: int
    genesis_state_hash: StateHash
    slot_chain_end: GlobalSlot | None
    stakes: Mapping[LedgerHash, StakeDistribution]


@dataclass(frozen=True, slots=True, eq=False)
class Built:
    """A block with what follows from it: the ledger, and what of it waits for proofs. Only equal to itself.

    `epoch_ledgers` are those that its epochs are drawn from and the configuration does not give, oldest first.
    """

    block: Block
    ledger: Ledger
    scan: ScanState
    epoch_ledgers: tuple[Ledger, ...] = ()


class InvalidBlockError(Exception):
    """A block breaks a rule. The message says which, with what was expected and found."""


# What a block is built from: parent, win, creator, receiver of the coinbase, rules, contents.
_Choice = tuple[Built, Win, Address, Address, Rules, Contents]
_MADE: Final = 64
_made: dict[StateHash, tuple[_Choice, Built]] = {}  # the last blocks that were built, each with its choice


def build_block(
    parent: Built,
    win: Win,
    *,
    creator: Address,
    coinbase_receiver: Address,
    rules: Rules,
    contents: Contents = EMPTY,
) -> Built:
    """The block of a won slot on `parent`.

    The slot is after the parent's, and at most one epoch on. Raises RefusedError when a command of the
    contents cannot be in it, and UnpaidWorkError.
    """
    constants, before = rules.constants, parent.block.consensus_state
    supercharged = rules.supercharged_coinbase_factor > 1 and win.winner.is_untimed
    amount = rules.coinbase * (rules.supercharged_coinbase_factor if supercharged else 1)
    applied = apply_body(
        parent.ledger, contents, win.slot, coinbase_receiver, amount, rules.body, parent.scan
    )
    scan, has_ledger_proof = parent.scan.after(
        applied.statements, applied.full, applied.ledger, applied.steps
    )
    densities = advanced(
        Densities(before.min_window_density, before.sub_window_densities),
        constants,
        from_slot=parent.block.global_slot,
        to_slot=win.slot,
        with_block=True,
    )
    snarked = parent.scan.snarked
    staking, coming = advanced_epoch_data(
        parent.block,
        win.slot,
        win.output,
        constants,
        stakes_in(snarked) if parent.scan.has_ledger_proof else None,
    )
    epoch_ledgers = kept_ledgers((*parent.epoch_ledgers, snarked), rules.stakes, staking, coming)
    window = constants.checkpoint_window_slots
    is_new_epoch = constants.epoch_of(win.slot) != constants.epoch_of(parent.block.global_slot)
    state = StateBody(
        rules.genesis_state_hash,
        BlockchainState(
            constants.times.start_of(win.slot),
            applied.ledger.hash,
            scan.snarked.hash,
            body_digest(applied.body),
            scan.digest,
            has_ledger_proof,
        ),
        ConsensusState(
            blockchain_length=before.blockchain_length + 1,
            epoch_count=before.epoch_count + is_new_epoch,
            min_window_density=densities.minimum,
            sub_window_densities=densities.sub_windows,
            last_vrf_output=win.output,
            total_currency=before.total_currency + applied.body.coinbase - applied.burnt,
            global_slot=win.slot,
            global_slot_since_genesis=rules.body.since_genesis(win.slot),
            staking_epoch_data=staking,
            next_epoch_data=coming,
            has_ancestor_in_same_checkpoint_window=win.slot // window == parent.block.global_slot // window,
            block_stake_winner=win.winner.public_key,
            block_creator=creator,
            coinbase_receiver=coinbase_receiver,
            supercharge_coinbase=supercharged,
            vrf_proof=win.proof,
        ),
    )
    block = make_block(parent.block.state_hash, state, applied.body)
    built = Built(block, applied.ledger, scan, epoch_ledgers)
    choice = parent, win, creator, coinbase_receiver, rules, contents
    remember(_made, block.state_hash, (choice, built), most=_MADE)
    return built


def validated(block: Block, parent: Built, rules: Rules) -> Built:
    """The block with what follows from it, given its parent.

    Raises InvalidBlockError. Says nothing about when the block came: that is for `timeliness`.
    """
    if block.previous_state_hash != parent.block.state_hash:
        raise InvalidBlockError(
            f"expected parent {parent.block.state_hash}, found {block.previous_state_hash}"
        )
    if block.global_slot <= parent.block.global_slot:
        raise InvalidBlockError(
            f"expected a slot after the parent's {parent.block.global_slot}, found {block.global_slot}"
        )
    if rules.slot_chain_end is not None and block.global_slot >= rules.slot_chain_end:
        raise InvalidBlockError(
            f"expected no block from slot {rules.slot_chain_end} on, found {block.global_slot}"
        )
    _check_receiver(block)
    contents = _checked_contents(block, parent.scan, rules.body)
    choice = (
        parent,
        _checked_win(block, parent, rules),
        block.creator,
        block.coinbase_receiver,
        rules,
        contents,
    )
    try:
        built = _built_of(choice, block.state_hash)
    except RefusedError as error:
        raise InvalidBlockError(f"expected commands that can be included, found {error}") from error
    except UnpaidWorkError as error:
        raise InvalidBlockError(f"expected work that the block can pay, found {error}") from error
    if built.block.state_hash != block.state_hash or built.block.encoded != block.encoded:
        raise InvalidBlockError(_first_difference(built.block, block))
    # The one that was built, for it shares the epoch data and texts of its parent in memory.
    return built


def _built_of(choice: _Choice, state_hash: StateHash) -> Built:
    """The block of a choice. When a producer of this process built it of the very same, it is not built again."""
    choice_made, built = _made.get(state_hash, (None, None))
    if built is not None and choice_made == choice:
        return built
    parent, win, creator, coinbase_receiver, rules, contents = choice
    return build_block(
        parent, win, creator=creator, coinbase_receiver=coinbase_receiver, rules=rules, contents=contents
    )


_SHARED: Final = 256
_shared: dict[tuple[Block, StateHash, LedgerHash, Rules], Built] = {}


def validated_once(block: Block, parent: Built, rules: Rules) -> Built:
    """`validated`, worked out once for all nodes of a process that share their rules.

    The names of parent and ledger stand for all that is in them.
    """
    key = (block, parent.block.state_hash, parent.ledger.hash, rules)
    built = _shared.get(key)
    if built is None:
        built = remember(_shared, key, validated(block, parent, rules), most=_SHARED)
    return built


def _checked_win(block: Block, parent: Built, rules: Rules) -> Win:
    """The claim to the slot, drawn again."""
    epoch_data = staking_data_for(parent.block.consensus_state, block.global_slot, rules.constants)
    if epoch_data is None:
        raise InvalidBlockError(
            f"slot {block.global_slot} is two or more epochs after the parent's {parent.block.global_slot}"
        )
    stakes = stakes_of(epoch_data, rules.stakes, parent.epoch_ledgers)
    if stakes is None:
        raise InvalidBlockError(f"the epoch ledger {epoch_data.ledger_hash} is unknown here")
    winner = stakes.staker(block.winner, producer=block.creator)
    if winner is None:
        raise InvalidBlockError(f"{block.winner} has no stake delegated to {block.creator} in this epoch")
    output = _checked_output(block, epoch_data.seed, winner.public_key, rules.body.proof_level)
    if not wins(output, winner):
        raise InvalidBlockError(f"{block.winner} did not win slot {block.global_slot}")
    return Win(block.global_slot, winner, output, block.consensus_state.vrf_proof)


def _checked_output(block: Block, seed: str, winner: Address, level: ProofLevel) -> bytes:
    """The ticket: worked out again, or got from its proof."""
    proof = block.consensus_state.vrf_proof
    if level == "none":
        if proof:
            raise InvalidBlockError(f"expected no VRF proof at proof level none, found {len(proof)} bytes")
        return vrf_output(seed, block.global_slot, winner)
    try:
        return verified_output(PublicKey.parse(block.creator), seed, block.global_slot, winner, proof)
    except (WrongTicketError, FormatError) as error:
        raise InvalidBlockError(f"VRF: {error}") from error


def _check_receiver(block: Block) -> None:
    """The creator's key is in the epoch ledger; any other receiver may be new, and must be a key."""
    if block.coinbase_receiver != block.creator:
        try:
            PublicKey.parse(block.coinbase_receiver)
        except FormatError as error:
            raise InvalidBlockError(f"coinbase receiver: {error}") from error


def _checked_contents(block: Block, scan: ScanState, rules: BodyRules) -> Contents:
    """What the producer chose, read back from the body: fit to be applied, if the ledger agrees."""
    taken = transactions_in(block.body)
    if taken > scan.room:
        raise InvalidBlockError(f"expected at most {scan.room} transactions, found {taken}")
    if (taken or block.body.works) and not rules.allows_transactions(block.global_slot):
        raise InvalidBlockError(
            f"expected no transactions from slot {rules.slot_tx_end} on, found {taken} and "
            f"{len(block.body.works)} pieces of work"
        )
    _check_works(block, scan, taken, rules)
    try:
        commands = tuple(parse_command(included.id) for included in block.body.commands)
    except FormatError as error:
        raise InvalidBlockError(f"body.commands: {error}") from error
    return Contents(commands, block.body.works, bool(block.body.coinbase))


def _check_works(block: Block, scan: ScanState, transactions: int, rules: BodyRules) -> None:
    """The block buys what so many transactions owe, and each proof proves its statement (contract H)."""
    owed, bought = scan.required(transactions), block.body.works
    if [bundle.statements for bundle in owed] != [work.statements for work in bought]:
        raise InvalidBlockError(
            f"expected SNARK work {[list(bundle.work_ids) for bundle in owed]} for {transactions} transactions, "
            f"found {[list(work.work_ids) for work in bought]}"
        )
    try:
        for work, bundle in zip(bought, owed, strict=True):
            check_work(work, bundle, rules.proof_level)
            PublicKey.parse(work.prover)
    except (WrongWorkError, FormatError) as error:
        raise InvalidBlockError(f"body.works: {error}") from error


def timeliness(block: Block, now: GlobalSlot, delta: int) -> str | None:
    """Why a gossiped block does not fit its time of arrival: "too early", "too late" or None (I.1)."""
    if block.global_slot > now:
        return "too early"
    return "too late" if now - block.global_slot > delta else None


def restored(block: Block, rebuilt: Rebuilt, rules: Rules) -> Built:
    """A block that is taken as it is, such as a root, with what came beside it. Raises InvalidBlockError when that
    is not what the block names.
    """
    scan, state = rebuilt.scan, block.consensus_state
    if scan.digest != block.state.blockchain_state.scan_state_digest:
        raise InvalidBlockError(f"expected the scan state of {block.state_hash}, found another one")
    if scan.staged.hash != block.ledger_hash:
        raise InvalidBlockError(f"expected ledger {block.ledger_hash}, found {scan.staged.hash}")
    for data in (state.staking_epoch_data, state.next_epoch_data):
        if stakes_of(data, rules.stakes, rebuilt.epoch_ledgers) is None:
            raise InvalidBlockError(f"expected epoch ledger {data.ledger_hash}, found none")
    return Built(block, scan.staged, scan, rebuilt.epoch_ledgers)


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

"""The archive: a block of 100 payments into rows, and into SQLite and PostgreSQL.

Storing is measured by the clock: in PostgreSQL's case the server's processor counts as well. It runs as the local
engine runs it, without syncing; without a server there is no such line.
"""

import asyncio
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TypeVar

from coda_daemon.archive.archive import Archive
from coda_daemon.archive.block_diff import BlockDiff, diff_of, genesis_diff
from coda_daemon.archive.frames import decode_diff, encode
from coda_daemon.archive.rows import rows_of
from coda_daemon.archive.schema import schema
from coda_daemon.archive.stores import SystemArchiveStores
from coda_daemon.consensus.body import Contents
from coda_daemon.consensus.building import Built, build_block
from coda_daemon.consensus.epoch_ledgers import stakes_of
from coda_daemon.consensus.epochs import staking_data_for
from coda_daemon.consensus.lottery import first_win
from coda_daemon.genesis import Genesis, make_genesis
from coda_daemon.ledger.account import Address
from coda_daemon.ledger.command import Command, command_of
from coda_daemon.snark.work import proved, spec_of
from coda_executive.engines.local.postgresql import PostgresPrograms, find_postgresql, uri
from coda_protocol.commands import Payment, UserCommand
from coda_protocol.constants import CompiledProfile, with_defaults
from coda_protocol.currency import Amount, Balance, Fee
from coda_protocol.runtime_config import (
    Account,
    GenesisLedger,
    GenesisSection,
    ProofSection,
    RuntimeConfig,
    TwoToThe,
)
from coda_protocol.sample_keys import sample_keypair
from coda_protocol.signatures import TESTNET
from coda_protocol.signing import sign
from coda_protocol.slots import GlobalSlot
from coda_protocol.timestamp import Timestamp

T = TypeVar("T")

PAYMENTS, BLOCKS, ROUNDS = 100, 6, 5
CREATOR = Address(str(sample_keypair(0).public))


def run() -> list[str]:
    """Lines for people."""
    genesis = _genesis()
    diffs = _diffs(genesis)
    lines = [
        f"a block of {PAYMENTS} payments,",
        _line("from a block to its rows, CPU", _seconds_each(rows_of, diffs)),
        _line("from a frame to its block, CPU", _seconds_each(decode_diff, [encode(diff) for diff in diffs])),
    ]
    with tempfile.TemporaryDirectory() as directory:
        address = f"sqlite://{directory}/archive.sqlite"
        lines.append(_line("stored in SQLite", asyncio.run(_stored_seconds(address, genesis, diffs))))
    programs = find_postgresql()
    if programs is None:
        return [*lines, "no PostgreSQL server here; apt-get install postgresql"]
    with _server(programs) as address:
        lines.append(_line("stored in PostgreSQL", asyncio.run(_stored_seconds(address, genesis, diffs))))
    return lines


def _line(what: str, seconds: float) -> str:
    return f"{what:<36}{seconds * 1000:>10.2f} ms"


def _seconds_each(work: Callable[[T], object], blocks: Sequence[T]) -> float:
    """CPU seconds for one block; the best of some rounds."""
    rounds = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for block in blocks:
            work(block)
        rounds.append(time.process_time() - began)
    return min(rounds) / len(blocks)


async def _stored_seconds(address: str, genesis: Genesis, diffs: Sequence[BlockDiff]) -> float:
    """Of one block, when the tables know its accounts: the median of the blocks but the first."""
    store = await SystemArchiveStores().open(address)
    try:
        await store.script(schema(store.dialect))
        archive = Archive(store, k=30)
        await archive.add(genesis_diff(genesis))
        seconds = []
        for diff in diffs:
            began = time.perf_counter()
            assert await archive.add(diff)
            seconds.append(time.perf_counter() - began)
        return median(seconds[1:])
    finally:
        await store.close()


@contextmanager
def _server(programs: PostgresPrograms) -> Iterator[str]:
    """The address of an empty database of a PostgreSQL server that runs for the length of the block."""
    directory = Path(tempfile.mkdtemp(prefix="coda-pg-"))
    try:
        programs.own(directory)
        subprocess.run(programs.make_cluster(directory / "data"), check=True, capture_output=True)
        words = programs.serve(directory / "data", directory)
        server = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        assert server.stderr is not None
        try:
            for line in server.stderr:
                if b"ready to accept connections" in line:
                    break
            yield uri(directory, "postgres")
        finally:
            server.terminate()
            server.communicate()
    finally:
        shutil.rmtree(directory)


def _genesis() -> Genesis:
    accounts = [
        Account(pk=str(sample_keypair(index).public), balance=Balance(10**12)) for index in range(PAYMENTS)
    ]
    config = RuntimeConfig(
        genesis=GenesisSection(genesis_state_timestamp=Timestamp(1_700_000_000_000)),
        proof=ProofSection(level="none", transaction_capacity=TwoToThe(7)),
        ledger=GenesisLedger(accounts=tuple(accounts), add_genesis_winner=False),
    )
    return make_genesis(config, with_defaults(config, CompiledProfile.LIGHTNET))


def _diffs(genesis: Genesis) -> list[BlockDiff]:
    """A chain of full blocks, as a daemon sends them."""
    diffs, parent = [], genesis.built
    for nonce in range(BLOCKS):
        block = _next_block(genesis, parent, [_payment(index, nonce) for index in range(PAYMENTS)])
        fee = genesis.rules.body.commands.account_creation_fee
        diffs.append(diff_of(block, parent.ledger, creation_fee=fee))
        parent = block
    return diffs


def _payment(index: int, nonce: int) -> Command:
    sender, receiver = sample_keypair(index), sample_keypair((index + 7) % PAYMENTS)
    command = UserCommand(sender.public, Fee(10**7), nonce, Payment(receiver.public, Amount(10**9)))
    return command_of(sign(command, sender, TESTNET))


def _next_block(genesis: Genesis, parent: Built, commands: Sequence[Command]) -> Built:
    """The first one that sample key 0 can make on `parent`, with the SNARK work that it owes."""
    rules, slot = genesis.rules, parent.block.global_slot
    win = None
    while win is None:
        slot = GlobalSlot(slot + 1)
        data = staking_data_for(parent.block.consensus_state, slot, rules.constants)
        assert data is not None
        stakes = stakes_of(data, rules.stakes, parent.epoch_ledgers)
        assert stakes is not None
        win = first_win(data.seed, [slot], stakes.stakers_of(CREATOR))
    bundles = parent.scan.required(min(len(commands) + 2, parent.scan.room))
    work = tuple(proved(spec_of(bundle, fee=0, prover=CREATOR), "none") for bundle in bundles)
    contents = Contents(tuple(commands), work, True)
    return build_block(
        parent, win, creator=CREATOR, coinbase_receiver=CREATOR, rules=rules, contents=contents
    )


if __name__ == "__main__":
    print("\n".join(run()))

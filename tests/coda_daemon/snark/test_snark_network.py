"""Whole networks that sell and buy SNARK work, in virtual time."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from tests.coda_daemon.worlds import Machine, RunningDaemon, World, config_for, producer_environment

from coda_daemon.snark.worker_process import run_snark_worker
from coda_executive.engines.simulation.event_loop import run
from coda_protocol.runtime_config import RuntimeConfig, TwoToThe, encode
from coda_protocol.sample_keys import sample_keypair

PRODUCER, COORDINATOR, STRANGER = (str(sample_keypair(index).public) for index in (1, 2, 9))
BLOCKS = """{ bestChain {
    stateHash snarkJobs { prover fee workIds }
    transactions { coinbase feeTransfer { recipient fee } }
    protocolState { blockchainState { snarkedLedgerHash stagedLedgerProofEmitted } }
} }"""


def config(*, level: str = "none") -> RuntimeConfig:
    """Trees of two slots, work delay 1: the first ledger proof comes with the fifth full block."""
    usual = config_for(2)
    assert usual.proof is not None
    return msgspec.structs.replace(
        usual,
        proof=msgspec.structs.replace(
            usual.proof, level=level, transaction_capacity=TwoToThe(1), work_delay=1
        ),
    )


@dataclass
class Network:
    """A seed that sells SNARK work, a producer, and workers on the seed's machine."""

    world: World
    config: RuntimeConfig = field(default_factory=config)
    seed_arguments: Sequence[str] = ()

    def start(self, *flags: str, **environment: str) -> tuple[RunningDaemon, RunningDaemon]:
        (seed, self.seed_arguments), (producer, producer_arguments) = self.world.testnet(self.config, 1)
        return (
            seed.start(*self.seed_arguments, "-log-snark-work-gossip", "true", *flags, **environment),
            producer.start(*producer_arguments, "-log-snark-work-gossip", "true", **producer_environment(1)),
        )


def start_worker(daemon: RunningDaemon, *flags: str, **environment: str) -> RunningDaemon:
    machine = daemon.machine
    host = machine.host({"CODA_PROFILE": "dev", **environment})
    arguments = ("-daemon-address", "127.0.0.1:8301", "-log-json", "-log-level", "Trace", *flags)
    task = machine.process.spawn(machine._network.loop, run_snark_worker(arguments, host), "worker")
    return RunningDaemon(machine, host, task)


def messages(machine: Machine) -> list[str]:
    return [line["message"] for line in machine.log]


async def chain_of(daemon: RunningDaemon) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = (await daemon.post(BLOCKS))["data"]["bestChain"]
    return blocks


def is_proof(block: dict[str, Any]) -> bool:
    return bool(block["protocolState"]["blockchainState"]["stagedLedgerProofEmitted"])


def errors(daemons: Sequence[RunningDaemon]) -> list[str]:
    bad = ("Error", "Faulty_peer", "Fatal")
    return [str(line) for daemon in daemons for line in daemon.machine.log if line["level"] in bad]


@pytest.mark.parametrize("level", ["none", "check"])
def test_work_of_an_external_worker_is_bought_and_completes_ledger_proofs(level: str) -> None:
    async def main() -> None:
        seed, producer = Network(World(), config(level=level)).start(
            "-run-snark-coordinator", COORDINATOR, "-snark-worker-fee", "0.025", "-work-selection", "seq"
        )
        worker = start_worker(seed, "-proof-level", level)
        await asyncio.sleep(50)

        blocks = await chain_of(seed)
        jobs = [job for block in blocks for job in block["snarkJobs"]]
        assert {job["prover"] for job in jobs} == {COORDINATOR}
        assert {job["fee"] for job in jobs} == {"25000000"}
        assert any(map(is_proof, blocks))
        ledgers = [block["protocolState"]["blockchainState"]["snarkedLedgerHash"] for block in blocks]
        assert len(set(ledgers)) > 1
        assert await chain_of(producer) == blocks
        paid = [
            transfer
            for block in blocks
            for transfer in block["transactions"]["feeTransfer"]
            if transfer["recipient"] == COORDINATOR
        ]
        assert sum(int(transfer["fee"]) for transfer in paid) == 25_000_000 * len(jobs)
        said = messages(seed.machine)
        assert "SNARK work $work_ids received from $address. Starting proof generation" in said
        assert "Submitted completed SNARK work $work_ids to $address" in said
        assert "Merge SNARK generated in $time" in said
        assert "Received Snark-pool diff $work from $sender" in messages(producer.machine)
        assert errors([seed, producer]) == []
        assert await worker.stop() == 0
        await seed.stop()
        await producer.stop()

    run(main)


def test_without_work_blocks_end_up_empty_once_work_is_owed() -> None:
    async def main() -> None:
        seed, producer = Network(World()).start()
        await asyncio.sleep(50)

        coinbases = [block["transactions"]["coinbase"] for block in (await chain_of(seed))]
        everything = (await chain_of(seed))[-1]
        assert coinbases[-1] == "0"
        assert not everything["snarkJobs"]
        pending = await seed.post("{ pendingSnarkWork { workBundle { workId } } snarkPool { fee } }")
        assert pending["data"]["pendingSnarkWork"]
        await seed.stop()
        await producer.stop()

    run(main)


def test_work_of_a_key_without_account_is_bought_only_for_nothing_or_for_the_creation_fee() -> None:
    async def main(fee: str) -> list[dict[str, Any]]:
        seed, producer = Network(World()).start(
            "-run-snark-coordinator", STRANGER, "-snark-worker-fee", fee, "-work-selection", "seq"
        )
        worker = start_worker(seed)
        await asyncio.sleep(40)
        blocks = await chain_of(seed)
        refusals = [
            message for message in messages(producer.machine) if message.endswith("snark worker account")
        ]
        assert bool(refusals) == (fee == "0.025")
        for daemon in (worker, seed, producer):
            await daemon.stop()
        return [job for block in blocks for job in block["snarkJobs"]]

    async def all_fees() -> None:
        assert await main("0.025") == []
        assert await main("0")
        assert await main("1")

    run(all_fees)


def test_local_worker_starts_and_stops_by_mutation() -> None:
    async def main() -> None:
        seed, producer = Network(World()).start("-run-snark-worker", COORDINATOR, "-snark-worker-fee", "0.1")
        await asyncio.sleep(20)
        worker = await seed.post(
            "{ currentSnarkWorker { key fee } daemonStatus { snarkWorker snarkWorkFee } }"
        )
        assert worker["data"] == {
            "currentSnarkWorker": {"key": COORDINATOR, "fee": "100000000"},
            "daemonStatus": {"snarkWorker": COORDINATOR, "snarkWorkFee": 100000000},
        }
        assert (await seed.post("{ snarkPool { prover } }"))["data"]["snarkPool"]

        answer = await seed.post("mutation { setSnarkWorker(input: {}) { lastSnarkWorker } }")
        assert answer["data"] == {"setSnarkWorker": {"lastSnarkWorker": COORDINATOR}}
        await asyncio.sleep(5)
        assert "SNARK worker was interrupted by $signal" in messages(seed.machine)
        assert (await seed.post("{ currentSnarkWorker { key } }"))["data"] == {"currentSnarkWorker": None}

        fee = await seed.post('mutation { setSnarkWorkFee(input: {fee: "5"}) { lastFee } }')
        assert fee["data"] == {"setSnarkWorkFee": {"lastFee": "100000000"}}
        answer = await seed.post(
            f'mutation {{ setSnarkWorker(input: {{publicKey: "{COORDINATOR}"}}) {{ lastSnarkWorker }} }}'
        )
        assert answer["data"] == {"setSnarkWorker": {"lastSnarkWorker": None}}
        await asyncio.sleep(20)
        offers = (await seed.post("{ snarkPool { fee } }"))["data"]["snarkPool"]
        assert "5" in {offer["fee"] for offer in offers}
        assert errors([seed]) == []
        await seed.stop()
        await producer.stop()

    run(main)


def test_worker_ends_with_its_coordinator_or_waits_for_it() -> None:
    async def main() -> None:
        network = Network(World())
        seed, producer = network.start("-run-snark-coordinator", COORDINATOR)
        leaving = start_worker(seed)
        staying = start_worker(seed, "-shutdown-on-disconnect", "false")
        await asyncio.sleep(3)
        await seed.stop()
        seed.machine._machine.machine.reset()  # as the engine does when a daemon is gone
        assert await leaving.task == 0
        await asyncio.sleep(5)
        assert not staying.task.done()

        seed = seed.machine.start(
            *network.seed_arguments, "-run-snark-coordinator", COORDINATOR, "-snark-worker-fee", "0"
        )
        await asyncio.sleep(45)
        assert any(block["snarkJobs"] for block in await chain_of(seed))
        assert await staying.stop() == 0
        await seed.stop()
        await producer.stop()

    run(main)


def test_full_proofs_are_refused() -> None:
    async def main() -> None:
        usual = config()
        assert usual.proof is not None
        full = msgspec.structs.replace(usual, proof=msgspec.structs.replace(usual.proof, level="full"))
        world = World()
        machine = world.machine("alone")
        machine.write("/node/config.json", encode(full))
        daemon = machine.start(
            "-config-directory", "/node/config", "-config-file", "/node/config.json", "-seed"
        )
        assert await daemon.task == 1
        assert any(
            "Proof level full is not compatible with compile-time proof level check" in line
            for line in machine.lines
        )

    run(main)


def test_parallelism_of_the_local_worker_parts_the_time_of_a_proof_among_its_threads() -> None:
    async def main() -> None:
        flags = ("-run-snark-worker", COORDINATOR, "-snark-worker-parallelism", "4")
        seed, _ = Network(World()).start(*flags, CODA_PROVING_MS="1000")
        await asyncio.sleep(20)
        times = {
            line["metadata"]["time"] for line in seed.machine.log if "SNARK generated" in line["message"]
        }
        assert times == {"0.25s"}

        refused, _ = Network(World()).start(*flags[:-1], "0")
        assert await refused.task == 1
        told = "".join(refused.machine.lines)
        assert "Could not use -snark-worker-parallelism: expected at least 1 thread, found 0" in told

    run(main)

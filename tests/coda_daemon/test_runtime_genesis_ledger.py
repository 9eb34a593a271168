"""`coda runtime-genesis-ledger` as a command, and daemons that start from what it made."""

import asyncio
import json
import stat
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.coda_daemon.worlds import Machine, World, config_for, producer_environment

from coda_daemon.cli import run
from coda_daemon.genesis_files import data_hash
from coda_executive.engines.simulation.event_loop import run as run_virtually
from coda_protocol.runtime_config import EpochData, EpochLedger, GenesisLedger, RuntimeConfig, encode

CONFIG = config_for(2)


def written(directory: Path, config: RuntimeConfig) -> str:
    path = directory / "config.json"
    path.write_bytes(encode(config))
    return str(path)


def make(directory: Path, config: RuntimeConfig = CONFIG) -> dict[str, Any]:
    """Run the command in a directory of its own; return the hashes. Files are in `genesis`."""
    arguments = [
        *("runtime-genesis-ledger", "--config-file", written(directory, config)),
        *("-genesis-dir", str(directory / "genesis"), "--hash-output-file", str(directory / "hashes.json")),
    ]
    assert run(arguments) == 0
    hashes: dict[str, Any] = json.loads((directory / "hashes.json").read_bytes())
    return hashes


def files(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((directory / "genesis").iterdir())}


def by_hash(
    hashes: dict[str, str], *, name: str | None = None, s3_data_hash: str | None = None
) -> RuntimeConfig:
    """The network of CONFIG with its ledger given by hash."""
    return msgspec.structs.replace(
        CONFIG, ledger=GenesisLedger(hash=hashes["hash"], name=name, s3_data_hash=s3_data_hash)
    )


def test_archive_and_stand_ins_and_hashes_are_made(tmp_path: Path) -> None:
    hashes = make(tmp_path)

    made = files(tmp_path)
    root = hashes["ledger"]["hash"]
    assert hashes["epoch_data"] == {"staking": hashes["ledger"], "next": hashes["ledger"]}
    assert data_hash(made[f"genesis_ledger_{root}.coda"]) == hashes["ledger"]["s3_data_hash"]
    kinds = [name.split("_")[0] for name in made]
    assert kinds == ["genesis", "genesis", "proving", "verification"]


def test_epoch_ledgers_have_archives_of_their_own(tmp_path: Path) -> None:
    assert CONFIG.ledger is not None
    assert CONFIG.ledger.accounts is not None
    staking = EpochLedger(accounts=CONFIG.ledger.accounts[:1])
    config = msgspec.structs.replace(CONFIG, epoch_data=EpochData(staking=staking))

    hashes = make(tmp_path, config)

    assert hashes["epoch_data"]["staking"] == hashes["epoch_data"]["next"] != hashes["ledger"]
    for section in (hashes["ledger"], hashes["epoch_data"]["staking"]):
        assert f"genesis_ledger_{section['hash']}.coda" in files(tmp_path)


def test_making_again_changes_nothing(tmp_path: Path) -> None:
    first, before = make(tmp_path), files(tmp_path)
    assert make(tmp_path) == first
    assert files(tmp_path) == before


def test_hashes_go_to_stdout_without_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hashes = make(tmp_path)
    arguments = ["-config-file", written(tmp_path, CONFIG), "-genesis-dir", str(tmp_path / "genesis")]
    assert run(["runtime-genesis-ledger", *arguments]) == 0
    assert json.loads(capsys.readouterr().out) == hashes


def test_relative_names_start_from_the_current_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, CONFIG)
    arguments = ["-config-file", "config.json", "-genesis-dir", "genesis", "-hash-output-file", "hashes.json"]
    assert run(["runtime-genesis-ledger", *arguments]) == 0
    assert (tmp_path / "hashes.json").exists()
    assert len(files(tmp_path)) == 4


def refused(directory: Path, capsys: pytest.CaptureFixture[str], config: RuntimeConfig, *more: str) -> str:
    """What the command says when it makes nothing."""
    arguments = ["-config-file", written(directory, config), "-genesis-dir", str(directory / "genesis")]
    assert run(["runtime-genesis-ledger", *arguments, *more]) == 1
    return capsys.readouterr().err


def test_a_full_proof_is_refused_in_the_contracts_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert CONFIG.proof is not None
    config = msgspec.structs.replace(CONFIG, proof=msgspec.structs.replace(CONFIG.proof, level="full"))
    told = refused(tmp_path, capsys, config)
    assert "Proof level full is not compatible with compile-time proof level none" in told
    assert "-real-binary" in told
    assert not (tmp_path / "genesis").exists()


def test_a_ledger_by_hash_cannot_be_built(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = "jw6bz2wud1N6itRUHZ5ypo3267stk4UgzkiuWtAMPRZo9g4Udyd"
    told = refused(tmp_path, capsys, by_hash({"hash": root}))
    assert f"none for {root}; list the accounts in ledger.accounts" in told


def test_the_winner_has_to_be_among_the_accounts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert CONFIG.ledger is not None
    ledger = msgspec.structs.replace(CONFIG.ledger, add_genesis_winner=True)
    told = refused(tmp_path, capsys, msgspec.structs.replace(CONFIG, ledger=ledger))
    assert "ledger.add_genesis_winner: expected false, found true" in told


def test_bad_input_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.json").write_text("{")
    for arguments, told in (
        (["-genesis-dir", "x"], "missing required flag: -config-file"),
        (["-config-file", "x"], "missing required flag: -genesis-dir"),
        (["-config-file", str(tmp_path / "none"), "-genesis-dir", "x"], "No such file"),
        (["-config-file", str(tmp_path / "bad.json"), "-genesis-dir", "x"], "Could not parse configuration"),
        (["-frobnicate"], "unknown flag -frobnicate"),
    ):
        assert run(["runtime-genesis-ledger", *arguments]) == 1
        assert told in capsys.readouterr().err


@pytest.mark.real
def test_a_real_binary_does_all_the_work(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """It gets the contract's flags, after arguments of its own; level full is its business then."""
    assert CONFIG.proof is not None
    config = msgspec.structs.replace(CONFIG, proof=msgspec.structs.replace(CONFIG.proof, level="full"))
    binary = tmp_path / "runtime_genesis_ledger.exe"
    binary.write_text('#!/bin/sh\necho "$@"\n')
    binary.chmod(binary.stat().st_mode | stat.S_IXUSR)
    arguments = ["-config-file", written(tmp_path, config), "-genesis-dir", str(tmp_path / "genesis")]

    assert run(["runtime-genesis-ledger", *arguments, "-real-binary", f"{binary} --own 1"]) == 0

    assert capfd.readouterr().out.split() == [
        *("--own", "1", "--config-file", str(tmp_path / "config.json")),
        *("--genesis-dir", str(tmp_path / "genesis")),
    ]


@pytest.mark.real
@pytest.mark.parametrize(
    ("script", "told"),
    [("exit 3", "exited with code 3"), ("kill -9 $$", "was killed by signal 9"), (None, "cannot be run")],
)
def test_a_real_binary_that_fails_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], script: str | None, told: str
) -> None:
    binary = tmp_path / "binary"
    if script:
        binary.write_text(f"#!/bin/sh\n{script}\n")
        binary.chmod(0o700)
    assert told in refused(tmp_path, capsys, CONFIG, "-real-binary", str(binary))


def put(machine: Machine, made: dict[str, bytes], directory: str) -> None:
    for name, content in made.items():
        machine.write(f"{directory}/{name}", content)


@pytest.mark.parametrize(
    ("directory", "arguments"),
    [("/ledgers", ("-genesis-ledger-dir", "/ledgers")), ("/node/config/genesis", ())],
)
def test_a_network_given_its_ledger_by_hash_is_the_same_network(
    tmp_path: Path, directory: str, arguments: tuple[str, ...]
) -> None:
    """A producer that has accounts and a seed that has the hash agree on the chain id, and so on a chain."""
    hashes = make(tmp_path)["ledger"]
    made = files(tmp_path)

    async def check() -> None:
        world = World()
        (seed, seed_arguments), (producer, producer_arguments) = world.testnet(CONFIG, 1)
        seed.write("/node/config.json", encode(by_hash(hashes, s3_data_hash=hashes["s3_data_hash"])))
        put(seed, made, directory)
        daemons = [
            seed.start(*seed_arguments, *arguments),
            producer.start(*producer_arguments, **producer_environment(1)),
        ]
        await asyncio.sleep(30)
        chains = [await daemon.post("{ bestChain { stateHash } }") for daemon in daemons]
        assert len(chains[0]["data"]["bestChain"]) > 3
        assert chains[0] == chains[1]
        assert [await daemon.stop() for daemon in daemons] == [130, 130]

    run_virtually(check)


def start_fails(config: RuntimeConfig, made: dict[str, bytes]) -> str:
    """The words of a daemon that cannot start."""
    told: list[str] = []

    async def check() -> None:
        [(machine, arguments)] = World().testnet(config, 0)
        put(machine, made, "/ledgers")
        daemon = machine.start(*arguments, "-genesis-ledger-dir", "/ledgers")
        assert await daemon.task == 1
        told.append(" ".join(machine.lines))

    run_virtually(check)
    return told[0]


def test_a_ledger_that_is_nowhere_stops_the_daemon_and_names_the_directories(tmp_path: Path) -> None:
    hashes = make(tmp_path)["ledger"]
    told = start_fails(by_hash(hashes), {})
    assert f"Could not find the genesis ledger {hashes['hash']}" in told
    assert "in /ledgers or /node/config/genesis" in told


def test_a_damaged_archive_stops_the_daemon(tmp_path: Path) -> None:
    hashes = make(tmp_path)["ledger"]
    made = {name: content[:-1] for name, content in files(tmp_path).items()}
    assert "the file is damaged or cut off" in start_fails(by_hash(hashes), made)


def test_another_archive_than_the_configuration_names_stops_the_daemon(tmp_path: Path) -> None:
    hashes = make(tmp_path)["ledger"]
    told = start_fails(by_hash(hashes, s3_data_hash="00" * 32), files(tmp_path))
    assert f"expected s3_data_hash {'00' * 32}, found {hashes['s3_data_hash']}" in told


def test_an_unknown_name_is_a_label_beside_a_hash_and_a_fault_alone(tmp_path: Path) -> None:
    hashes = make(tmp_path)["ledger"]
    told = start_fails(by_hash(hashes, name="mine"), {})
    assert "Could not find the genesis ledger" in told
    alone = msgspec.structs.replace(CONFIG, ledger=GenesisLedger(name="mine"))
    assert "ledger.name: expected one of" in start_fails(alone, {})

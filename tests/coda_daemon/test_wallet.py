"""The daemon's own keys in files (daemon contract A.7, D.5, E.4)."""

import asyncio
from pathlib import Path

import pytest
from tests.coda_daemon.worlds import World, config_for

from coda_daemon.files import Files
from coda_daemon.ledger.account import Address
from coda_daemon.process import SystemChance
from coda_daemon.wallet import UnknownKeyError, Wallet
from coda_executive.engines.simulation.event_loop import run
from coda_protocol.format_error import FormatError
from coda_protocol.key_files import read_private_key, write_private_key
from coda_protocol.keys import Keypair
from coda_protocol.runtime_config import encode
from coda_protocol.sample_keys import sample_keypair
from coda_protocol.secret_box import ENTROPY_BYTES, WrongPasswordError

ONE = Address(str(sample_keypair(1).public))
BOX = write_private_key(sample_keypair(1).private, "p", entropy=bytes(ENTROPY_BYTES))


def make_wallet(directory: Path) -> Wallet:
    return Wallet(Files(), SystemChance(), str(directory))


def test_a_new_key_is_unlocked_and_stays_in_files_that_only_its_owner_reads(tmp_path: Path) -> None:
    wallet = make_wallet(tmp_path)

    address = wallet.create("p")

    keypair, file = wallet.unlocked(address), tmp_path / "wallets" / "store" / address
    assert keypair is not None
    assert str(keypair.public) == address
    assert Keypair.of(read_private_key(file.read_bytes(), "p")) == keypair
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert (file.parent / f"{address}.pub").read_text() == f"{address}\n"
    assert "p" not in repr(keypair.private)


def test_another_wallet_on_the_directory_knows_the_keys_but_has_them_locked(tmp_path: Path) -> None:
    address = make_wallet(tmp_path).create("p")
    again = make_wallet(tmp_path)

    assert again.tracked == (address,)
    assert again.is_locked(address)
    assert again.is_locked(ONE) is None
    again.unlock(address, "p")
    assert again.is_locked(address) is False
    again.lock(address)
    assert again.unlocked(address) is None


def test_an_imported_key_is_locked_and_known_the_second_time(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(BOX)
    wallet = make_wallet(tmp_path / "node")

    assert wallet.import_file(str(tmp_path / "key"), "p") == (ONE, False)
    assert wallet.import_file(str(tmp_path / "key"), "p") == (ONE, True)
    assert wallet.is_locked(ONE)
    with pytest.raises(WrongPasswordError):
        wallet.import_file(str(tmp_path / "key"), "q")
    with pytest.raises(FileNotFoundError):
        wallet.import_file(str(tmp_path / "none"), "p")
    (tmp_path / "garbage").write_bytes(b"{}")
    with pytest.raises(FormatError):
        wallet.import_file(str(tmp_path / "garbage"), "p")


def test_a_key_is_deleted_with_its_files(tmp_path: Path) -> None:
    wallet = make_wallet(tmp_path)
    address = wallet.create("p")

    wallet.delete(address)

    assert (wallet.tracked, wallet.unlocked(address)) == ((), None)
    assert list((tmp_path / "wallets" / "store").iterdir()) == []
    for operation in (wallet.delete, wallet.lock, lambda key: wallet.unlock(key, "p")):
        with pytest.raises(UnknownKeyError):
            operation(address)


def test_what_is_no_key_of_its_name_does_not_unlock(tmp_path: Path) -> None:
    """Another key's file, and a damaged one: the password is wrong for all that can be told (E.4)."""
    store = tmp_path / "wallets" / "store"
    store.mkdir(parents=True, mode=0o700)
    other = Address(str(sample_keypair(2).public))
    (store / other).write_bytes(BOX)
    (store / ONE).write_bytes(b"{}")
    (store / "notes").write_text("no key")
    wallet = make_wallet(tmp_path)

    assert set(wallet.tracked) == {ONE, other}
    for address in wallet.tracked:
        with pytest.raises(WrongPasswordError):
            wallet.unlock(address, "p")


def test_a_daemon_produces_with_a_key_of_its_wallet() -> None:
    async def main() -> None:
        machine = World().machine("node")
        machine.write("/node/config.json", encode(config_for(1)))
        machine.write(f"/node/config/wallets/store/{ONE}", BOX, mode=0o600)
        arguments = (
            *("-seed", "-config-directory", "/node/config", "-config-file", "/node/config.json"),
            *("-block-producer-pubkey", ONE, "-log-json"),
        )

        daemon = machine.start(*arguments, MINA_PRIVKEY_PASS="p")
        await asyncio.sleep(20)
        status = await daemon.post("{ daemonStatus { blockProductionKeys blockchainLength } }")
        assert status["data"]["daemonStatus"]["blockProductionKeys"] == [ONE]
        assert status["data"]["daemonStatus"]["blockchainLength"] > 2
        assert await daemon.stop() == 130

        both = machine.start(*arguments, MINA_BP_PRIVKEY=sample_keypair(1).private.reveal())
        assert await both.task == 1
        assert "cannot be given together" in "\n".join(machine.lines)

    run(main)

"""Ledger archives: what is written is read again, and nothing else is."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coda_daemon.genesis_files import (
    ArchiveError,
    archive_name,
    data_hash,
    read_archive,
    stand_ins,
    write_archive,
)
from coda_daemon.genesis_ledgers import GenesisLedgers
from coda_daemon.ledger.account import Account, Address, Timing, new_account
from coda_daemon.ledger.ledger import Ledger, build_ledger
from coda_protocol.constants import CompiledProfile, with_defaults
from coda_protocol.hashes import LedgerHash
from coda_protocol.runtime_config import ProofSection, RuntimeConfig
from coda_protocol.sample_keys import sample_keypair

DEPTH = 10


def address(index: int) -> Address:
    return Address(str(sample_keypair(index).public))


@st.composite
def ledgers(draw: st.DrawFn) -> Ledger:
    money = st.integers(0, 2**64 - 1)
    slots = st.integers(0, 2**32 - 1)
    timings = st.builds(Timing, money, slots, money, st.integers(1, 2**32 - 1), money)
    accounts = [
        draw(
            st.one_of(
                st.builds(new_account, st.just(address(index)), money),
                st.builds(
                    Account,
                    st.just(address(index)),
                    balance=money,
                    nonce=slots,
                    delegate=st.none() | st.just(address(1)),
                    timing=st.none() | timings,
                    token_symbol=st.sampled_from(["", "ABC"]),
                ),
            )
        )
        for index in range(1, 1 + draw(st.integers(0, 6)))
    ]
    return build_ledger(DEPTH, accounts)


def small_ledger() -> Ledger:
    return build_ledger(DEPTH, [new_account(address(index), 1000 * index) for index in (1, 2, 3)])


@given(ledgers())
@settings(max_examples=60, deadline=None)
def test_an_archive_is_read_back_as_the_ledger_it_was_made_of(ledger: Ledger) -> None:
    content = write_archive(ledger)

    read = read_archive(content, ledger.hash, depth=DEPTH)

    assert list(read) == list(ledger)
    assert read.hash == ledger.hash
    assert write_archive(read) == content


def test_a_usual_account_takes_seventy_bytes() -> None:
    accounts = [new_account(address(index), 10**15 + index) for index in range(1, 101)]
    assert len(write_archive(build_ledger(DEPTH, accounts))) < 100 * 70 + 300


def test_the_same_ledger_gives_the_same_archive_on_every_machine() -> None:
    """So its digest can be written in a configuration (`s3_data_hash`)."""
    _header, _newline, accounts = write_archive(small_ledger()).partition(b"\n")
    assert data_hash(accounts) == "71345b158d793b2096cbd039588b1382ab0547ba2059dea7d3e05c87cb9c577e"
    assert archive_name(small_ledger().hash) == f"genesis_ledger_{small_ledger().hash}.coda"


def test_every_cut_of_an_archive_is_refused() -> None:
    ledger = small_ledger()
    content = write_archive(ledger)
    for length in range(len(content)):
        with pytest.raises(ArchiveError):
            read_archive(content[:length], ledger.hash, depth=DEPTH)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_a_changed_byte_is_refused(data: st.DataObject) -> None:
    ledger = small_ledger()
    content = bytearray(write_archive(ledger))
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))

    try:
        read = read_archive(bytes(content), ledger.hash, depth=DEPTH)
    except ArchiveError:
        return
    assert list(read) == list(ledger)  # the number of accounts in the first line is for people


@given(st.binary(max_size=400))
@settings(deadline=None)
def test_other_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(ArchiveError):
        read_archive(content, small_ledger().hash, depth=DEPTH)
    with pytest.raises(ArchiveError):
        read_archive(b"coda-ledger " + content, small_ledger().hash, depth=DEPTH)


def test_accounts_that_do_not_have_the_root_of_the_first_line_are_refused() -> None:
    """A checksum can be made anew by anybody; the root cannot."""
    honest, other = small_ledger(), build_ledger(DEPTH, [new_account(address(1), 1)])
    forged = write_archive(other).replace(other.hash.encode(), honest.hash.encode(), 1)
    with pytest.raises(ArchiveError, match=f"expected accounts of the ledger {honest.hash}"):
        read_archive(forged, honest.hash, depth=DEPTH)


def test_the_ledger_of_another_hash_or_depth_is_refused() -> None:
    ledger = small_ledger()
    content = write_archive(ledger)
    other = LedgerHash("jw6bz2wud1N6itRUHZ5ypo3267stk4UgzkiuWtAMPRZo9g4Udyd")
    with pytest.raises(ArchiveError, match=f"expected the ledger {other}, found {ledger.hash}"):
        read_archive(content, other, depth=DEPTH)
    with pytest.raises(ArchiveError, match=r"depth 35, found 10; set proof.ledger_depth to it"):
        read_archive(content, ledger.hash, depth=35)


def test_stand_ins_say_what_they_are_and_are_named_by_what_the_real_ones_depend_on() -> None:
    def made(section: ProofSection, ledger: Ledger) -> dict[str, bytes]:
        constants = with_defaults(RuntimeConfig(proof=section), CompiledProfile.LIGHTNET)
        return dict(stand_ins(GenesisLedgers(ledger, ledger, ledger), constants))

    none, check = ProofSection(level="none"), ProofSection(level="check")
    first, again = made(none, small_ledger()), made(none, small_ledger())
    other_ledger = made(none, build_ledger(DEPTH, [new_account(address(1), 1)]))

    assert first == again
    assert [name.rpartition("_")[0] for name in first] == ["genesis_proof", "proving_key", "verification_key"]
    for name, content in first.items():
        told = json.loads(content)
        assert told["explanation"].startswith(f"Not a {name.rpartition('_')[0].replace('_', ' ')}.")
        assert told["proof_level"] == "none"
    assert not set(first) & set(made(check, small_ledger()))
    assert len(set(first) & set(other_ledger)) == 2  # the keys do not depend on the ledger

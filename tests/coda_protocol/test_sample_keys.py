"""The thousand sample key pairs."""

import runpy
from pathlib import Path

import pytest

from coda_protocol.keys import PublicKey
from coda_protocol.sample_keys import SAMPLE_KEYPAIRS, sample_keypair


def test_the_shipped_file_is_what_its_derivation_gives() -> None:
    root = Path(__file__).parent.parent.parent
    tool = runpy.run_path(str(root / "tools" / "make_sample_keys.py"))
    shipped = root / "src" / "coda_protocol" / "data" / "sample_keys.txt"
    assert tool["sample_file"]() == shipped.read_text("ascii")


def test_number_0_is_the_genesis_winner() -> None:
    winner = "B62qiy32p8kAKnny8ZFwoMhYpBppM1DWVCqAPBYNcXnsAHhnfAAuXgg"
    assert str(sample_keypair(0).public) == winner


def test_all_of_them_are_different_and_on_the_curve() -> None:
    addresses = {str(sample_keypair(index).public) for index in range(SAMPLE_KEYPAIRS)}
    assert len(addresses) == SAMPLE_KEYPAIRS
    for address in addresses:
        PublicKey.parse(address)


@pytest.mark.parametrize("index", [-1, SAMPLE_KEYPAIRS])
def test_there_is_none_beyond_the_list(index: int) -> None:
    with pytest.raises(IndexError, match=f"sample key pair {index} was asked for; there are 0 to 999"):
        sample_keypair(index)

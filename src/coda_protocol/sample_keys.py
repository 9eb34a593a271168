"""A thousand key pairs for test networks, real in form and known to everybody: no place for real money.

Number 0 is the genesis winner, published in the daemon's sources (daemon contract B.1). Number i > 0 has as
its scalar the blake2b-256 of the ASCII text `coda-executive sample key i`, little-endian, with the top two
bits cleared. The file `data/sample_keys.txt` holds them as `private public` lines and is written by
`tools/make_sample_keys.py`, so that nobody computes curve points to start a test.
"""

from functools import cache

from coda_protocol.base58 import VersionByte, decode_check
from coda_protocol.keys import Keypair, PrivateKey, PublicKey

SAMPLE_KEYPAIRS = 1000


@cache
def sample_keypair(index: int) -> Keypair:
    """Key pair `index`, 0 ≤ index < 1000. Raises IndexError with what there is."""
    if not 0 <= index < SAMPLE_KEYPAIRS:
        raise IndexError(f"sample key pair {index} was asked for; there are 0 to {SAMPLE_KEYPAIRS - 1}")
    private, address = _lines()[index].split()
    payload = decode_check(VersionByte.PUBLIC_KEY, address)
    # Our own file: its points were on the curve when it was written, and a test holds it to that.
    public = PublicKey(int.from_bytes(payload[2:34], "little"), payload[34] == 1)
    return Keypair(public, PrivateKey.parse(private))


@cache
def _lines() -> list[str]:
    from importlib.resources import files

    return (files("coda_protocol") / "data" / "sample_keys.txt").read_text("ascii").splitlines()

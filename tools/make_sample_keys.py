"""Write `src/coda_protocol/data/sample_keys.txt`, whose derivation `coda_protocol.sample_keys` documents."""

from hashlib import blake2b
from pathlib import Path

from coda_protocol.keys import Keypair, PrivateKey
from coda_protocol.sample_keys import SAMPLE_KEYPAIRS

_GENESIS_WINNER = "EKFKgDtU3rcuFTVSEpmpXSkukjmX4cKefYREi6Sdsk7E7wsT7KRw"
_SCALAR_MASK = (1 << 254) - 1


def sample_private_key(index: int) -> PrivateKey:
    if index == 0:
        return PrivateKey.parse(_GENESIS_WINNER)
    digest = blake2b(f"coda-executive sample key {index}".encode("ascii"), digest_size=32).digest()
    return PrivateKey(int.from_bytes(digest, "little") & _SCALAR_MASK)


def sample_file() -> str:
    keypairs = map(Keypair.of, map(sample_private_key, range(SAMPLE_KEYPAIRS)))
    return "".join(f"{keypair.private.reveal()} {keypair.public}\n" for keypair in keypairs)


if __name__ == "__main__":
    target = Path(__file__).parent.parent / "src" / "coda_protocol" / "data" / "sample_keys.txt"
    target.write_text(sample_file(), "ascii")

"""The same numbers with and without gmpy2."""

import subprocess
import sys

PROGRAM = """
import sys
if "{kind}" == "int":
    sys.modules["gmpy2"] = None  # as if it were not installed
from coda_protocol.big_integers import big_integer
from coda_protocol.commands import Payment, UserCommand
from coda_protocol.currency import Amount, Fee
from coda_protocol.keys import Keypair
from coda_protocol.sample_keys import sample_keypair
from coda_protocol.signatures import TESTNET
from coda_protocol.signing import is_signed, sign
keypair = Keypair.of(sample_keypair(1).private)
payment = Payment(sample_keypair(2).public, Amount(3))
signed = sign(UserCommand(keypair.public, Fee(1), 2, payment), keypair, TESTNET)
assert is_signed(signed, TESTNET)
numbers = (*keypair.public.point, signed.signature.field, signed.signature.scalar)
assert {{type(number) for number in numbers}} == {{int}}
print(big_integer().__name__, keypair.public, signed.transaction_id())
"""


def outcome(kind: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(kind=kind)], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_python_integers_and_gmpy2_sign_alike() -> None:
    plain, fast = outcome("int"), outcome("mpz")
    assert (plain[0], fast[0]) == ("int", "mpz")
    assert plain[1:] == fast[1:]

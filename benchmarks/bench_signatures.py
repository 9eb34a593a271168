"""Curve and hash in Python's integers and in gmpy2's, and the texts that each log line prints.

The bars, in Python's integers: sign in 3 ms, verify in 6 ms. Each kind of integer is measured in a
process of its own, twice in turn; the best of all rounds counts. On a busy machine trust the ratios.
"""

import json
import subprocess
import sys
import timeit
from collections.abc import Callable

_PURE = "int"
_FAST = "gmpy2"
_BARS_MS = {"sign": 3.0, "verify": 6.0}


def run() -> list[str]:
    """Lines for people."""
    pure, fast = _measured(_PURE), _measured(_FAST)
    for again, best in ((_measured(_PURE), pure), (_measured(_FAST), fast)):
        best.update({name: min(best[name], seconds) for name, seconds in again.items()})
    lines = [f"{'operation':<28}{'int':>12}{'gmpy2':>12}{'ratio':>8}"]
    for name, seconds in pure.items():
        bar = f"   bar {_BARS_MS[name]:g} ms in int" if name in _BARS_MS else ""
        ratio = seconds / fast[name]
        lines.append(f"{name:<28}{seconds * 1e6:>9.1f} µs{fast[name] * 1e6:>9.1f} µs{ratio:>8.2f}{bar}")
    return lines


def _measured(integers: str) -> dict[str, float]:
    """Seconds per call of each operation, computed with one kind of integers."""
    done = subprocess.run([sys.executable, __file__, integers], capture_output=True, text=True, check=True)
    seconds: dict[str, float] = json.loads(done.stdout)
    return seconds


def _measure(integers: str) -> dict[str, float]:
    if integers == _PURE:
        sys.modules["gmpy2"] = None  # type: ignore[assignment]  # as if it were not installed
    from coda_protocol.big_integers import big_integer
    from coda_protocol.commands import Payment, UserCommand
    from coda_protocol.currency import Amount, Fee
    from coda_protocol.hash_text import state_hash
    from coda_protocol.keys import PublicKey
    from coda_protocol.pallas import has_point
    from coda_protocol.sample_keys import sample_keypair
    from coda_protocol.signatures import TESTNET
    from coda_protocol.signing import is_signed, sign

    if (big_integer() is int) != (integers == _PURE):
        raise SystemExit("gmpy2 is not installed; install the extra `speed` to compare")
    keypair = sample_keypair(1)
    command = UserCommand(keypair.public, Fee(10**7), 3, Payment(sample_keypair(2).public, Amount(10**9)))
    signed = sign(command, keypair, TESTNET)
    field, key = signed.signature.field, keypair.public

    operations: dict[str, tuple[Callable[[], object], int]] = {
        "sign": (lambda: sign(command, keypair, TESTNET), 20),
        "verify": (lambda: is_signed(signed, TESTNET), 20),
        "public key of a private key": (keypair.private.public_key, 20),
        "address on the curve": (lambda: has_point(key.x), 200),
        "parse an address again": (lambda: PublicKey.parse(str(key)), 2000),
        "print a state hash": (lambda: state_hash(field), 2000),
    }
    return {
        name: min(timeit.repeat(operation, number=number, repeat=9)) / number
        for name, (operation, number) in operations.items()
    }


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(_measure(sys.argv[1])))
    else:
        print("\n".join(run()))

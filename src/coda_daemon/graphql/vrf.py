"""`evaluateVrf` and `checkVrf`: tickets of proof level `check`, with what proves them (daemon contract D, I.2)."""

from typing import TYPE_CHECKING, Any

from coda_daemon.consensus.lottery import OUTPUT_BITS, threshold
from coda_daemon.consensus.vrf import VrfKey, WrongTicketError, verified_output
from coda_daemon.graphql.accounts import staking_ledger
from coda_daemon.graphql.request_error import RequestError
from coda_daemon.ledger.account import Address
from coda_protocol.base58 import VersionByte, encode_check
from coda_protocol.keys import Keypair, PublicKey
from coda_protocol.slots import GlobalSlot

if TYPE_CHECKING:
    from coda_daemon.rest import DaemonView

_MOST_DIGITS = 80


def evaluate(
    view: "DaemonView",
    public_key: str,
    message: dict[str, Any],
    vrf_threshold: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The ticket of a key that the wallet has unlocked, or that the node produces with. Raises RequestError."""
    keypair = _keypair(view, public_key)
    if keypair is None:
        raise RequestError("Could not find owned account associated with provided key")
    slot = GlobalSlot(message["globalSlot"])
    proof = VrfKey(keypair).prove(message["epochSeed"], slot, _delegator(view, message))
    x, y, challenge, response = (int.from_bytes(proof[at : at + 32], "little") for at in range(0, 128, 32))
    given = {
        "message": message,
        "publicKey": public_key,
        "c": str(challenge),
        "s": str(response),
        "scaledMessageHash": [str(x), str(y)],
        "vrfThreshold": vrf_threshold,
    }
    return check(view, given)


def check(view: "DaemonView", input: dict[str, Any]) -> dict[str, Any]:
    """A ticket with what it comes to; its outputs are null when the proof is wrong. Raises RequestError."""
    message, output = input["message"], _output(view, input)
    ticket = None if output is None else int.from_bytes(output, "little")
    given = input.get("vrfThreshold")

    def threshold_met(_info: object, input: dict[str, Any] | None = None) -> bool | None:
        wanted = input or given
        if wanted is None or ticket is None or not wanted["totalStake"]:
            return None
        stake = min(wanted["delegatedStake"], wanted["totalStake"])
        return ticket <= threshold(stake, wanted["totalStake"])

    return {
        "message": {**message, "globalSlot": str(message["globalSlot"])},
        "publicKey": input["publicKey"],
        "c": input["c"],
        "s": input["s"],
        "scaledMessageHash": input["scaledMessageHash"],
        "vrfThreshold": given and {name: str(amount) for name, amount in given.items()},
        "vrfOutput": None if output is None else encode_check(VersionByte.VRF_OUTPUT, output),
        "vrfOutputFractional": None if ticket is None else ticket / 2**OUTPUT_BITS,
        "thresholdMet": threshold_met,
    }


def _output(view: "DaemonView", input: dict[str, Any]) -> bytes | None:
    numbers = [_number(text) for text in (*input["scaledMessageHash"], input["c"], input["s"])]
    message, public = input["message"], PublicKey.parse(input["publicKey"])
    slot = GlobalSlot(message["globalSlot"])
    try:
        proof = b"".join(number.to_bytes(32, "little") for number in numbers)
        return verified_output(public, message["epochSeed"], slot, _delegator(view, message), proof)
    except (WrongTicketError, OverflowError):
        return None


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS):
        raise RequestError("Expected decimal field elements and scalars")
    return int(text)


def _delegator(view: "DaemonView", message: dict[str, Any]) -> Address:
    """By its position in the staking ledger of the best tip's epoch."""
    ledger, index = staking_ledger(view), message["delegatorIndex"]
    if ledger is None:
        raise RequestError("Daemon is bootstrapping")
    account = ledger.at(index) if 0 <= index < len(ledger) else None
    if account is None:
        raise RequestError(f"Could not find delegator {index} in the staking epoch ledger")
    return account.public_key


def _keypair(view: "DaemonView", public_key: str) -> Keypair | None:
    producer = view.settings.producer
    if producer is not None and str(producer.public) == public_key:
        return producer
    return view.wallet.unlocked(Address(public_key))

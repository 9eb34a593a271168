"""The published vectors as values. `meta` in their file says how mina-signer and mina made them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from coda_protocol.commands import Delegation, Payment, SignedCommand, UserCommand
from coda_protocol.currency import Amount, Fee
from coda_protocol.keys import Keypair, PrivateKey, PublicKey
from coda_protocol.memo import Memo
from coda_protocol.signatures import Signature, SignatureKind
from coda_protocol.slots import GlobalSlot

settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.load_profile("repeatable")


@dataclass(frozen=True)
class SignatureVector:
    """A published signature of a command, right or wrong; `raw` is the whole entry."""

    id: str
    signed: SignedCommand
    kind: SignatureKind
    raw: dict[str, Any]


@pytest.fixture(scope="session")
def vectors() -> dict[str, Any]:
    path = Path(__file__).parent.parent / "vectors" / "test-vectors.json"
    loaded: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return loaded


@pytest.fixture(scope="session")
def keypairs(vectors: dict[str, Any]) -> dict[str, Keypair]:
    """Key pairs by their id in the vectors."""
    return {entry["id"]: Keypair.of(PrivateKey.parse(entry["private_key"])) for entry in vectors["keypairs"]}


@pytest.fixture(scope="session")
def valid_signatures(vectors: dict[str, Any], keypairs: dict[str, Keypair]) -> list[SignatureVector]:
    entries = vectors["payments"] + vectors["delegations"] + vectors["custom_network"]
    return [_signature_vector(entry, keypairs[entry["signer"]].public) for entry in entries]


@pytest.fixture(scope="session")
def invalid_signatures(vectors: dict[str, Any]) -> list[SignatureVector]:
    return [_signature_vector(entry, PublicKey.parse(entry["public_key"])) for entry in vectors["invalid"]]


def _signature_vector(entry: dict[str, Any], signer: PublicKey) -> SignatureVector:
    given, network = entry["input"], entry["network"]
    receiver = PublicKey.parse(given["to"])
    command = UserCommand(
        fee_payer=PublicKey.parse(given["from"]),
        fee=Fee(int(given["fee"])),
        nonce=int(given["nonce"]),
        body=Payment(receiver, Amount(int(given["amount"])))
        if entry["kind"] == "payment"
        else Delegation(receiver),
        valid_until=GlobalSlot(int(given["validUntil"])),
        memo=Memo.of_text(given["memo"]),
    )
    signature = Signature(int(entry["signature"]["field"]), int(entry["signature"]["scalar"]))
    kind = SignatureKind(network if isinstance(network, str) else network["custom"])
    return SignatureVector(entry["id"], SignedCommand(command, signer, signature), kind, entry)

"""Schnorr signatures of payments and delegations, the "legacy" scheme (daemon contract F)."""

from dataclasses import dataclass
from hashlib import blake2b

from coda_protocol.commands import Delegation, Payment, SignedCommand, UserCommand
from coda_protocol.keys import Keypair
from coda_protocol.pallas import FIELD_MODULUS, GROUP_ORDER, Point, challenge_point, multiply_generator
from coda_protocol.poseidon import digest
from coda_protocol.signatures import MAINNET, TESTNET, Signature, SignatureKind

_FIELD_BITS = 255
_PACKED_BITS = 254  # as many bits as surely make a field element
_MINA_TOKEN = 1
_RECEIPT_PREFIX = "CodaReceiptUC"
_PAYMENT_TAG = 0b000
_DELEGATION_TAG = 0b100  # 0, 0, 1 from the lowest bit on


def sign(command: UserCommand, keypair: Keypair, kind: SignatureKind) -> SignedCommand:
    """Deterministic. The signer need not be the fee payer; then the daemon refuses the command."""
    return SignedCommand(command, keypair.public, _sign(_input_of(command), keypair, kind))


def is_signed(signed: SignedCommand, kind: SignatureKind) -> bool:
    """Whether the signature is its signer's, for this command on this kind of network.

    That the signer may spend the fee payer's money is another question: compare the two keys.
    """
    signature = signed.signature
    if not (0 <= signature.field < FIELD_MODULUS and 0 <= signature.scalar < GROUP_ORDER):
        return False
    public = signed.signer.point
    challenge = _challenge(_input_of(signed.command), public, signature.field, kind)
    point = challenge_point(signature.scalar, challenge, public)
    return point is not None and point[1] % 2 == 0 and point[0] == signature.field


def receipt_chain_hash(command: UserCommand, previous: int) -> int:
    """The receipt chain of the fee payer after a command, `previous` being the one before it (contract F)."""
    message = _input_of(command)
    return digest(_RECEIPT_PREFIX, _Input((*message.fields, previous), message.bits).packed())


@dataclass(frozen=True, slots=True)
class _Bits:
    """A string of bits, lowest first, as a number and its length."""

    value: int = 0
    length: int = 0

    def then(self, value: int, length: int) -> "_Bits":
        return _Bits(self.value | value << self.length, self.length + length)

    def to_bytes(self) -> bytes:
        return self.value.to_bytes((self.length + 7) // 8, "little")


@dataclass(frozen=True, slots=True)
class _Input:
    """What is hashed of a command: field elements, and bits that are packed behind them."""

    fields: tuple[int, ...]
    bits: _Bits

    def packed(self) -> list[int]:
        mask = (1 << _PACKED_BITS) - 1
        chunks = range(0, self.bits.length, _PACKED_BITS)
        return [*self.fields, *(self.bits.value >> start & mask for start in chunks)]


def _input_of(command: UserCommand) -> _Input:
    payer, receiver = command.fee_payer, command.receiver
    match command.body:
        case Payment(amount=paid):
            tag, amount = _PAYMENT_TAG, int(paid)
        case Delegation():
            tag, amount = _DELEGATION_TAG, 0
    bits = (
        _Bits()
        .then(command.fee, 64)
        .then(_MINA_TOKEN, 64)
        .then(payer.is_odd, 1)
        .then(command.nonce, 32)
        .then(command.valid_until, 32)
        .then(int.from_bytes(command.memo.payload, "little"), 8 * len(command.memo.payload))
        .then(tag, 3)
        .then(payer.is_odd, 1)
        .then(receiver.is_odd, 1)
        .then(_MINA_TOKEN, 64)
        .then(amount, 64)
        .then(0, 1)  # token locked: never
    )
    return _Input((payer.x, payer.x, receiver.x), bits)


def _sign(message: _Input, keypair: Keypair, kind: SignatureKind) -> Signature:
    secret, public = keypair.private.scalar, keypair.public.point
    nonce = _nonce(message, public, secret, kind)
    x, y = multiply_generator(nonce)
    if y % 2:
        nonce = GROUP_ORDER - nonce
    challenge = _challenge(message, public, x, kind)
    return Signature(x, (nonce + challenge * secret) % GROUP_ORDER)


def _challenge(message: _Input, public: Point, nonce_x: int, kind: SignatureKind) -> int:
    fields = (*message.fields, *public, nonce_x)
    return digest(kind.prefix, _Input(fields, message.bits).packed())


def _nonce(message: _Input, public: Point, secret: int, kind: SignatureKind) -> int:
    """From the message and the secret; no verifier can see how, but the published vectors fix it."""
    bits = _Bits()
    for element in (*message.fields, *public):
        bits = bits.then(element, _FIELD_BITS)
    bits = bits.then(message.bits.value, message.bits.length).then(secret, _FIELD_BITS)
    hashed = blake2b(bits.then(_network_byte(kind), 8).to_bytes(), digest_size=32).digest()
    nonce = int.from_bytes(hashed, "little") & ((1 << 254) - 1)
    assert 0 < nonce < GROUP_ORDER
    return nonce


def _network_byte(kind: SignatureKind) -> int:
    """0 for testnet, 1 for mainnet; for a custom name the byte that mina-signer arrives at.

    It turns the name, as a little-endian number, into a double and takes the low byte: the first character of
    a short name, zero from eight characters on.
    """
    if kind in (TESTNET, MAINNET):
        return int(kind == MAINNET)
    return int(float(int.from_bytes(kind.name[:16].encode("ascii"), "little"))) & 0xFF

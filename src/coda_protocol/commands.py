"""Payments and delegations, their binary form, their hash and their id (daemon contract E.3)."""

from base64 import b64decode, b64encode
from dataclasses import dataclass
from hashlib import blake2b

from coda_protocol.bin_prot import Reader, encode_integer
from coda_protocol.currency import Amount, Fee
from coda_protocol.format_error import FormatError
from coda_protocol.hash_text import transaction_hash
from coda_protocol.hashes import TransactionHash
from coda_protocol.keys import PUBLIC_KEY_BYTES, PublicKey
from coda_protocol.memo import PAYLOAD_BYTES, Memo
from coda_protocol.signatures import DUMMY_SIGNATURE, SIGNATURE_BYTES, Signature
from coda_protocol.slots import GlobalSlot

NEVER_EXPIRES = GlobalSlot(0xFFFF_FFFF)

_ID_VERSION = b"\x02"
_FEE_PAYER_END = b"\x00"
_MEMO_LENGTH = bytes((PAYLOAD_BYTES,))
_PAYMENT_TAG = b"\x00"
_DELEGATION_TAG = b"\x01"
_SET_DELEGATE_TAG = b"\x00"
_KIND = "transaction id"


@dataclass(frozen=True, slots=True)
class Payment:
    receiver: PublicKey
    amount: Amount


@dataclass(frozen=True, slots=True)
class Delegation:
    new_delegate: PublicKey


@dataclass(frozen=True, slots=True)
class UserCommand:
    """What a sender asks for, not yet signed. Raises FormatError unless nonce and slot are below 2³²."""

    fee_payer: PublicKey
    fee: Fee
    nonce: int
    body: Payment | Delegation
    valid_until: GlobalSlot = NEVER_EXPIRES
    memo: Memo = Memo()  # noqa: RUF009 (frozen)

    def __post_init__(self) -> None:
        _check_uint32("nonce", self.nonce)
        _check_uint32("validUntil", self.valid_until)

    @property
    def receiver(self) -> PublicKey:
        """Of a payment its receiver, of a delegation the new delegate."""
        match self.body:
            case Payment(receiver=receiver) | Delegation(new_delegate=receiver):
                return receiver

    def hash(self) -> TransactionHash:
        """The same whoever signs: the binary form under it carries a dummy signature."""
        unsigned = SignedCommand(self, self.fee_payer, DUMMY_SIGNATURE)
        return transaction_hash(blake2b(unsigned.to_bytes(), digest_size=32).digest())


@dataclass(frozen=True, slots=True)
class SignedCommand:
    """A command with a signature, which may be wrong: `signing.is_signed` tells."""

    command: UserCommand
    signer: PublicKey
    signature: Signature

    def to_bytes(self) -> bytes:
        command = self.command
        match command.body:
            case Payment(receiver=receiver, amount=amount):
                body = _PAYMENT_TAG + receiver.to_bytes() + encode_integer(amount, bits=64)
            case Delegation(new_delegate=delegate):
                body = _DELEGATION_TAG + _SET_DELEGATE_TAG + delegate.to_bytes()
        return b"".join(
            (
                encode_integer(command.fee, bits=64),
                command.fee_payer.to_bytes(),
                encode_integer(command.nonce, bits=32),
                _FEE_PAYER_END,
                encode_integer(command.valid_until, bits=32),
                _MEMO_LENGTH,
                command.memo.payload,
                body,
                self.signer.to_bytes(),
                self.signature.to_bytes(),
            )
        )

    def transaction_id(self) -> str:
        """The base64 text that GraphQL calls `id`."""
        return b64encode(_ID_VERSION + self.to_bytes()).decode()

    @staticmethod
    def of_transaction_id(text: str) -> "SignedCommand":
        """Raises FormatError for what `transaction_id` does not print. Does not verify the signature."""
        try:
            data = b64decode(text, validate=True)
        except ValueError:
            raise FormatError(_KIND, "base64 text", f"something else in {len(text)} characters") from None
        signed = _read_signed_command(Reader(_KIND, data))
        if signed.transaction_id() != text:
            raise FormatError(_KIND, "integers and base64 in their shortest form", "a longer one")
        return signed


def _read_signed_command(reader: Reader) -> SignedCommand:
    reader.expect(_ID_VERSION, "version of a signed command")
    fee = Fee(reader.integer(bits=64))
    fee_payer = _read_key(reader)
    nonce = reader.integer(bits=32)
    reader.expect(_FEE_PAYER_END, "end of the fee payer's part")
    valid_until = GlobalSlot(reader.integer(bits=32))
    reader.expect(_MEMO_LENGTH, "length of the memo")
    memo = Memo.of_payload(reader.take(PAYLOAD_BYTES))
    body = _read_body(reader)
    signer = _read_key(reader)
    signature = Signature.of_bytes(reader.take(SIGNATURE_BYTES))
    reader.end()
    return SignedCommand(UserCommand(fee_payer, fee, nonce, body, valid_until, memo), signer, signature)


def _read_body(reader: Reader) -> Payment | Delegation:
    match reader.take(1):
        case tag if tag == _PAYMENT_TAG:
            return Payment(_read_key(reader), Amount(reader.integer(bits=64)))
        case tag if tag == _DELEGATION_TAG:
            reader.expect(_SET_DELEGATE_TAG, "the only kind of delegation")
            return Delegation(_read_key(reader))
        case tag:
            raise FormatError(_KIND, "00 for a payment or 01 for a delegation", tag.hex())


def _read_key(reader: Reader) -> PublicKey:
    return PublicKey.of_bytes(reader.take(PUBLIC_KEY_BYTES))


def _check_uint32(kind: str, value: int) -> None:
    if not 0 <= value < 1 << 32:
        raise FormatError(kind, "a whole number below 2^32", str(value))

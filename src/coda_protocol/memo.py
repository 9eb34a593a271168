"""Memos: up to 32 bytes that a command carries for its readers (daemon contract E.2, I.7)."""

from dataclasses import dataclass

from coda_protocol.base58 import VersionByte, decode_check, encode_check
from coda_protocol.format_error import FormatError

MEMO_BYTES = 32
PAYLOAD_BYTES = 34
_BYTES_TAG = 1


@dataclass(frozen=True, slots=True)
class Memo:
    """`data` is usually UTF-8 but need not be. `str` is the base58check text that JSON carries."""

    data: bytes = b""

    def __post_init__(self) -> None:
        if len(self.data) > MEMO_BYTES:
            raise FormatError("memo", f"at most {MEMO_BYTES} bytes of UTF-8", str(len(self.data)))

    @staticmethod
    def of_text(text: str) -> "Memo":
        """Raises FormatError over 32 bytes, or for a lone surrogate."""
        try:
            return Memo(text.encode())
        except UnicodeEncodeError:
            raise FormatError("memo", "text that UTF-8 can hold", "a lone surrogate") from None

    @staticmethod
    def parse(text: str) -> "Memo":
        """From `E4…` text. Raises FormatError."""
        return Memo.of_payload(decode_check(VersionByte.MEMO, text, size=PAYLOAD_BYTES))

    @staticmethod
    def of_payload(payload: bytes) -> "Memo":
        """From the 34 bytes that are signed. Raises FormatError."""
        if len(payload) != PAYLOAD_BYTES or payload[0] != _BYTES_TAG or payload[1] > MEMO_BYTES:
            raise FormatError("memo", "byte 01, a length up to 32 and 32 bytes", payload[:2].hex() + "…")
        memo = Memo(payload[2 : 2 + payload[1]])
        if memo.payload != payload:
            raise FormatError("memo", "zero bytes after the text", "others")
        return memo

    @property
    def payload(self) -> bytes:
        """Tag, length, text and zeros: 34 bytes."""
        return bytes((_BYTES_TAG, len(self.data))) + self.data.ljust(MEMO_BYTES, b"\0")

    @property
    def text(self) -> str:
        """For people: bytes that are not UTF-8 show as replacement characters."""
        return self.data.decode(errors="replace")

    def __str__(self) -> str:
        return encode_check(VersionByte.MEMO, self.payload)

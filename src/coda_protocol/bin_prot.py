"""The part of OCaml's bin_prot that transaction ids are made of (daemon contract E.3)."""

from coda_protocol.format_error import FormatError

_CODES = {0xFF: 1, 0xFE: 2, 0xFD: 4, 0xFC: 8}  # code byte to bytes that follow


def encode_integer(value: int, *, bits: int) -> bytes:
    """An unsigned value of `bits` bits, written as the signed one of the same bits, in the fewest bytes."""
    if value >> (bits - 1):
        value -= 1 << bits
    if 0 <= value < 0x80:
        return bytes((value,))
    for code, size in _CODES.items():
        limit = 1 << (8 * size - 1)
        if -limit <= value < (0 if size == 1 else limit):
            return bytes((code,)) + value.to_bytes(size, "little", signed=True)
    raise AssertionError(f"{value} does not fit into {bits} bits")


class Reader:
    """Takes a binary value apart, front to back. Every method raises FormatError on what is not there."""

    def __init__(self, kind: str, data: bytes) -> None:
        self._kind, self._data, self._at = kind, data, 0

    def take(self, size: int) -> bytes:
        taken = self._data[self._at : self._at + size]
        if len(taken) < size:
            raise FormatError(
                self._kind, f"{size} bytes at offset {self._at}", f"{len(taken)} before its end"
            )
        self._at += size
        return taken

    def integer(self, *, bits: int) -> int:
        """The unsigned value that `encode_integer` was given."""
        start = self._at
        (code,) = self.take(1)
        if code < 0x80:
            return code
        if code not in _CODES:
            raise FormatError(self._kind, f"an integer at offset {start}", f"byte {code:02x}")
        value = int.from_bytes(self.take(_CODES[code]), "little", signed=True)
        if not -(1 << (bits - 1)) <= value < 1 << (bits - 1):
            raise FormatError(self._kind, f"an integer of {bits} bits at offset {start}", str(value))
        return value % (1 << bits)

    def expect(self, constant: bytes, meaning: str) -> None:
        start = self._at
        taken = self.take(len(constant))
        if taken != constant:
            raise FormatError(self._kind, f"{constant.hex()} ({meaning}) at offset {start}", taken.hex())

    def end(self) -> None:
        if self._at != len(self._data):
            raise FormatError(self._kind, f"{self._at} bytes", str(len(self._data)))

"""Receipt chains: each account's hash over all commands that it ever paid for (daemon contract F, last line).

At proof level `check` it is the real one, legacy Poseidon, a millisecond or two for each command. At `none` a
blake2b hash stands in for it, with the same base58 form: nothing but equality is ever asked of it there. Neither
covers the signature, so an archive's rows are enough to compute them again.
"""

from enum import Enum
from functools import lru_cache

from coda_daemon.digests import digest_of, field_of
from coda_daemon.ledger.command import Command, parse_command
from coda_protocol.base58 import VersionByte
from coda_protocol.hash_text import field_from_text, field_to_text
from coda_protocol.signing import receipt_chain_hash


class ReceiptChain(Enum):
    POSEIDON = "poseidon"
    BLAKE2B = "blake2b"

    def after(self, previous: str, command: Command) -> str:
        """The chain `previous` with a command added; both are base58 texts."""
        if self is ReceiptChain.BLAKE2B:
            digest = digest_of(previous.encode(), command.hash.encode(), purpose=b"coda-receipt")
            return field_to_text(VersionByte.RECEIPT_CHAIN_HASH, field_of(digest))
        return _poseidon(previous, command.id)


@lru_cache(maxsize=4096)  # the producer computes it twice, and so do all nodes of one process
def _poseidon(previous: str, transaction_id: str) -> str:
    field = field_from_text(VersionByte.RECEIPT_CHAIN_HASH, previous)
    command = parse_command(transaction_id).signed.command
    return field_to_text(VersionByte.RECEIPT_CHAIN_HASH, receipt_chain_hash(command, field))

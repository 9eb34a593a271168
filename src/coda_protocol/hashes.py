"""Names of chain objects as they travel in JSON: base58check text, told apart by type."""

from typing import NewType

StateHash = NewType("StateHash", str)  # "3N…": a block's name
LedgerHash = NewType("LedgerHash", str)  # "jw…", "jx…": the root of a ledger
TransactionHash = NewType("TransactionHash", str)  # "5J…"

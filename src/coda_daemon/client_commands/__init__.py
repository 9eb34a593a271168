"""Commands that talk to a running daemon: `coda client`, `accounts`, `ledger`, and some of `advanced` (daemon
contract A.11, J).
"""

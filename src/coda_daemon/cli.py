"""The command `coda`: the daemon and the tools around it (daemon contract A.1, A.11, J)."""

import os
import sys
from collections.abc import Callable, Sequence

_SUBCOMMANDS = {
    "daemon": "run a node",
    "archive run": "store every block that daemons send, in a database",
    "archive prune": "delete old blocks of an archive",
    "archive blocks": "fill an archive's holes from precomputed blocks",
    "archive replay": "replay an archived chain and compare its ledger hashes",
    "archive schema": "print the SQL of the archive's tables",
    "client status": "show what a daemon is and does",
    "client stop-daemon": "stop a daemon",
    "client get-balance": "show the balance of an account",
    "client get-tokens": "list the tokens that a key has accounts of",
    "client send-payment": "send a payment",
    "client delegate-stake": "delegate stake",
    "client cancel-transaction": "replace a pending transaction by one that pays nothing",
    "client set-snark-worker": "start, switch or stop the local SNARK worker",
    "client set-snark-work-fee": "set the price of SNARK work",
    "client export-logs": "have the daemon put its logs into a tar file",
    "client export-local-logs": "the same of a directory, daemon or not",
    "accounts list": "list the keys of the daemon's wallet",
    "accounts create": "make a key in the wallet",
    "accounts import": "take a key file into the wallet",
    "accounts export": "copy a key out of the wallet",
    "accounts unlock": "unlock a key of the wallet",
    "accounts lock": "lock a key of the wallet",
    "ledger export": "print a ledger of the daemon",
    "ledger hash": "print the Merkle root of a ledger in a file",
    "ledger currency": "print the total of a ledger in a file",
    "advanced generate-keypair": "make a key pair and write it to a file",
    "advanced validate-keypair": "check that a key file opens",
    "advanced dump-keypair": "print the key pair of a file",
    "advanced wrap-key": "write a private key, given on stdin, to a file",
    "advanced generate-libp2p-keypair": "as libp2p generate-keypair (name of 1.x)",
    "advanced compile-time-constants": "print what this build assumes where nothing is configured",
    "advanced get-nonce": "print the next nonce of a key",
    "advanced client-trustlist": "show or change who may call the client port",
    "advanced get-peers": "list the daemon's peers",
    "advanced add-peers": "have the daemon dial a peer",
    "advanced set-coinbase-receiver": "choose who gets the coinbases",
    "advanced pooled-user-commands": "print the transactions that wait in the pool",
    "advanced snark-pool-list": "print the SNARK work on offer",
    "advanced pending-snark-work": "print the SNARK work still to be done",
    "advanced runtime-config": "print the runtime configuration in force",
    "advanced time-offset": "print how far block time is behind the clock",
    "advanced hash-transaction": "print the hash of a transaction",
    "libp2p generate-keypair": "make a key pair of the gossip network",
    "libp2p dump-keypair": "print the libp2p key pair of a file",
    "internal dump-structured-events": "print the ids of this build's structured log events",
    "internal snark-worker": "do the SNARK work that a coordinator hands out",
    "runtime-genesis-ledger": "make the genesis ledger's archive and the files beside it",
    "version": "print version information",
}
_PIPE_CLOSED, _INTERRUPTED = 141, 130  # as a shell tells of the signals
_HELP = ("help", "-help", "--help")
_VERSION = ("version", "-version", "--version")


def main() -> int:
    """The console script."""
    try:
        code = run(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read us, such as `head`, has seen enough; what is left must not be tried again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _PIPE_CLOSED
    except KeyboardInterrupt:
        return _INTERRUPTED
    return code


def run(arguments: Sequence[str]) -> int:
    """Run a subcommand and return the exit code."""
    match list(arguments):
        case [first, *_] if first in _VERSION:
            return _tell_version()
        case [_, second] if second in _VERSION[1:]:
            return _tell_version()
        case [_, _, third] if third in _VERSION[1:]:
            return _tell_version()
        case ["daemon", *rest]:
            from coda_daemon.process import run_daemon_process

            return run_daemon_process(rest)
        case ["runtime-genesis-ledger", *rest]:
            from coda_daemon.runtime_genesis_ledger import run_runtime_genesis_ledger

            return run_runtime_genesis_ledger(rest)
        case ["internal", "snark-worker", *rest]:
            from coda_daemon.process import run_snark_worker_process

            return run_snark_worker_process(rest)
        case ["archive", name, *rest] if f"archive {name}" in _SUBCOMMANDS:
            from coda_daemon.process import run_archive_process

            return run_archive_process([name, *rest])
        case [group, name, *rest] if f"{group} {name}" in _SUBCOMMANDS:
            return _found(group, name)(rest)
        case [] | [("help" | "-help" | "--help"), *_]:
            print(_usage(""), file=sys.stdout if arguments else sys.stderr)
            return 0 if arguments else 1
        case [group, *rest] if any(name.startswith(f"{group} ") for name in _SUBCOMMANDS):
            is_asked = bool(rest) and rest[0] in _HELP
            if rest and not is_asked:
                print(f"coda {group}: unknown subcommand {rest[0]}\n", file=sys.stderr)
            print(_usage(f"{group} "), file=sys.stdout if is_asked else sys.stderr)
            return 0 if is_asked else 1
    print(f"coda: unknown subcommand {arguments[0]}\n\n{_usage('')}", file=sys.stderr)
    return 1


def _found(group: str, name: str) -> Callable[[Sequence[str]], int]:
    from coda_daemon import tools

    if tool := tools.find(group, name):
        return tool
    from coda_daemon.client_commands import registry

    command = registry.find(group, name)
    assert command is not None, f"coda {group} {name} is listed, but nobody has it"
    return command.run


def _tell_version() -> int:
    from coda_daemon.build import version_text

    print(version_text())
    return 0


def _usage(prefix: str) -> str:
    """The subcommands whose names begin so."""
    lines = [
        f"  {name.removeprefix(prefix):<33} . {about}"
        for name, about in _SUBCOMMANDS.items()
        if name.startswith(prefix)
    ]
    head = f"Coda Executive's reference daemon\n\n  coda {prefix}SUBCOMMAND\n\n=== subcommands ===\n"
    return "\n".join((head, *lines))

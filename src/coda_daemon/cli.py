"""The command `coda`: the daemon and the tools around it (daemon contract A.1, A.11)."""

import sys
from collections.abc import Callable, Sequence

_USAGE = """Coda Executive's reference daemon

  coda SUBCOMMAND

=== subcommands ===

  daemon                            . run a node
  advanced generate-keypair         . make a key pair and write it to a file
  advanced validate-keypair         . check that a key file opens
  advanced dump-keypair             . print the key pair of a file
  libp2p generate-keypair           . make a key pair of the gossip network
  libp2p dump-keypair               . print the libp2p key pair of a file
  internal dump-structured-events   . print the ids of this build's structured log events
  internal snark-worker             . do the SNARK work that a coordinator hands out
  runtime-genesis-ledger            . make the genesis ledger's archive and the files beside it
  version                           . print version information
"""


def main() -> int:
    """The console script."""
    return run(sys.argv[1:])


def run(arguments: Sequence[str]) -> int:
    """Run a subcommand and return the exit code."""
    match list(arguments):
        case [("version" | "-version" | "--version"), *_]:
            from coda_daemon.build import version_text

            print(version_text())
            return 0
        case ["daemon", ("-version" | "--version")]:
            return run(["version"])
        case ["daemon", *rest]:
            from coda_daemon.process import run_daemon_process

            return run_daemon_process(rest)
        case ["runtime-genesis-ledger", *rest]:
            from coda_daemon.runtime_genesis_ledger import run_runtime_genesis_ledger

            return run_runtime_genesis_ledger(rest)
        case ["internal", "snark-worker", *rest]:
            from coda_daemon.process import run_snark_worker_process

            return run_snark_worker_process(rest)
        case [("internal" | "advanced" | "libp2p") as group, name, *rest]:
            from coda_daemon import tools

            tool: Callable[[Sequence[str]], int] | None = tools.find(group, name)
            if tool is not None:
                return tool(rest)
        case [] | [("help" | "-help" | "--help"), *_]:
            print(_USAGE, file=sys.stdout if arguments else sys.stderr)
            return 0 if arguments else 1
    print(f"coda: unknown subcommand {' '.join(arguments[:2])}\n\n{_USAGE}", file=sys.stderr)
    return 1

"""Finds a client command by its name, loading only what it needs."""

from importlib import import_module

from coda_daemon.client_commands.command import ClientCommand

_MODULES = {
    "client": ("client", "transactions"),
    "accounts": ("accounts",),
    "ledger": ("ledger",),
    "advanced": ("advanced",),
}


def find(group: str, name: str) -> ClientCommand | None:
    """The command `coda GROUP NAME`, or None."""
    for module in _MODULES.get(group, ()):
        commands: tuple[ClientCommand, ...] = import_module(f"coda_daemon.client_commands.{module}").COMMANDS
        for command in commands:
            if command.syntax.name == f"coda {group} {name}":
                return command
    return None

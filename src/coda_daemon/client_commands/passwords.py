"""Passwords of key files: from the environment, or asked on a terminal (daemon contract A.5, J)."""

import os
import sys

from coda_daemon.client_commands.command import CommandFailed


def password_of(purpose: str, *, is_new: bool = False) -> str:
    """`MINA_PRIVKEY_PASS`, or what is typed; a new one is typed twice. Raises CommandFailed."""
    given = os.environ.get("MINA_PRIVKEY_PASS", os.environ.get("CODA_PRIVKEY_PASS"))
    if given is not None:
        return given
    if not sys.stdin.isatty():
        raise CommandFailed(f"{purpose}: set the password in MINA_PRIVKEY_PASS, or run this on a terminal.")
    from getpass import getpass

    try:
        typed = getpass(f"{purpose}: ")
        if is_new and getpass("Again to confirm: ") != typed:
            raise CommandFailed("The two passwords differ; nothing was done.")
    except EOFError:
        raise CommandFailed("No password was given; nothing was done.") from None
    return typed

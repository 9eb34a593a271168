"""A client command: its flags, what it does, and how its failures become exit codes (daemon contract A.8, J)."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from coda_daemon.command_line import Command, Flag, HelpWanted, Kind, UsageError, Value, parse
from coda_protocol.currency import Currency
from coda_protocol.format_error import FormatError
from coda_protocol.keys import PublicKey

REST_SERVER: Final = Flag(
    "rest-server", Kind.TEXT, "URL or port of the daemon's GraphQL (default http://localhost:3085/graphql)"
)
DAEMON_PORT: Final = Flag(
    "daemon-port", Kind.TEXT, "HOST:PORT or PORT of the daemon's client port (default 8301)"
)
PUBLIC_KEY: Final = Flag("public-key", Kind.TEXT, "key of the account", is_required=True)
PRIVKEY_PATH: Final = Flag("privkey-path", Kind.TEXT, "file of the private key", is_required=True)


class CommandFailed(Exception):
    """A command did not do what it should. The message is for its user; `exit_code` is the contract's."""

    exit_code = 1


class Values:
    """What was typed, by flag."""

    def __init__(self, given: Mapping[str, tuple[Value, ...]]) -> None:
        self._given = given

    def __contains__(self, name: str) -> bool:
        return name in self._given

    def text(self, name: str) -> str:
        """The value of a flag that is required."""
        return str(self._given[name][-1])

    def optional(self, name: str) -> str | None:
        return self.text(name) if name in self._given else None

    def public_key(self, name: str) -> str:
        """Raises CommandFailed."""
        return str(_parsed(name, PublicKey.parse, self.text(name)))

    def money(self, name: str, kind: type["_C"]) -> "_C":
        """Decimal coda. Raises CommandFailed."""
        return _parsed(name, kind.of_coda, self.text(name))


_C = TypeVar("_C", bound=Currency)
_T = TypeVar("_T")


def _parsed(name: str, parse_text: Callable[[str], _T], text: str) -> _T:
    try:
        return parse_text(text)
    except FormatError as error:
        raise CommandFailed(f"Could not use -{name}: {error}") from error


@dataclass(frozen=True, slots=True)
class ClientCommand:
    """`act` prints what the command answers, or raises CommandFailed."""

    syntax: Command
    act: Callable[[Values], None]

    def run(self, arguments: Sequence[str]) -> int:
        """Its exit code: 15 or 17 for a daemon that does not answer, 1 for any other failure."""
        try:
            self.act(Values(parse(self.syntax, arguments)))
        except HelpWanted:
            print(self.syntax.usage())
        except UsageError as error:
            print(self.syntax.rejection(error), file=sys.stderr)
            return 1
        except CommandFailed as failure:
            print(failure, file=sys.stderr)
            return failure.exit_code
        return 0


def client_command(
    name: str,
    summary: str,
    act: Callable[[Values], None],
    *flags: Flag,
    anonymous: tuple[str, ...] = (),
) -> ClientCommand:
    return ClientCommand(Command(f"coda {name}", summary, flags, anonymous), act)

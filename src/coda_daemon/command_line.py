"""Flags in the style of Jane Street's Core Command, which Mina's command line follows (daemon contract A.1).

Each flag has the forms `-name` and `--name`; a unique prefix will do; a value is the next argument, never
`-name=value`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What follows a flag."""

    SWITCH = ""
    BOOLEAN = "true|false"
    INTEGER = "N"
    TEXT = "TEXT"


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag; `help` is a phrase. A refused flag is known, but would be a lie: `refusal` says what is
    missing.

    A boolean is refused for `true` only.
    """

    name: str
    kind: Kind
    help: str
    repeats: bool = False
    refusal: str = ""
    is_required: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """A command, its flags, and the names of the arguments that stand alone; those are all required."""

    name: str
    summary: str
    flags: tuple[Flag, ...]
    anonymous: tuple[str, ...] = ()

    def usage(self) -> str:
        shown = " ".join((self.name, *self.anonymous, "[flags]"))
        lines = [f"{self.summary}", "", f"  {shown}", "", "=== flags ===", ""]
        for flag in sorted(self.flags, key=lambda flag: (not flag.is_required, flag.name)):
            head = f"-{flag.name} {flag.kind.value}".rstrip()
            about = f"{flag.help} ({flag.refusal})" if flag.refusal else flag.help
            lines.append(f"  {head if flag.is_required else f'[{head}]'}".ljust(40) + f" . {about}")
        return "\n".join([*lines, "  [-help]".ljust(40) + " . print this help text and exit"])

    def rejection(self, error: "UsageError") -> str:
        """What is said of a command line that is no use of the command: what is wrong comes last, where a reader
        of a log looks.
        """
        return f"{self.usage()}\n\nError parsing command line:\n\n  {error}"


class UsageError(ValueError):
    """What was typed is no use of the command; the message says why."""


class HelpWanted(Exception):
    """`-help` was among the arguments."""


Value = bool | int | str


def parse(command: Command, arguments: Sequence[str]) -> Mapping[str, tuple[Value, ...]]:
    """The values given for each flag and anonymous argument, by its name, in order. Raises UsageError and
    HelpWanted.
    """
    values: dict[str, tuple[Value, ...]] = {}
    awaited = list(command.anonymous)
    rest = iter(arguments)
    for argument in rest:
        if not argument.startswith("-") or argument.strip("-") == "":
            if not awaited:
                raise UsageError(f"too many anonymous arguments: {argument!r}")
            values[awaited.pop(0)] = (argument,)
            continue
        name = argument.removeprefix("-").removeprefix("-")
        if name in ("help", "?"):
            raise HelpWanted
        flag = _find(command, name)
        value = _value(flag, rest)
        if flag.refusal and value is not False:
            raise UsageError(f"-{flag.name} cannot be honoured: {flag.refusal}")
        if flag.name in values and not flag.repeats:
            raise UsageError(f"flag -{flag.name} passed more than once")
        values[flag.name] = (*values.get(flag.name, ()), value)
    if awaited:
        raise UsageError(f"missing anonymous argument: {awaited[0]}")
    for flag in command.flags:
        if flag.is_required and flag.name not in values:
            raise UsageError(f"missing required flag: -{flag.name}")
    return values


def _find(command: Command, name: str) -> Flag:
    for flag in command.flags:
        if flag.name == name:
            return flag
    match [flag for flag in command.flags if flag.name.startswith(name)]:
        case [flag]:
            return flag
        case []:
            raise UsageError(f"unknown flag -{name}")
        case several:
            names = ", ".join(f"-{flag.name}" for flag in several)
            raise UsageError(f"flag -{name} is an ambiguous prefix: {names}")


def _value(flag: Flag, rest: Iterator[str]) -> Value:
    if flag.kind is Kind.SWITCH:
        return True
    text = next(rest, None)
    if text is None:
        raise UsageError(f"missing argument for flag -{flag.name}")
    if flag.kind is Kind.BOOLEAN:
        if text not in ("true", "false"):
            raise UsageError(f"failed to parse -{flag.name} value {text!r}: expected true or false")
        return text == "true"
    if flag.kind is Kind.INTEGER:
        try:
            return int(text)
        except ValueError:
            raise UsageError(f"failed to parse -{flag.name} value {text!r}: expected an integer") from None
    return text

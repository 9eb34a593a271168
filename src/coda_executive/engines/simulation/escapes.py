"""What may not happen in virtual time, and how it is noticed: real I/O, threads, wall clocks and entropy.

The event loop refuses its own methods that reach outside. The audit also lays trip-wires over the functions
of the standard library that read a clock or draw entropy. A name imported before (`from time import
monotonic`) and the clock inside `datetime.now` cannot be caught this way; a clock that is passed in needs
neither.
"""

import functools
import os
import random
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from types import FrameType
from typing import Any, NoReturn

from coda_executive.errors import InternalError

# Modules that are on the way to an escape, not the place that is to be mended.
_WAYS = (
    "asyncio",
    "concurrent",
    "random",
    "uuid",
    "secrets",
    "subprocess",
    "socket",
    "threading",
    "contextlib",
)
_HERE = __name__.rpartition(".")[0]

# Who may read the wall clock all the same: what is written as evidence is stamped with it, nothing is
# decided by it.
_EXEMPT = frozenset({"logging", "coda_executive.support.clock"})

_CLOCKS = ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "sleep")


class EscapedSimulation(InternalError):
    """Code under the simulation's loop reached for the outside world. `site` is where: file, line and
    function.
    """

    def __init__(self, what: str, site: str, instead: str) -> None:
        super().__init__(f"{what} was used in virtual time, at {site}. {instead}")
        self.what, self.site = what, site


def call_site() -> str:
    """`file:line in function` of the innermost caller outside the simulation and the library code on the way
    to it.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if module.partition(".")[0] not in _WAYS and not _is_of_the_loop(module):
            return f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_qualname}"
        frame = frame.f_back
    return "a callback without a Python caller"


def _is_of_the_loop(module: str) -> bool:
    return module in (f"{_HERE}.escapes", f"{_HERE}.event_loop")


class Audit:
    """Trip-wires over clocks, entropy, threads, sockets and processes, for the thread that lays them, until
    they are removed.
    """

    def __init__(self) -> None:
        self._thread = threading.get_ident()
        self._laid = ExitStack()

    def lay(self) -> None:
        clock = "Take the time from loop.time() or an injected clock."
        for name in _CLOCKS:
            self._wire(time, name, f"time.{name}", clock)
        entropy = 'Draw from a named stream: Random(f"{seed}:{label}"), or the host\'s chance.'
        self._wire(os, "urandom", "os.urandom", entropy)
        self._wire(random, "_urandom", "os.urandom", entropy)
        self._wire(uuid, "uuid1", "uuid.uuid1", entropy)
        self._wire(uuid, "uuid4", "uuid.uuid4", entropy)
        for name, function in list(vars(random).items()):
            if getattr(function, "__self__", None) is getattr(random, "_inst", self):
                self._wire(random, name, f"random.{name}", entropy)
        self._wire(
            random.Random,
            "seed",
            "Random() without a seed",
            entropy,
            allowed=lambda _stream, seed=None, *_: seed is not None,
        )
        outside = "Only the host's ports reach out of a simulated node."
        self._wire(threading.Thread, "start", "a thread", outside)
        self._wire(socket.socket, "__init__", "a socket", outside)
        self._wire(subprocess.Popen, "__init__", "a process", outside)

    def remove(self) -> None:
        self._laid.close()

    def _wire(
        self,
        owner: Any,
        name: str,
        what: str,
        instead: str,
        allowed: Callable[..., bool] = lambda *_arguments, **_options: False,
    ) -> None:
        original = getattr(owner, name)

        @functools.wraps(original)
        def tripwire(*arguments: Any, **options: Any) -> Any:
            exempt = threading.get_ident() != self._thread or _caller() in _EXEMPT
            if exempt or allowed(*arguments, **options):
                return original(*arguments, **options)
            raise EscapedSimulation(what, call_site(), instead)

        setattr(owner, name, tripwire)
        self._laid.callback(setattr, owner, name, original)


def _caller() -> str:
    """The module that called the trip-wire."""
    return str(sys._getframe(2).f_globals.get("__name__", ""))


# Methods of an event loop that reach outside.
LOOP_METHODS = (
    "getaddrinfo",
    "getnameinfo",
    "create_connection",
    "create_server",
    "create_unix_connection",
    "create_unix_server",
    "create_datagram_endpoint",
    "connect_accepted_socket",
    "start_tls",
    "sendfile",
    "sock_recv",
    "sock_recv_into",
    "sock_recvfrom",
    "sock_recvfrom_into",
    "sock_sendall",
    "sock_sendto",
    "sock_connect",
    "sock_accept",
    "sock_sendfile",
    "add_reader",
    "remove_reader",
    "add_writer",
    "remove_writer",
    "connect_read_pipe",
    "connect_write_pipe",
    "subprocess_exec",
    "subprocess_shell",
    "run_in_executor",
    "set_default_executor",
    "add_signal_handler",
    "remove_signal_handler",
)


def refusal(name: str) -> Callable[..., NoReturn]:
    def refuse(*_arguments: Any, **_options: Any) -> NoReturn:
        raise EscapedSimulation(
            f"loop.{name}",
            call_site(),
            "Real I/O, threads and virtual time never share a loop; use the host's ports, or another engine.",
        )

    return refuse

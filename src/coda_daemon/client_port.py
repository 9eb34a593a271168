"""The client port: for the command line client, and for SNARK workers (daemon contract A.6, H, J).

It answers callers on the client trust list only: this machine, and the networks of `MINA_CLIENT_TRUSTLIST` and of
the file `client_trustlist` in the configuration directory.
"""

import asyncio
import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from coda_daemon.client_frames import ClientCall, ClientReply, StopDaemon, decode_call
from coda_daemon.log import Log
from coda_daemon.ports import Connection, Listener, Store, Transport
from coda_daemon.snark.coordinator import Coordinator
from coda_daemon.snark.worker_frames import (
    Assigned,
    Call,
    Frame,
    GetWork,
    MalformedWorkerFrame,
    Noted,
    NoWork,
    Refused,
    SubmitWork,
    WorkFailed,
    encode,
)
from coda_daemon.user_error import UserError

_MODULE: Final = "Client_port"
_ALL_ADDRESSES: Final = "0.0.0.0"  # noqa: S104  the contract's; the trust list guards it
MAX_CALL: Final = 32 * 1024 * 1024  # bytes; finished work is the longest
_THIS_MACHINE: Final = ipaddress.ip_network("127.0.0.0/8")

IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


def trust_list(
    environment: Mapping[str, str], store: Store, directory: str | None, *, own: str
) -> tuple[IpNetwork, ...]:
    """Who may call; `own` is this machine's address. Raises UserError for what is no network in CIDR notation."""
    texts = (environment.get("MINA_CLIENT_TRUSTLIST") or environment.get("CODA_CLIENT_TRUSTLIST", "")).split(
        ","
    )
    path = f"{directory}/client_trustlist"
    if directory is not None and store.exists(path):
        texts += re.findall(r"[^\s()]+", store.read(path).decode(errors="replace"))
    try:
        given = tuple(ipaddress.ip_network(text.strip()) for text in texts if text.strip())
    except ValueError as error:
        raise UserError(
            f"The client trust list (MINA_CLIENT_TRUSTLIST, {path}) must hold networks such as 10.0.0.0/8: {error}"
        ) from error
    return (_THIS_MACHINE, *_network_of(own), *given)


def listening_address(bind_ip: str) -> str:
    """All addresses, as the contract has it, unless the node keeps to this machine for its peers too."""
    try:
        return bind_ip if ipaddress.ip_address(bind_ip) in _THIS_MACHINE else _ALL_ADDRESSES
    except ValueError:
        return _ALL_ADDRESSES


def _network_of(address: str) -> tuple[IpNetwork, ...]:
    """The network of one address; none for a name, or the address that means any."""
    try:
        return () if address == _ALL_ADDRESSES else (ipaddress.ip_network(address),)
    except ValueError:
        return ()


def is_trusted(host: str, trusted: Sequence[IpNetwork]) -> bool:
    """Whether a caller's address is in one of the networks."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in trusted)


class ClientPort:
    """Answers workers with what `coordinator` gives at that moment (None: this node sells no work), and the
    command line client with what `answer` says. `nap` is how many seconds a worker rests when there is none.
    """

    def __init__(
        self,
        coordinator: Callable[[], Coordinator | None],
        *,
        answer: Callable[[ClientCall], ClientReply],
        trusted: Sequence[IpNetwork],
        nap: float,
        log: Log,
    ) -> None:
        self._coordinator = coordinator
        self._answer_client = answer
        self._trusted = trusted
        self._nap = nap
        self._log = log
        self._stop = asyncio.Event()

    async def listen(self, transport: Transport, host: str, port: int) -> Listener:
        """Raises OSError as a socket does."""
        return await transport.listen(host, port, self._serve)

    async def told_to_stop(self) -> None:
        """Return once a client asked the daemon to end, and was answered."""
        await self._stop.wait()

    async def _serve(self, connection: Connection) -> None:
        if not is_trusted(connection.remote_host, self._trusted):
            self._log.warn(
                _MODULE,
                "Rejecting a client port connection from $address: it is not on the client trust list",
                address=connection.remote_host,
            )
            connection.close()
            return
        try:
            while (data := await connection.receive(MAX_CALL)) is not None:
                call = decode_call(data)
                await connection.send(encode(self._answer(call)))
                if isinstance(call, StopDaemon):
                    self._stop.set()
        except MalformedWorkerFrame as error:
            self._log.warn(
                _MODULE,
                "Closing a client port connection from $address: $error",
                address=connection.remote_host,
                error=str(error),
            )
        except ConnectionError as error:
            self._log.debug(_MODULE, "A client port connection was lost: $error", error=str(error))
        finally:
            connection.close()

    def _answer(self, call: ClientCall | Call) -> Frame:
        match call:
            case GetWork() | SubmitWork() | WorkFailed():
                return self._answer_worker(call)
            case _:
                return self._answer_client(call)

    def _answer_worker(self, call: Call) -> Frame:
        coordinator = self._coordinator()
        if coordinator is None:
            return Refused("this node sells no SNARK work")
        match call:
            case GetWork():
                spec = coordinator.next_work()
                return NoWork(self._nap) if spec is None else Assigned(spec)
            case SubmitWork(work):
                return Noted() if coordinator.take(work) else Refused("the work is wrong")
            case WorkFailed(statements, error):
                coordinator.failed(statements, error)
                return Noted()

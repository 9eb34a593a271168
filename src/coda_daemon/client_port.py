"""The client port: for the command line client, and for SNARK workers (daemon contract A.6, H, J).

It answers callers on the client trust list only.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec

from coda_daemon.client_frames import (
    Answered,
    ChangeTrusted,
    ClientCall,
    ClientReply,
    DaemonCall,
    ListTrusted,
    StopDaemon,
    decode_call,
)
from coda_daemon.log import Log
from coda_daemon.ports import Connection, Listener, Transport
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
from coda_daemon.trust_list import TrustList

_MODULE: Final = "Client_port"
MAX_CALL: Final = 32 * 1024 * 1024  # bytes; finished work is the longest


class ClientPort:
    """Answers workers with what `coordinator` gives at that moment (None: this node sells no work), and the
    command line client with what `answer` says. `nap` is how many seconds a worker rests when there is none.
    """

    def __init__(
        self,
        coordinator: Callable[[], Coordinator | None],
        *,
        answer: Callable[[DaemonCall], ClientReply],
        trusted: TrustList,
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
        if connection.remote_host not in self._trusted:
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
            case ListTrusted():
                return Answered(msgspec.json.encode([str(network) for network in self._trusted.networks]))
            case ChangeTrusted(network, is_added):
                return self._change_trusted(network, is_added=is_added)
            case _:
                return self._answer_client(call)

    def _change_trusted(self, network: str, *, is_added: bool) -> ClientReply:
        try:
            (self._trusted.add if is_added else self._trusted.remove)(network)
        except (ValueError, OSError) as error:
            return Refused(f"cannot change the client trust list: {error}")
        return Noted()

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

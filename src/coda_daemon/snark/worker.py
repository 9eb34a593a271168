"""A SNARK worker: fetches work from a coordinator, proves, brings the result back (daemon contract A.11, H).

It holds no key: all that it makes is for sale under the coordinator's. The loop ends with SIGTERM, and, if so
told, with its coordinator.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Final, NoReturn

from coda_daemon.log import Log
from coda_daemon.ports import Connection, Host
from coda_daemon.snark.work import ProofLevel, WorkSpec, WrongWorkError, proved
from coda_daemon.snark.worker_frames import (
    Assigned,
    Call,
    GetWork,
    MalformedWorkerFrame,
    Noted,
    NoWork,
    Refused,
    Reply,
    SubmitWork,
    WorkFailed,
    decode_reply,
    encode,
)
from coda_protocol import structured_events

THREADS: Final = "RAYON_NUM_THREADS"
_MODULE: Final = "Snark_worker"
_OVERRIDE: Final = "snark_coordinator"  # a file in the working directory
_MAINNET_RETRY: Final = 10.0  # seconds
_DEV_RETRY: Final = 1.0


class BadAddressError(ValueError):
    """`-daemon-address` or the file `snark_coordinator` names no HOST:PORT."""


class CoordinatorLost(ConnectionError):
    """The coordinator cannot be reached, or went away."""


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """`address` is the coordinator's HOST:PORT; times are in seconds."""

    address: str
    level: ProofLevel
    ends_with_coordinator: bool = True
    proving_time: float = 0.0  # of one proof
    retry: float = _MAINNET_RETRY


def proving_time(environment: Mapping[str, str]) -> float:
    """Seconds that one proof takes: `CODA_PROVING_MS`, which is what one thread needs (0 without it), parted among the
    threads (daemon contract A.5). Raises ValueError.
    """
    text, threads = environment.get("CODA_PROVING_MS", "0"), environment.get(THREADS, "1")
    if not text.isdecimal():
        raise ValueError(f"CODA_PROVING_MS is {text!r}; expected milliseconds as a whole number")
    if not threads.isdecimal() or not int(threads):
        raise ValueError(f"{THREADS} is {threads!r}; expected a number of threads, 1 or more")
    return int(text) / 1000 / int(threads)


def retry_time(environment: Mapping[str, str]) -> float:
    """Seconds between two attempts to reach the coordinator."""
    return _DEV_RETRY if environment.get("CODA_PROFILE") == "dev" else _MAINNET_RETRY


class Worker:
    """The loop, on a host. `run` goes on until cancelled, or raises CoordinatorLost when it ends with its
    coordinator.
    """

    def __init__(self, options: WorkerOptions, host: Host, log: Log) -> None:
        self._options = options
        self._host = host
        self._log = log
        self._chance: Random = host.chance.stream("naps of the SNARK worker")

    async def run(self) -> NoReturn:
        """Raises BadAddressError and CoordinatorLost."""
        while True:
            address = self._address()
            try:
                await self._work_for(address)
            except (OSError, MalformedWorkerFrame) as error:
                # No error: a coordinator that stops, or is switched off, is an everyday thing to its workers.
                self._log.warn(
                    _MODULE,
                    "Error communicating with the coordinator at $address: $error",
                    address=address,
                    error=str(error) or type(error).__name__,
                )
                if self._options.ends_with_coordinator:
                    raise CoordinatorLost(f"the coordinator at {address} is gone: {error}") from error
            await self._nap(self._options.retry, "Trying the coordinator again in $time seconds")

    def _address(self) -> str:
        try:
            return self._host.store.read(_OVERRIDE).decode().strip()
        except OSError:
            return self._options.address

    async def _work_for(self, address: str) -> None:
        """Rounds with one coordinator until the override names another; raises OSError when it is lost."""
        host, _, port = address.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise BadAddressError(f"expected the coordinator's HOST:PORT, found {address!r}")
        connection = await self._host.transport.connect(host, int(port))
        self._log.info(_MODULE, "Connected to the coordinator at $address", address=address)
        try:
            while self._address() == address:
                await self._round(connection, address)
        finally:
            connection.close()

    async def _round(self, connection: Connection, address: str) -> None:
        match await _called(connection, GetWork()):
            case Assigned(spec):
                await self._do(spec, connection, address)
            case NoWork(nap):
                await self._nap(nap, "No jobs available. Napping for $time seconds")
            case Refused(reason):
                raise CoordinatorLost(reason)
            case Noted():
                raise MalformedWorkerFrame("expected work or none, found a bare acknowledgement")

    async def _do(self, spec: WorkSpec, connection: Connection, address: str) -> None:
        work_ids = list(spec.work_ids)
        self._log.info(
            _MODULE,
            "SNARK work $work_ids received from $address. Starting proof generation",
            work_ids=work_ids,
            address=address,
        )
        try:
            await self._prove(spec)
            work = proved(spec, self._options.level)
        except WrongWorkError as error:
            await _called(connection, WorkFailed(spec.statements, str(error)))
            return
        reply = await _called(connection, SubmitWork(work))
        if isinstance(reply, Refused):
            self._log.error(_MODULE, "The coordinator refused the work: $reason", reason=reply.reason)
            return
        self._log.info(
            _MODULE,
            "Submitted completed SNARK work $work_ids to $address",
            work_ids=work_ids,
            address=address,
        )

    async def _prove(self, spec: WorkSpec) -> None:
        """Take the time that the proofs take, one after the other."""
        took = f"{self._options.proving_time:g}s"
        for job in spec.jobs:
            await self._spend(self._options.proving_time)
            if job.parts:
                self._log.event(structured_events.MERGE_SNARK_GENERATED, time=took)
            else:
                self._log.event(
                    structured_events.BASE_SNARK_GENERATED,
                    time=took,
                    transaction_type="signed_command",
                    zkapp_command_count=0,
                    proof_zkapp_command_count=0,
                )

    async def _spend(self, seconds: float) -> None:
        # A simulated machine has one processor, which its workers share; a real one shares by itself.
        spend = getattr(self._host, "spend", None)
        if spend is None:
            await asyncio.sleep(seconds)
        else:
            await spend("SNARK proof", seconds)

    async def _nap(self, least: float, why: str) -> None:
        seconds = least * (1 + self._chance.random() / 2)
        self._log.debug(_MODULE, why, time=f"{seconds:.3f}")
        await asyncio.sleep(seconds)


async def _called(connection: Connection, call: Call) -> Reply:
    await connection.send(encode(call))
    data = await connection.receive()
    if data is None:
        raise CoordinatorLost("it closed the connection")
    return decode_reply(data)

"""Questions over the client port (daemon contract A.6, J)."""

import json
from typing import Any, Final

from coda_daemon.client_commands.command import CommandFailed, Values

_PORT: Final = 8301
_LIMIT: Final = 120.0  # seconds
_LONGEST_ANSWER: Final = 1024 * 1024 * 1024  # bytes: a ledger of millions


class RpcUnreachable(CommandFailed):
    """Nobody answers on the client port (daemon contract A.8)."""

    exit_code = 15

    def __init__(self, host: str, port: int, why: str) -> None:
        super().__init__(
            f"Error: Unable to connect to the daemon at {host}:{port}: {why}\n"
            "- The daemon might not be running. See its log, mina.log in its configuration directory. "
            "Run `coda daemon` to start one.\n"
            "- If you just started it, wait until it says that clients can connect.\n"
            "- If it listens on another port, give that as -daemon-port."
        )


def ask_daemon(values: Values, call: Any) -> Any:
    """The JSON that a call is answered with, None for a bare acknowledgement. Raises CommandFailed."""
    import asyncio

    from coda_daemon.client_frames import Answered, decode_client_reply
    from coda_daemon.snark.worker_frames import MalformedWorkerFrame, Refused, encode
    from coda_daemon.tcp import TcpTransport

    host, port = _address(values.optional("daemon-port") or str(_PORT))

    async def talk() -> bytes | None:
        async with asyncio.timeout(_LIMIT):
            connection = await TcpTransport().connect(host, port)
            try:
                await connection.send(encode(call))
                return await connection.receive(_LONGEST_ANSWER)
            finally:
                connection.close()

    try:
        data = asyncio.run(talk())
        if data is None:
            raise RpcUnreachable(
                host, port, "it closed the connection; is this machine on its client trust list?"
            )
        reply = decode_client_reply(data)
    except TimeoutError as error:
        raise RpcUnreachable(host, port, f"no answer within {_LIMIT:g} s") from error
    except (OSError, MalformedWorkerFrame) as error:
        raise RpcUnreachable(host, port, str(error)) from error
    match reply:
        case Refused(reason):
            raise CommandFailed(f"Error: {reason}")
        case Answered(body):
            return json.loads(body)
    return None


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise CommandFailed(f"Could not use -daemon-port: expected HOST:PORT or PORT, found {text!r}")
    return host or "127.0.0.1", int(port)

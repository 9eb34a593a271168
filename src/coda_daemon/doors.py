"""All that a daemon listens on for its users: client port and HTTP (daemon contract A.6)."""

from collections.abc import AsyncIterator, Awaitable
from contextlib import ExitStack, asynccontextmanager, closing
from typing import Final

from coda_daemon.client_port import ClientPort, listening_address
from coda_daemon.ports import Host, Listener
from coda_daemon.rest import DaemonView, Rest
from coda_daemon.settings import MODULE
from coda_daemon.user_error import UserError

_LOOPBACK: Final = "127.0.0.1"
_ALL_ADDRESSES: Final = "0.0.0.0"  # noqa: S104  where the user asks for it


@asynccontextmanager
async def open_doors(view: DaemonView, clients: ClientPort, host: Host) -> AsyncIterator[None]:
    """Listen for the length of a block. Raises UserError for a port that cannot be had."""
    arguments, settings = view.arguments, view.settings
    rest = Rest(view)
    with ExitStack() as doors:

        async def hold(flag: str, port: int, opening: Awaitable[Listener]) -> None:
            try:
                doors.enter_context(closing(await opening))
            except OSError as error:
                raise UserError(f"Cannot listen on -{flag} {port}: {error}") from error

        port = settings.client_port
        await hold(
            "client-port", port, clients.listen(host.transport, listening_address(arguments.bind_ip), port)
        )
        address = _ALL_ADDRESSES if arguments.insecure_rest_server else _LOOPBACK
        port = settings.rest_port
        await hold("rest-port", port, host.http.serve(address, port, rest.handle))
        view.log.info(MODULE, f"Created GraphQL server at: http://localhost:{port}/graphql")
        yield

"""All that a daemon listens on for its users: client port and HTTP (daemon contract A.6)."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager, closing

from coda_daemon.client_port import ClientPort
from coda_daemon.metrics import daemon_metrics, metrics_handler, network_metrics
from coda_daemon.ports import Host, Listener, Request, Response
from coda_daemon.rest import DaemonView, Rest
from coda_daemon.settings import MODULE
from coda_daemon.trust_list import listening_address
from coda_daemon.user_error import UserError

Handler = Callable[[Request], Awaitable[Response]]


@asynccontextmanager
async def open_doors(view: DaemonView, clients: ClientPort, host: Host) -> AsyncIterator[None]:
    """Listen for the length of a block. Raises UserError for a port that cannot be had."""
    arguments, settings, log = view.arguments, view.settings, view.log
    own = listening_address(arguments.bind_ip)
    with ExitStack() as doors:

        async def hold(flag: str, port: int, opening: Awaitable[Listener]) -> None:
            try:
                doors.enter_context(closing(await opening))
            except OSError as error:
                raise UserError(f"Cannot listen on -{flag} {port}: {error}") from error

        async def serve(flag: str, address: str, port: int | None, handler: Handler) -> None:
            if port is not None:
                await hold(flag, port, host.http.serve(address, port, handler))

        await hold(
            "client-port", settings.client_port, clients.listen(host.transport, own, settings.client_port)
        )
        port = settings.rest_port
        await serve("rest-port", _reach(arguments.insecure_rest_server), port, Rest(view).handle)
        log.info(MODULE, f"Created GraphQL server at: http://localhost:{port}/graphql")
        handler: Handler = Rest(view, is_limited=True).handle
        if limited := settings.limited_rest_port:
            await serve("limited-graphql-port", _reach(arguments.open_limited_graphql_port), limited, handler)
            log.info(
                MODULE, f"Created GraphQL server with limited queries at: http://localhost:{limited}/graphql"
            )
        handler = metrics_handler(lambda: daemon_metrics(view))
        await serve("metrics-port", own, settings.metrics_port, handler)
        handler = metrics_handler(lambda: network_metrics(view))
        await serve("libp2p-metrics-port", own, settings.libp2p_metrics_port, handler)
        yield


def _reach(is_open: bool) -> str:
    return "0.0.0.0" if is_open else "127.0.0.1"  # noqa: S104  asked for by the user

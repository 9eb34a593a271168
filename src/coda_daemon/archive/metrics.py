"""What an archive tells Prometheus, by the names of the real one."""

from typing import Final

from coda_daemon.ports import ArchiveStore, Request
from coda_daemon.web import Response, text_response

DEFAULT_WIDTH: Final = 2000  # blocks

_QUERIES: Final = {
    "unparented_blocks": "SELECT count(*) FROM blocks WHERE parent_id IS NULL",
    "max_block_height": "SELECT coalesce(max(height), 0) FROM blocks",
}
_HEIGHTS: Final = "SELECT count(DISTINCT height) FROM blocks WHERE height >= $1"


class Metrics:
    """Answers `/metrics`; missing blocks are counted among the highest `width` heights."""

    def __init__(self, store: ArchiveStore, *, width: int) -> None:
        self._store = store
        self._width = width

    async def handle(self, request: Request) -> Response:
        if request.path != "/metrics":
            return text_response(404, "expected /metrics\n")
        values = {}
        try:
            for name, query in _QUERIES.items():
                ((values[name],),) = await self._store.fetch(query)
            first = max(1, values["max_block_height"] - self._width + 1)
            ((there,),) = await self._store.fetch(_HEIGHTS, first)
        except OSError as error:
            return text_response(503, f"{error}\n")
        expected = max(0, values["max_block_height"] - first + 1)
        values["missing_blocks"] = expected - there
        return text_response(200, "".join(f"Mina_Archive_{name} {value}\n" for name, value in values.items()))

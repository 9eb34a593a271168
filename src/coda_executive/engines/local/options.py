"""What a user may set of the local engine."""

from typing import Annotated

import msgspec


class LocalOptions(msgspec.Struct, frozen=True, kw_only=True):
    """All times are in seconds."""

    stop_limit: Annotated[
        float,
        msgspec.Meta(
            gt=0, description="Seconds that a node may take to end on SIGTERM before it gets SIGKILL."
        ),
    ] = 10.0
    boot_allowance: (
        Annotated[
            float,
            msgspec.Meta(
                ge=0,
                description="Seconds from the start of the nodes to genesis; by default what their start needs.",
            ),
        ]
        | None
    ) = None
    handshake_limit: Annotated[
        float,
        msgspec.Meta(gt=0, description="Seconds that the daemon may take to say its version and its events."),
    ] = 60.0
    ready_limit: Annotated[
        float,
        msgspec.Meta(
            gt=0, description="How long an archive, or a daemon with workers, may take to be ready for use."
        ),
    ] = 60.0
    archive_uri: (
        Annotated[
            str,
            msgspec.Meta(
                pattern="^postgres(ql)?://",
                description="PostgreSQL server for archives, as a user who may create databases; by default one of the "
                "run's own where PostgreSQL is installed, else SQLite.",
            ),
        ]
        | None
    ) = None

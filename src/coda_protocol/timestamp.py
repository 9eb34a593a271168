"""Instants as configuration files write them (daemon contract B, number formats)."""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Self

from coda_protocol.format_error import FormatError

_UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ZONE_WHEN_NONE_IS_GIVEN = timezone(timedelta(hours=-8))
_DATE_AND_TIME = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d([.,]\d{1,9})?)?\s?(Z|z|[+-]\d\d(:?\d\d)?)?", re.ASCII
)


class Timestamp(int):
    """Milliseconds since the Unix epoch."""

    __slots__ = ()

    @classmethod
    def of_text(cls, text: str) -> Self:
        """Parse ISO 8601 or `%Y-%m-%d %H:%M:%S%z`; a text without a zone means UTC−8. Raises FormatError.

        What is below a millisecond is cut off.
        """
        expected = 'date and time with a zone such as "2024-05-01T12:00:00Z"'
        if not _DATE_AND_TIME.fullmatch(text):
            raise FormatError("timestamp", expected, repr(text[:40]))
        try:
            instant = datetime.fromisoformat(re.sub(r"\s(?=[Zz+-])", "", text).replace("z", "Z"))
        except ValueError as error:
            raise FormatError("timestamp", expected, f"{text!r} ({error})") from None
        if instant.tzinfo is None:
            instant = instant.replace(tzinfo=_ZONE_WHEN_NONE_IS_GIVEN)
        return cls((instant - _UNIX_EPOCH) // timedelta(milliseconds=1))

    @property
    def text(self) -> str:
        """ISO 8601 in UTC, with milliseconds where there are any; `of_text` reads it back."""
        instant = _UNIX_EPOCH + timedelta(milliseconds=int(self))
        return (
            instant.replace(tzinfo=None).isoformat(timespec="milliseconds" if self % 1000 else "seconds")
            + "Z"
        )

    def __repr__(self) -> str:
        return f"Timestamp.of_text({self.text!r})"

"""Amazon's request signature, version 4, for requests to S3. Pure.

The scheme is public (Amazon S3 API reference, "Authenticating Requests: Using the Authorization Header").
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from urllib.parse import quote

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Neither secret is ever shown."""

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class S3Request:
    """`path` begins with a slash; path and query are as meant, not yet quoted. Header names are lower case."""

    method: str
    host: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def target(self) -> str:
        """Path and query as they go over the wire, which is how they are signed."""
        return f"{quote(self.path, safe='/-_.~')}?{self._quoted_query}".removesuffix("?")

    @property
    def _quoted_query(self) -> str:
        pairs = ((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in self.query.items())
        return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def signed_headers(
    request: S3Request, credentials: Credentials, *, region: str, now: datetime
) -> dict[str, str]:
    """All headers to send, `authorization` among them. `now` is in UTC; servers allow it 15 minutes of error."""
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    payload_hash = sha256(request.body).hexdigest()
    headers = {
        **request.headers,
        "host": request.host,
        "x-amz-content-sha256": payload_hash,
        "x-amz-date": stamp,
    }
    if credentials.session_token is not None:
        headers["x-amz-security-token"] = credentials.session_token
    names = ";".join(sorted(headers))
    canonical = "\n".join(
        (
            request.method,
            quote(request.path, safe="/-_.~"),
            request._quoted_query,
            *(f"{name}:{' '.join(headers[name].split())}" for name in sorted(headers)),
            "",
            names,
            payload_hash,
        )
    )
    scope = f"{stamp[:8]}/{region}/s3/aws4_request"
    to_sign = "\n".join((_ALGORITHM, stamp, scope, sha256(canonical.encode()).hexdigest()))
    key = f"AWS4{credentials.secret_key}".encode()
    for part in (stamp[:8], region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    headers["authorization"] = (
        f"{_ALGORITHM} Credential={credentials.access_key}/{scope},SignedHeaders={names},Signature={signature}"
    )
    return headers

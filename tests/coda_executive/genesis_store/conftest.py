"""A real S3-speaking server in a process of its own: moto, which checks every request's signature."""

import json
import os
import re
import subprocess
import sys
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

BUCKET = "genesis-files"
_REGION = "us-east-1"
_POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
_OPEN_REQUESTS = 4  # as many as `_prepare` makes; moto checks none of these and all later ones


@dataclass(frozen=True)
class S3Server:
    """Where it listens, and what opens it, as a user's environment would hold it."""

    endpoint: str
    environment: dict[str, str]


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    arguments = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    environment = {**os.environ, "INITIAL_NO_AUTH_ACTION_COUNT": str(_OPEN_REQUESTS)}
    with subprocess.Popen(
        arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stderr is not None
        # It writes a line for each request; unread, they would fill the pipe and stop it.
        drain = threading.Thread(target=process.stderr.read)
        try:
            endpoint = _endpoint(iter(process.stderr.readline, ""))
            drain.start()
            yield S3Server(endpoint, _prepare(endpoint))
        finally:
            process.terminate()
            if drain.ident is not None:
                drain.join()


def _endpoint(lines: Iterator[str]) -> str:
    """The address that the server tells once it listens: it chose the port itself."""
    seen = []
    for line in lines:
        seen.append(line)
        if match := re.search(r"Running on (http://127\.0\.0\.1:\d+)", line):
            return match[1]
    raise AssertionError("".join(seen))


def _prepare(endpoint: str) -> dict[str, str]:
    """A user who may do everything, a key of theirs, and a bucket."""
    _ask_iam(endpoint, Action="CreateUser", UserName="tester")
    _ask_iam(
        endpoint,
        Action="PutUserPolicy",
        UserName="tester",
        PolicyName="all",
        PolicyDocument=json.dumps(_POLICY),
    )
    key = _ask_iam(endpoint, Action="CreateAccessKey", UserName="tester")
    with urllib.request.urlopen(urllib.request.Request(f"{endpoint}/{BUCKET}", method="PUT")):
        pass
    names = {"AWS_ACCESS_KEY_ID": "AccessKeyId", "AWS_SECRET_ACCESS_KEY": "SecretAccessKey"}
    found = {name: re.search(f"<{tag}>(.*?)</{tag}>", key) for name, tag in names.items()}
    return {name: match[1] for name, match in found.items() if match}


def _ask_iam(endpoint: str, **form: str) -> str:
    # moto tells its services apart by the scope that a request claims to be signed for.
    scope = f"AWS4-HMAC-SHA256 Credential=any/20240101/{_REGION}/iam/aws4_request, SignedHeaders=host, Signature=0"
    body = urllib.parse.urlencode({"Version": "2010-05-08", **form}).encode()
    request = urllib.request.Request(endpoint, data=body, headers={"Authorization": scope})
    with urllib.request.urlopen(request) as reply:
        text: str = reply.read().decode()
        return text

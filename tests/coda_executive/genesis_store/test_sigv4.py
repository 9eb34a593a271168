"""Signatures against the examples in Amazon's S3 API reference (its credentials are public, and nobody's)."""

from datetime import UTC, datetime

import pytest

from coda_executive.genesis_store.sigv4 import Credentials, S3Request, signed_headers

CREDENTIALS = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
NOW = datetime(2013, 5, 24, tzinfo=UTC)
HOST = "examplebucket.s3.amazonaws.com"


@pytest.mark.parametrize(
    ("request_", "signature"),
    [
        (
            S3Request("GET", HOST, "/test.txt", headers={"range": "bytes=0-9"}),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            S3Request(
                "PUT",
                HOST,
                "/test$file.text",
                headers={
                    "date": "Fri, 24 May 2013 00:00:00 GMT",
                    "x-amz-storage-class": "REDUCED_REDUNDANCY",
                },
                body=b"Welcome to Amazon S3.",
            ),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
        (
            S3Request("GET", HOST, "/", {"lifecycle": ""}),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        (
            S3Request("GET", HOST, "/", {"max-keys": "2", "prefix": "J"}),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ],
)
def test_every_published_example_is_signed_as_published(request_: S3Request, signature: str) -> None:
    headers = signed_headers(request_, CREDENTIALS, region="us-east-1", now=NOW)
    assert headers["authorization"].endswith(f",Signature={signature}")
    assert "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request," in headers["authorization"]


def test_a_session_token_is_sent_and_signed() -> None:
    with_token = Credentials(CREDENTIALS.access_key, CREDENTIALS.secret_key, "token")
    headers = signed_headers(S3Request("GET", HOST, "/"), with_token, region="us-east-1", now=NOW)
    assert headers["x-amz-security-token"] == "token"
    assert ";x-amz-security-token," in headers["authorization"]


def test_the_target_is_quoted_as_it_is_signed() -> None:
    request = S3Request("GET", HOST, "/a b/ü", {"prefix": "x/y", "a": "1 2"})
    assert request.target == "/a%20b/%C3%BC?a=1%202&prefix=x%2Fy"
    assert S3Request("GET", HOST, "/a").target == "/a"


def test_credentials_never_show() -> None:
    shown = repr(Credentials("AKIA", "secret", "token"))
    assert not any(word in shown for word in ("AKIA", "secret", "token='"))

"""Signatures of OAuth requests, against what another implementation signs."""

import pytest

from monostack.services.identity.oauth1.signature import base_string, sign

GIVEN = {
    "oauth_nonce": "7d8f3e4a", "oauth_timestamp": "1371312000", "oauth_version": "1.0", "oauth_consumer_key": "9djdj82h48djs9d2",
    "oauth_token": "kkk9d7dh3k39sjv7", "oauth_callback": "oob", "realm": "not signed", "oauth_signature": "nor is this",
}  # fmt: skip
URL = "HTTP://Example.com:80/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b&a3=2+q"


@pytest.mark.parametrize(
    ("method", "signature"),
    [
        ("HMAC-SHA1", "YjiCSGwyhbvwGqI8bBJ+B9rxoQo="),
        ("HMAC-SHA256", "OSh3aRCVnkcb7fL5eilxxKXSR4nfGGMfFokN2URys10="),
        ("HMAC-SHA512", "6f0jxXOrj85BT8mFXD5hEZCcu8UDpDyd0ldmEG4rfackvyk5una63F40r4GvB5qXjAUSYT50j5ha7+f6NkN0Qw=="),
    ],
)
def test_signs_as_others_do(method: str, signature: str) -> None:
    base = base_string("post", URL, {**GIVEN, "oauth_signature_method": method})
    assert sign(method, base, "j49sk3j29djd", "dh893hdasih9") == signature


def test_no_signature_with_a_key_consumers_do_not_have() -> None:
    assert sign("RSA-SHA1", "POST&x&y", "", "") == ""

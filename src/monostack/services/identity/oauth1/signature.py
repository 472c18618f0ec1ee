"""Signed requests: RFC 5849, with the checks and the words of the library that Keystone uses (oauthlib).

Consumers have no RSA keys, so signatures made with one are never right. Nonces are not remembered, as in Keystone: each signed call but
the login can succeed once only.
"""

import base64
import hmac
import string
from collections.abc import Mapping
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from monostack.core import clock
from monostack.core.errors import BadRequest
from monostack.http import Request
from monostack.services.identity.dialect import expecting

WINDOW = 600  # seconds by which the clocks may differ
METHODS = ("HMAC-SHA1", "HMAC-SHA256", "HMAC-SHA512", "RSA-SHA1", "RSA-SHA256", "RSA-SHA512", "PLAINTEXT")
_HEX = set("abcdef" + string.digits)


def parameters(request: Request) -> dict[str, str]:
    """What the Authorization header says. Raises BadRequest when it is missing or not of OAuth (Keystone fails with a 500 then)."""
    scheme, _, rest = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "oauth":
        raise expecting("an OAuth Authorization header", "request")
    found: dict[str, str] = {}
    for part in rest.split(","):
        name, _, value = part.strip().partition("=")
        found[unquote(name)] = unquote(value.strip('"'))
    return found


def required(given: Mapping[str, str], *names: str) -> list[str]:
    """The values of these parameters. Raises BadRequest for the first that is missing."""
    for name in names:
        if not given.get(name):
            raise expecting(name, "request")
    return [given[name] for name in names]


def _invalid(text: str, error: str = "invalid_request") -> BadRequest:
    return BadRequest(f"Validation failed with errors: {error}, detail message is: {text}.")


def check(given: Mapping[str, str]) -> None:
    """Raises BadRequest unless the parameters could be those of a request signed a moment ago."""
    wanted = ("oauth_signature", "oauth_consumer_key", "oauth_nonce", "oauth_timestamp", "oauth_signature_method")
    if not all(given.get(name) for name in wanted):
        raise _invalid("Missing mandatory OAuth parameters.")
    if given["oauth_signature_method"] not in METHODS:
        raise _invalid(f"Invalid signature, {given['oauth_signature_method']} not in {METHODS!r}.", "invalid_signature_method")
    if given.get("oauth_version", "1.0") != "1.0":
        raise _invalid("Invalid OAuth version.")
    moment = given["oauth_timestamp"]
    if len(moment) != 10:
        raise _invalid("Invalid timestamp size")
    if not (moment.isascii() and moment.isdecimal()):
        raise _invalid("Timestamp must be an integer.")
    if abs(clock.timestamp() - int(moment)) > WINDOW:
        raise _invalid(f"Timestamp given is invalid, differ from allowed by over {WINDOW} seconds.")
    if len(given["oauth_consumer_key"]) != 32 or not set(given["oauth_consumer_key"]) <= _HEX:
        raise _invalid("Invalid client key format.")
    if not set(given["oauth_nonce"]) <= _HEX:
        raise _invalid("Invalid nonce format.")


def _escaped(text: str) -> str:
    return quote(text, safe="~")


def base_string(method: str, url: str, given: Mapping[str, str]) -> str:
    """What is signed (RFC 5849, 3.4.1)."""
    parts = urlsplit(url)
    host, port = (parts.hostname or "").lower(), parts.port
    if port is not None and (parts.scheme, port) not in (("http", 80), ("https", 443)):
        host += f":{port}"
    pairs = [(name, value) for name, value in given.items() if name not in ("realm", "oauth_signature")]
    pairs += parse_qsl(parts.query, keep_blank_values=True)
    listed = "&".join(f"{name}={value}" for name, value in sorted((_escaped(name), _escaped(value)) for name, value in pairs))
    return "&".join(_escaped(text) for text in (method.upper(), f"{parts.scheme.lower()}://{host}{parts.path or '/'}", listed))


def sign(method: str, base: str, secret: str, token_secret: str) -> str:
    """The signature of a base string, empty for a method that is none of the consumers'."""
    key = f"{_escaped(secret)}&{_escaped(token_secret)}"
    if method == "PLAINTEXT":
        return key
    if not method.startswith("HMAC-"):
        return ""
    return base64.b64encode(hmac.digest(key.encode(), base.encode(), method.removeprefix("HMAC-").lower())).decode()


def is_right(request: Request, given: Mapping[str, str], secret: str, token_secret: str = "") -> bool:
    """Whether who sent the request knows both secrets."""
    query = f"?{request.query_string}" if request.query_string else ""
    base = base_string(request.method, f"{request.app_url}{request.path}{query}", given)
    right = sign(given["oauth_signature_method"], base, secret, token_secret)
    return right != "" and hmac.compare_digest(right.encode(), given["oauth_signature"].encode())


def check_callback(given: Mapping[str, str]) -> None:
    """Raises BadRequest unless it says where the user is to be sent, which is nowhere: `oob`."""
    if not given.get("oauth_callback"):
        raise _invalid("Missing callback URI.")

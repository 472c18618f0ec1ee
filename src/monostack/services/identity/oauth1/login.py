"""Logging in with an access token: the method `oauth1` of POST /v3/auth/tokens, whose proof is the signature of the request."""


from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.services.identity.credentials.table import opened
from monostack.services.identity.moments import has_passed
from monostack.services.identity.oauth1 import signature
from monostack.services.identity.oauth1.table import find_access_token, find_consumer


def signed_by(request: Request, tx: Transaction) -> Row | None:
    """The access token the request is rightly signed with, or None. Raises NotFound for an unknown one, BadRequest for no signature."""
    given = signature.parameters(request)
    (token_id,) = signature.required(given, "oauth_token")
    token = find_access_token(tx, token_id)
    signature.check(given)
    consumer = find_consumer(tx, token.consumer_id)
    known = opened(request.cloud, consumer.sealed_secret), opened(request.cloud, token.sealed_secret)
    right = signature.is_right(request, given, *known) and given["oauth_consumer_key"] == token.consumer_id
    return token if right and not has_passed(token.expires_at) else None

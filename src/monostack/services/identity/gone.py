"""What earlier versions of the API had and no cloud has any more: certificates of tokens that were signed (OS-SIMPLE-CERT)."""

from typing import Any

from monostack.core.errors import Gone
from monostack.db import Transaction
from monostack.http import Request, Routes
from monostack.http.answers import REFUSED

routes = Routes("/v3/OS-SIMPLE-CERT")


def show_certificates(request: Request, tx: Transaction) -> Any:
    """Say that tokens are not signed with certificates any more."""
    raise Gone("This API is no longer available due to the removal of support for PKI tokens.")


routes.add("GET", "/ca", show_certificates, "read", public=True, answer=REFUSED)
routes.add("GET", "/certificates", show_certificates, "read", public=True, answer=REFUSED)

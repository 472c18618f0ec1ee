"""What may not be done with a token that was obtained by a delegation: a trust or an application credential.

Else whoever got hold of a narrow one could make a lasting or wider one of it.
"""

from monostack.core.errors import Forbidden
from monostack.http import Request
from monostack.services.identity.dialect import FORBIDDEN, forbidden_action

APPLICATION_CREDENTIAL = "application_credential"


def is_delegated(request: Request) -> bool:
    return request.caller.trust_id is not None or APPLICATION_CREDENTIAL in request.caller.methods


def forbid_credentials(request: Request) -> None:
    """No delegated token reads or changes credentials."""
    if is_delegated(request):
        raise Forbidden(forbidden_action("Delegated tokens cannot access credentials directly"))


def forbid_trusts(request: Request) -> None:
    """Application credentials do not manage trusts. Trusts do: that is redelegation."""
    if APPLICATION_CREDENTIAL in request.caller.methods:
        raise Forbidden(forbidden_action("Delegated tokens cannot manage trusts."))


def forbid_application_credentials(request: Request) -> None:
    """Trusts do not manage application credentials, which would outlive them."""
    if request.caller.trust_id is not None:
        raise Forbidden(FORBIDDEN)


def require_unrestricted(request: Request) -> None:
    """Only an unrestricted application credential makes or deletes others."""
    if APPLICATION_CREDENTIAL in request.caller.methods and not request.caller.unrestricted:
        raise Forbidden(
            forbidden_action("Using method 'application_credential' is not allowed for managing additional application credentials.")
        )

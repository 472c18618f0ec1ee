"""What may not be done with a token that was obtained by a delegation: a trust, an application credential or an OAuth access token.

Else whoever got hold of a narrow one could make a lasting or wider one of it.
"""

from monostack.core.errors import Forbidden
from monostack.http import Request
from monostack.services.identity.dialect import FORBIDDEN, forbidden_action

APPLICATION_CREDENTIAL = "application_credential"
PRIMARY = frozenset({"password", "token", "totp"})  # ways to log in that are no delegation


def is_delegated(request: Request) -> bool:
    return request.caller.trust_id is not None or not PRIMARY.issuperset(request.caller.methods)


def forbid_credentials(request: Request) -> None:
    """No delegated token reads or changes credentials."""
    if is_delegated(request):
        raise Forbidden(forbidden_action("Delegated tokens cannot access credentials directly"))


def forbid_trusts(request: Request) -> None:
    """Application credentials and OAuth consumers do not manage trusts. Trusts do: that is redelegation."""
    if not PRIMARY.issuperset(request.caller.methods):
        raise Forbidden(forbidden_action("Delegated tokens cannot manage trusts."))


def forbid_application_credentials(request: Request) -> None:
    """Trusts and OAuth consumers do not manage application credentials, which would outlive what they were allowed."""
    if request.caller.trust_id is not None or "oauth1" in request.caller.methods:
        raise Forbidden(FORBIDDEN)


def require_unrestricted(request: Request) -> None:
    """Only an unrestricted application credential makes or deletes others."""
    if APPLICATION_CREDENTIAL in request.caller.methods and not request.caller.unrestricted:
        raise Forbidden(
            forbidden_action("Using method 'application_credential' is not allowed for managing additional application credentials.")
        )

"""Faults: what may go wrong, by HTTP status, independent of the dialect each service words it in.

`kind` is the stable machine-readable name: Neutron's exception type, Placement's error code. Where a service has no use for it,
it is left at the class's default. A message names the cause and, where the reader can act, the next action.
"""

from collections.abc import Mapping


class Fault(Exception):
    """An answer other than success. Raised anywhere below the HTTP kernel; rendered by the service's dialect."""

    status = 500
    kind = "InternalError"

    def __init__(self, message: str = "", *, kind: str | None = None, headers: Mapping[str, str] | None = None, detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        if kind is not None:
            self.kind = kind
        self.headers = dict(headers) if headers else {}
        self.detail = detail


class BadRequest(Fault):
    status = 400
    kind = "BadRequest"


class Unauthorized(Fault):
    status = 401
    kind = "Unauthorized"


class Forbidden(Fault):
    status = 403
    kind = "Forbidden"


class PolicyNotAuthorized(Forbidden):
    """The caller's roles do not allow the rule `rule`."""

    kind = "PolicyNotAuthorized"

    def __init__(self, rule: str, message: str | None = None) -> None:
        super().__init__(message if message is not None else f"Policy doesn't allow {rule} to be performed.")
        self.rule = rule


class NotFound(Fault):
    status = 404
    kind = "NotFound"


class MethodNotAllowed(Fault):
    status = 405
    kind = "MethodNotAllowed"


class NotAcceptable(Fault):
    status = 406
    kind = "NotAcceptable"


class Conflict(Fault):
    status = 409
    kind = "Conflict"


class Gone(Fault):
    """Part of the API that OpenStack itself has given up."""

    status = 410
    kind = "Gone"


class LengthRequired(Fault):
    status = 411
    kind = "LengthRequired"


class PreconditionFailed(Fault):
    status = 412
    kind = "PreconditionFailed"


class TooLarge(Fault):
    status = 413
    kind = "RequestTooLarge"


class UnsupportedMediaType(Fault):
    status = 415
    kind = "UnsupportedMediaType"


class RangeNotSatisfiable(Fault):
    status = 416
    kind = "RangeNotSatisfiable"


class NotBuilt(Fault):
    """Part of the API that Monostack does not serve."""

    status = 501
    kind = "NotImplemented"


class Unavailable(Fault):
    status = 503
    kind = "ServiceUnavailable"

"""Faults in Cinder's words that more than one resource uses."""

from collections.abc import Iterable

from monostack.core.errors import BadRequest, Conflict, NotFound, TooLarge

ZONE = "nova"  # the availability zone of everything
MALFORMED = "The server could not comply with the request since it is either malformed or otherwise incorrect."

NO_SUCH_ACTION = "There is no such action: {name}. Verify the request body and Content-Type header and try again."


def either(values: str | Iterable[str]) -> str:
    """ "available or in-use"."""
    return values if isinstance(values, str) else " or ".join(values)


def malformed() -> BadRequest:
    """What Cinder says when it does not say what is wrong."""
    return BadRequest(MALFORMED)


def invalid_input(reason: str) -> BadRequest:
    return BadRequest(f"Invalid input received: {reason}", kind="InvalidInput", detail=reason)


def invalid_volume(reason: str) -> BadRequest:
    return BadRequest(f"Invalid volume: {reason}", kind="InvalidVolume", detail=reason)


def invalid_snapshot(reason: str) -> BadRequest:
    return BadRequest(f"Invalid snapshot: {reason}", kind="InvalidSnapshot", detail=reason)


def invalid_type(reason: str) -> BadRequest:
    return BadRequest(f"Invalid volume type: {reason}", kind="InvalidVolumeType", detail=reason)


def conflict(reason: str) -> Conflict:
    return Conflict(f"Resource conflict: {reason}", kind="ResourceConflict", detail=reason)


def exceeded(kind: str, text: str) -> TooLarge:
    """A quota that is used up: 413, with the name of Cinder's exception in front."""
    return TooLarge(f"{kind}: {text}", kind=kind, detail=text, headers={"retry-after": "0"})


def missing(what: str, id: str) -> NotFound:
    """ "Volume 1234 could not be found."."""
    return NotFound(f"{what} {id} could not be found.", kind=f"{what.title().replace(' ', '')}NotFound")

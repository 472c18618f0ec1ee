"""What holds for an image's attributes however they are set."""

from collections.abc import Collection, Mapping
from typing import Any

from monostack.core.errors import BadRequest, Forbidden, TooLarge
from monostack.http import Request
from monostack.services.image.policy import enforce

MAX_NAME = 255
MAX_PROPERTIES = MAX_TAGS = MAX_MEMBERS = 128
RESERVED = ("location", "deleted", "deleted_at")
RESERVED_PREFIX = "os_glance"
_MAX_INT = 2**31 - 1


def check_not_reserved(name: str) -> None:
    if name in RESERVED or name.startswith(RESERVED_PREFIX):
        raise Forbidden(detail=f"Attribute '{name}' is reserved.")


def check_visibility(request: Request, visibility: str, target: Mapping[str, Any]) -> None:
    """May the caller give an image this visibility?"""
    rule = {"public": "publicize_image", "community": "communitize_image"}.get(visibility)
    if rule is not None:
        enforce(request, rule, target)


def check_minimums(values: Mapping[str, Any]) -> None:
    for name in ("min_disk", "min_ram"):
        if values[name] < 0:
            raise BadRequest(f"Invalid value '{values[name]}' for parameter '{name}': Cannot be a negative value")
        if values[name] > _MAX_INT:
            raise BadRequest(f"'{name}' value out of range, must not exceed {_MAX_INT}.")


def check_tags(tags: Collection[str]) -> None:
    if len(tags) > MAX_TAGS:
        raise TooLarge(f"The limit has been exceeded on the number of allowed image tags. Attempted: {len(tags)}, Maximum: {MAX_TAGS}")


def check_counts(properties: Collection[str], tags: Collection[str]) -> None:
    """Raises TooLarge for more properties or tags than an image may have. The cloud's own properties do not count."""
    check_tags(tags)
    own = [name for name in properties if not name.startswith(RESERVED_PREFIX)]
    if len(own) > MAX_PROPERTIES:
        raise TooLarge(
            f"The limit has been exceeded on the number of allowed image properties. Attempted: {len(own)}, Maximum: {MAX_PROPERTIES}"
        )

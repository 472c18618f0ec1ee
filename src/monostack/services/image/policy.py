"""The policies of the image service, asked the same whichever service the request came in by."""

from collections.abc import Mapping
from typing import Any

from monostack.core.errors import PolicyNotAuthorized
from monostack.http import Request


def allows(request: Request, rule: str, target: Mapping[str, Any]) -> bool:
    return request.cloud.enforcers["image"].allows(rule, request.caller.creds(), target)


def is_admin(request: Request) -> bool:
    """The caller knows of all images."""
    return allows(request, "context_is_admin", {})


def refusal(rule: str) -> PolicyNotAuthorized:
    return PolicyNotAuthorized(rule, f"You are not authorized to complete {rule} action.")


def enforce(request: Request, rule: str, target: Mapping[str, Any]) -> None:
    """Raises `refusal` unless `allows`."""
    if not allows(request, rule, target):
        raise refusal(rule)

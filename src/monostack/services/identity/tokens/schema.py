"""The body of POST /v3/auth/tokens. Source: keystone/auth/schema.py."""

from typing import Any

from monostack.http.schema import Schema

_STRING = {"type": "string"}
_DOMAIN = {"type": "object", "properties": {"id": _STRING, "name": _STRING}}
_USER = {"type": "object", "properties": {"id": _STRING, "name": _STRING, "domain": _DOMAIN}}
ISSUE = Schema({
    "type": "object",
    "properties": {
        "identity": {
            "type": "object",
            "properties": {
                "methods": {"type": "array", "items": _STRING},
                "password": {
                    "type": "object",
                    "properties": {
                        "user": {
                            "type": "object",
                            "properties": {"id": _STRING, "name": _STRING, "password": _STRING, "domain": _DOMAIN},
                        }
                    },
                },
                "token": {"type": "object", "properties": {"id": _STRING}, "required": ["id"]},
                "application_credential": {
                    "type": "object",
                    "properties": {"id": _STRING, "name": _STRING, "secret": _STRING, "user": _USER},
                },
            },
            "required": ["methods"],
        },
        "scope": {
            "type": ["object", "string"],
            "properties": {
                "project": {"type": "object", "properties": {"name": _STRING, "id": _STRING, "domain": _DOMAIN}},
                "domain": _DOMAIN,
                "OS-TRUST:trust": {"type": "object", "properties": {"id": _STRING}},
                "system": {"type": "object", "properties": {"all": {"type": "boolean", "enum": [True, False]}}},
            },
        },
    },
    "required": ["identity"],
})  # fmt: skip


def missing_name(auth: dict[str, Any]) -> str | None:
    """The complaint about something that is named neither by id nor by name, or None."""
    user = auth["identity"].get("password", {}).get("user") or {}
    scope = auth.get("scope")
    scope = scope if isinstance(scope, dict) else {}
    places = {
        "identity/password/user": auth["identity"].get("password", {}).get("user"),
        "identity/password/user/domain": user.get("domain"),
        "scope/project": scope.get("project"),
        "scope/project/domain": (scope.get("project") or {}).get("domain"),
        "scope/domain": scope.get("domain"),
    }
    for place, given in places.items():
        if given is not None and "id" not in given and "name" not in given:
            return f"Invalid input for field {place}: id or name must be present."
    return None

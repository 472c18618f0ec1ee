"""The tables of registered limits (defaults) and limits (of one project or domain)."""

import sqlalchemy as sa

from monostack.resources import Field, Resource, integer, text
from monostack.resources.fields import REQUIRED
from monostack.services.identity.kinds import identifier
from monostack.services.identity.style import STYLE

_AMOUNT = integer(-1, 0x7FFFFFFF)


def _about(update: bool) -> tuple[Field, ...]:
    """What a limit is of: a resource of a service, perhaps in one region. It outlives both, so neither is a reference."""
    return (
        Field("service_id", text(64), REQUIRED, create=True, update=update, index=True),
        Field("region_id", text(255, 1), create=True, update=update, nullable=True),
        Field("resource_name", text(255, 1, r"[\S]+"), REQUIRED, create=True, update=update),
        Field("description", text(255), create=True, update=True, nullable=True, filter=False),
    )


REGISTERED = Resource(
    "registered_limit", "registered_limits", STYLE, "/v3/registered_limits",
    title="registered limit for",
    fields=(Field("id", text(64)), *_about(True), Field("default_limit", _AMOUNT, REQUIRED, create=True, update=True, filter=False)),
    policy={
        "list": "identity:list_registered_limits", "show": "identity:get_registered_limit", "create": "identity:create_registered_limits",
        "update": "identity:update_registered_limit", "delete": "identity:delete_registered_limit",
    },
)  # fmt: skip
registered_limits = REGISTERED.table

LIMITS = Resource(
    "limit", "limits", STYLE, "/v3/limits",
    title="limit for",
    fields=(
        Field("id", text(64)),
        *_about(False),
        Field("project_id", identifier(), create=True, nullable=True, references="projects.id", index=True),
        Field("domain_id", identifier(), create=True, nullable=True, references="domains.id", index=True),
        Field("resource_limit", _AMOUNT, REQUIRED, create=True, update=True, filter=False),
    ),
    policy={
        "list": "identity:list_limits", "show": "identity:get_limit", "create": "identity:create_limits",
        "update": "identity:update_limit", "delete": "identity:delete_limit",
    },
    columns=(sa.Column("registered_id", sa.ForeignKey("registered_limits.id"), nullable=False, index=True),),
)  # fmt: skip
limits = LIMITS.table

"""Services of the catalog."""


from monostack.resources import Field, Resource, flag, text
from monostack.resources.fields import REQUIRED
from monostack.services.identity.style import STYLE

SERVICES = Resource(
    "service", "services", STYLE, "/v3/services", table_name="catalog_services",
    fields=(
        Field("id", text(64)),
        Field("type", text(255, 1), REQUIRED, create=True, update=True),
        Field("name", text(255), "", create=True, update=True),
        Field("enabled", flag(), True, create=True, update=True, filter=False),
    ),
    policy={
        "list": "identity:list_services", "show": "identity:get_service", "create": "identity:create_service",
        "update": "identity:update_service", "delete": "identity:delete_service",
    },
    unknown="extra",
)  # fmt: skip
services = SERVICES.table

routes = SERVICES.routes()

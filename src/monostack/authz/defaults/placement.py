"""Placement's default policies (placement 16.0.0). Deprecated defaults are left out, as OpenStack does (enforce_new_defaults)."""

from monostack.authz.policy import ANY_SCOPE, PROJECT, Policy, policies

ADMIN_OR_SERVICE = "rule:admin_or_service_api"
READER = "rule:admin_or_project_reader_or_service_api"
SERVICE = "rule:service_api"

POLICIES: tuple[Policy, ...] = (
    *policies(PROJECT, {
        # What the rules below refer to
        "admin_api": "role:admin",
        "service_api": "role:service",
        "admin_or_service_api": "role:admin or role:service",
        "admin_or_project_reader_or_service_api": "role:admin or rule:project_reader_api or role:service",
    }),
    *policies(ANY_SCOPE, {
        "project_reader_api": "role:reader and project_id:%(project_id)s",
    }),
    *policies(PROJECT, {
        # Aggregate
        "placement:resource_providers:aggregates:list": ADMIN_OR_SERVICE,
        "placement:resource_providers:aggregates:update": ADMIN_OR_SERVICE,
        # Allocation
        "placement:allocations:manage": ADMIN_OR_SERVICE,
        "placement:allocations:list": ADMIN_OR_SERVICE,
        "placement:allocations:update": ADMIN_OR_SERVICE,
        "placement:allocations:delete": ADMIN_OR_SERVICE,
        "placement:resource_providers:allocations:list": ADMIN_OR_SERVICE,
        # Allocation candidate
        "placement:allocation_candidates:list": ADMIN_OR_SERVICE,
        # Inventory
        "placement:resource_providers:inventories:list": ADMIN_OR_SERVICE,
        "placement:resource_providers:inventories:create": ADMIN_OR_SERVICE,
        "placement:resource_providers:inventories:show": ADMIN_OR_SERVICE,
        "placement:resource_providers:inventories:update": ADMIN_OR_SERVICE,
        "placement:resource_providers:inventories:delete": ADMIN_OR_SERVICE,
        # Reshaper
        "placement:reshaper:reshape": SERVICE,
        # Resource class
        "placement:resource_classes:list": ADMIN_OR_SERVICE,
        "placement:resource_classes:create": ADMIN_OR_SERVICE,
        "placement:resource_classes:show": ADMIN_OR_SERVICE,
        "placement:resource_classes:update": ADMIN_OR_SERVICE,
        "placement:resource_classes:delete": ADMIN_OR_SERVICE,
        # Resource provider
        "placement:resource_providers:list": ADMIN_OR_SERVICE,
        "placement:resource_providers:create": ADMIN_OR_SERVICE,
        "placement:resource_providers:show": ADMIN_OR_SERVICE,
        "placement:resource_providers:update": ADMIN_OR_SERVICE,
        "placement:resource_providers:delete": ADMIN_OR_SERVICE,
        # Trait
        "placement:traits:list": ADMIN_OR_SERVICE,
        "placement:traits:show": ADMIN_OR_SERVICE,
        "placement:traits:update": ADMIN_OR_SERVICE,
        "placement:traits:delete": ADMIN_OR_SERVICE,
        "placement:resource_providers:traits:list": ADMIN_OR_SERVICE,
        "placement:resource_providers:traits:update": ADMIN_OR_SERVICE,
        "placement:resource_providers:traits:delete": ADMIN_OR_SERVICE,
        # Usage
        "placement:resource_providers:usages": ADMIN_OR_SERVICE,
        "placement:usages": READER,
    }),
)

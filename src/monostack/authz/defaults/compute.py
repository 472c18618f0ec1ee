"""Nova's default policies (nova 34.0.0). Deprecated defaults are left out, as OpenStack does (enforce_new_defaults)."""

from monostack.authz.policy import ANY_SCOPE, PROJECT, Policy, policies

ADMIN = "rule:context_is_admin"
MANAGER = "rule:project_manager_or_admin"
MEMBER = "rule:project_member_or_admin"
READER = "rule:project_reader_or_admin"
SERVICE = "rule:service_or_admin"
ANYONE = "@"
NOBODY = "!"
ADMIN_OR_OWN_USER = "(rule:context_is_admin) or user_id:%(user_id)s"

POLICIES: tuple[Policy, ...] = (
    *policies(ANY_SCOPE, {
        # What the rules below refer to
        "context_is_admin": "role:admin",
        "admin_or_owner": "is_admin:True or project_id:%(project_id)s",
        "admin_api": "is_admin:True",
        "project_manager_api": "role:manager and project_id:%(project_id)s",
        "project_member_api": "role:member and project_id:%(project_id)s",
        "project_reader_api": "role:reader and project_id:%(project_id)s",
        "service_api": "role:service",
        "project_manager_or_admin": "rule:project_manager_api or rule:context_is_admin",
        "project_member_or_admin": "rule:project_member_api or rule:context_is_admin",
        "project_reader_or_admin": "rule:project_reader_api or rule:context_is_admin",
        "service_or_admin": "rule:service_api or rule:context_is_admin",
    }),
    *policies(PROJECT, {
        # Admin actions
        "os_compute_api:os-admin-actions:reset_state": ADMIN,
        "os_compute_api:os-admin-actions:inject_network_info": ADMIN,
        # Admin password
        "os_compute_api:os-admin-password": MEMBER,
        # Aggregates
        "os_compute_api:os-aggregates:set_metadata": ADMIN,
        "os_compute_api:os-aggregates:add_host": ADMIN,
        "os_compute_api:os-aggregates:create": ADMIN,
        "os_compute_api:os-aggregates:remove_host": ADMIN,
        "os_compute_api:os-aggregates:update": ADMIN,
        "os_compute_api:os-aggregates:index": ADMIN,
        "os_compute_api:os-aggregates:delete": ADMIN,
        "os_compute_api:os-aggregates:show": ADMIN,
        "compute:aggregates:images": ADMIN,
        # Assisted volume snapshots
        "os_compute_api:os-assisted-volume-snapshots:create": SERVICE,
        "os_compute_api:os-assisted-volume-snapshots:delete": SERVICE,
        # Attach interfaces
        "os_compute_api:os-attach-interfaces:list": READER,
        "os_compute_api:os-attach-interfaces:show": READER,
        "os_compute_api:os-attach-interfaces:create": MEMBER,
        "os_compute_api:os-attach-interfaces:delete": MEMBER,
        # Availability zone
        "os_compute_api:os-availability-zone:list": ANYONE,
        "os_compute_api:os-availability-zone:detail": ADMIN,
        # Baremetal nodes
        "os_compute_api:os-baremetal-nodes:list": ADMIN,
        "os_compute_api:os-baremetal-nodes:show": ADMIN,
        # Console auth tokens
        "os_compute_api:os-console-auth-tokens": ADMIN,
        # Console output
        "os_compute_api:os-console-output": MEMBER,
        # Create backup
        "os_compute_api:os-create-backup": MEMBER,
        # Deferred delete
        "os_compute_api:os-deferred-delete:restore": MEMBER,
        "os_compute_api:os-deferred-delete:force": MEMBER,
        # Evacuate
        "os_compute_api:os-evacuate": ADMIN,
        # Extended server attributes
        "os_compute_api:os-extended-server-attributes": ADMIN,
        # Extensions
        "os_compute_api:extensions": ANYONE,
        # Flavor access
        "os_compute_api:os-flavor-access:add_tenant_access": ADMIN,
        "os_compute_api:os-flavor-access:remove_tenant_access": ADMIN,
        "os_compute_api:os-flavor-access": ADMIN,
        # Flavor extra specs
        "os_compute_api:os-flavor-extra-specs:show": READER,
        "os_compute_api:os-flavor-extra-specs:create": ADMIN,
        "os_compute_api:os-flavor-extra-specs:update": ADMIN,
        "os_compute_api:os-flavor-extra-specs:delete": ADMIN,
        "os_compute_api:os-flavor-extra-specs:index": READER,
        # Flavor manage
        "os_compute_api:os-flavor-manage:create": ADMIN,
        "os_compute_api:os-flavor-manage:update": ADMIN,
        "os_compute_api:os-flavor-manage:delete": ADMIN,
        # Floating ip pools
        "os_compute_api:os-floating-ip-pools": ANYONE,
        # Floating ips
        "os_compute_api:os-floating-ips:add": MEMBER,
        "os_compute_api:os-floating-ips:remove": MEMBER,
        "os_compute_api:os-floating-ips:list": READER,
        "os_compute_api:os-floating-ips:create": MEMBER,
        "os_compute_api:os-floating-ips:show": READER,
        "os_compute_api:os-floating-ips:delete": MEMBER,
        # Hosts
        "os_compute_api:os-hosts:list": ADMIN,
        "os_compute_api:os-hosts:show": ADMIN,
        "os_compute_api:os-hosts:update": ADMIN,
        "os_compute_api:os-hosts:reboot": ADMIN,
        "os_compute_api:os-hosts:shutdown": ADMIN,
        "os_compute_api:os-hosts:start": ADMIN,
        # Hypervisors
        "os_compute_api:os-hypervisors:list": ADMIN,
        "os_compute_api:os-hypervisors:list-detail": ADMIN,
        "os_compute_api:os-hypervisors:statistics": ADMIN,
        "os_compute_api:os-hypervisors:show": ADMIN,
        "os_compute_api:os-hypervisors:uptime": ADMIN,
        "os_compute_api:os-hypervisors:search": ADMIN,
        "os_compute_api:os-hypervisors:servers": ADMIN,
        # Instance actions
        "os_compute_api:os-instance-actions:events:details": ADMIN,
        "os_compute_api:os-instance-actions:events": ADMIN,
        "os_compute_api:os-instance-actions:list": READER,
        "os_compute_api:os-instance-actions:show": READER,
        # Instance usage audit log
        "os_compute_api:os-instance-usage-audit-log:list": ADMIN,
        "os_compute_api:os-instance-usage-audit-log:show": ADMIN,
        # Ips
        "os_compute_api:ips:show": READER,
        "os_compute_api:ips:index": READER,
        # Keypairs
        "os_compute_api:os-keypairs:index": ADMIN_OR_OWN_USER,
        "os_compute_api:os-keypairs:create": ADMIN_OR_OWN_USER,
        "os_compute_api:os-keypairs:delete": ADMIN_OR_OWN_USER,
        "os_compute_api:os-keypairs:show": ADMIN_OR_OWN_USER,
        # Limits
        "os_compute_api:limits": ANYONE,
        "os_compute_api:limits:other_project": ADMIN,
        # Lock server
        "os_compute_api:os-lock-server:lock": MEMBER,
        "os_compute_api:os-lock-server:unlock": MEMBER,
        "os_compute_api:os-lock-server:unlock:unlock_override": ADMIN,
        # Migrate server
        "os_compute_api:os-migrate-server:migrate": MANAGER,
        "os_compute_api:os-migrate-server:migrate:host": ADMIN,
        "os_compute_api:os-migrate-server:migrate_live": MANAGER,
        "os_compute_api:os-migrate-server:migrate_live:host": ADMIN,
        # Migrations
        "os_compute_api:os-migrations:index": MANAGER,
        "os_compute_api:os-migrations:index:all_projects": ADMIN,
        "os_compute_api:os-migrations:index:host": ADMIN,
        # Multinic
        "os_compute_api:os-multinic:add": MEMBER,
        "os_compute_api:os-multinic:remove": MEMBER,
        # Networks
        "os_compute_api:os-networks:list": READER,
        "os_compute_api:os-networks:show": READER,
        # Pause server
        "os_compute_api:os-pause-server:pause": MEMBER,
        "os_compute_api:os-pause-server:unpause": MEMBER,
        # Quota class sets
        "os_compute_api:os-quota-class-sets:show": ADMIN,
        "os_compute_api:os-quota-class-sets:update": ADMIN,
        # Quota sets
        "os_compute_api:os-quota-sets:update": ADMIN,
        "os_compute_api:os-quota-sets:defaults": ANYONE,
        "os_compute_api:os-quota-sets:show": READER,
        "os_compute_api:os-quota-sets:delete": ADMIN,
        "os_compute_api:os-quota-sets:detail": READER,
        # Remote consoles
        "os_compute_api:os-remote-consoles": MEMBER,
        # Rescue
        "os_compute_api:os-rescue": MEMBER,
        "os_compute_api:os-unrescue": MEMBER,
        # Security groups
        "os_compute_api:os-security-groups:get": READER,
        "os_compute_api:os-security-groups:show": READER,
        "os_compute_api:os-security-groups:create": MEMBER,
        "os_compute_api:os-security-groups:update": MEMBER,
        "os_compute_api:os-security-groups:delete": MEMBER,
        "os_compute_api:os-security-groups:rule:create": MEMBER,
        "os_compute_api:os-security-groups:rule:delete": MEMBER,
        "os_compute_api:os-security-groups:list": READER,
        "os_compute_api:os-security-groups:add": MEMBER,
        "os_compute_api:os-security-groups:remove": MEMBER,
        # Server diagnostics
        "os_compute_api:os-server-diagnostics": ADMIN,
        # Server external events
        "os_compute_api:os-server-external-events:create": SERVICE,
        # Server groups
        "os_compute_api:os-server-groups:create": MEMBER,
        "os_compute_api:os-server-groups:delete": MEMBER,
        "os_compute_api:os-server-groups:index": READER,
        "os_compute_api:os-server-groups:index:all_projects": ADMIN,
        "os_compute_api:os-server-groups:show": READER,
        # Server metadata
        "os_compute_api:server-metadata:index": READER,
        "os_compute_api:server-metadata:show": READER,
        "os_compute_api:server-metadata:create": MEMBER,
        "os_compute_api:server-metadata:update_all": MEMBER,
        "os_compute_api:server-metadata:update": MEMBER,
        "os_compute_api:server-metadata:delete": MEMBER,
        # Server password
        "os_compute_api:os-server-password:show": READER,
        "os_compute_api:os-server-password:clear": MEMBER,
        # Server shares
        "os_compute_api:os-server-shares:index": READER,
        "os_compute_api:os-server-shares:create": MEMBER,
        "os_compute_api:os-server-shares:show": READER,
        "os_compute_api:os-server-shares:delete": MEMBER,
        # Server tags
        "os_compute_api:os-server-tags:delete_all": MEMBER,
        "os_compute_api:os-server-tags:index": READER,
        "os_compute_api:os-server-tags:update_all": MEMBER,
        "os_compute_api:os-server-tags:delete": MEMBER,
        "os_compute_api:os-server-tags:update": MEMBER,
        "os_compute_api:os-server-tags:show": READER,
        # Server topology
        "compute:server:topology:index": READER,
        "compute:server:topology:host:index": ADMIN,
        # Servers
        "os_compute_api:servers:index": READER,
        "os_compute_api:servers:detail": READER,
        "os_compute_api:servers:index:get_all_tenants": ADMIN,
        "os_compute_api:servers:detail:get_all_tenants": ADMIN,
        "os_compute_api:servers:allow_all_filters": ADMIN,
        "os_compute_api:servers:show": READER,
        "os_compute_api:servers:show:flavor-extra-specs": READER,
        "os_compute_api:servers:show:host_status": ADMIN,
        "os_compute_api:servers:show:host_status:unknown-only": ADMIN,
        "os_compute_api:servers:create": MEMBER,
        "os_compute_api:servers:create:forced_host": ADMIN,
        "compute:servers:create:requested_destination": ADMIN,
        "os_compute_api:servers:create:attach_volume": MEMBER,
        "os_compute_api:servers:create:attach_network": MEMBER,
        "os_compute_api:servers:create:trusted_certs": MEMBER,
        "os_compute_api:servers:create:zero_disk_flavor": ADMIN,
        "network:attach_external_network": ADMIN,
        "os_compute_api:servers:delete": MEMBER,
        "os_compute_api:servers:update": MEMBER,
        "os_compute_api:servers:confirm_resize": MEMBER,
        "os_compute_api:servers:revert_resize": MEMBER,
        "os_compute_api:servers:reboot": MEMBER,
        "os_compute_api:servers:resize": MEMBER,
        "compute:servers:resize:cross_cell": NOBODY,
        "os_compute_api:servers:rebuild": MEMBER,
        "os_compute_api:servers:rebuild:trusted_certs": MEMBER,
        "os_compute_api:servers:create_image": MEMBER,
        "os_compute_api:servers:create_image:allow_volume_backed": MEMBER,
        "os_compute_api:servers:start": MEMBER,
        "os_compute_api:servers:stop": MEMBER,
        "os_compute_api:servers:trigger_crash_dump": MEMBER,
        # Servers migrations
        "os_compute_api:servers:migrations:show": ADMIN,
        "os_compute_api:servers:migrations:force_complete": MANAGER,
        "os_compute_api:servers:migrations:delete": MANAGER,
        "os_compute_api:servers:migrations:index": MANAGER,
        "os_compute_api:servers:migrations:index:host": ADMIN,
        # Services
        "os_compute_api:os-services:list": ADMIN,
        "os_compute_api:os-services:update": ADMIN,
        "os_compute_api:os-services:delete": ADMIN,
        # Shelve
        "os_compute_api:os-shelve:shelve": MEMBER,
        "os_compute_api:os-shelve:unshelve": MEMBER,
        "os_compute_api:os-shelve:unshelve_to_host": ADMIN,
        "os_compute_api:os-shelve:shelve_offload": ADMIN,
        # Simple tenant usage
        "os_compute_api:os-simple-tenant-usage:show": READER,
        "os_compute_api:os-simple-tenant-usage:list": ADMIN,
        # Suspend server
        "os_compute_api:os-suspend-server:resume": MEMBER,
        "os_compute_api:os-suspend-server:suspend": MEMBER,
        # Tenant networks
        "os_compute_api:os-tenant-networks:list": READER,
        "os_compute_api:os-tenant-networks:show": READER,
        # Volumes
        "os_compute_api:os-volumes:list": READER,
        "os_compute_api:os-volumes:create": MEMBER,
        "os_compute_api:os-volumes:detail": READER,
        "os_compute_api:os-volumes:show": READER,
        "os_compute_api:os-volumes:delete": MEMBER,
        "os_compute_api:os-volumes:snapshots:list": READER,
        "os_compute_api:os-volumes:snapshots:create": MEMBER,
        "os_compute_api:os-volumes:snapshots:detail": READER,
        "os_compute_api:os-volumes:snapshots:show": READER,
        "os_compute_api:os-volumes:snapshots:delete": MEMBER,
        # Volumes attachments
        "os_compute_api:os-volumes-attachments:index": READER,
        "os_compute_api:os-volumes-attachments:create": MEMBER,
        "os_compute_api:os-volumes-attachments:show": READER,
        "os_compute_api:os-volumes-attachments:update": MEMBER,
        "os_compute_api:os-volumes-attachments:swap": SERVICE,
        "os_compute_api:os-volumes-attachments:delete": MEMBER,
    }),
)

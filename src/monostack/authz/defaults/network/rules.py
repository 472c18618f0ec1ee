"""What Neutron's default policies refer to: the rules other rules name, and the check strings most of them share (neutron 29.0.0)."""

from monostack.authz.policy import ANY_SCOPE, Policy, policies

ADMIN = "rule:admin_only"
ADMIN_OR_SERVICE = "(rule:admin_only) or (rule:service_api)"
ANY_READER = "role:reader"
DEVICE_OWNER = "not rule:network_device or (rule:admin_only) or (rule:service_api) or role:member and rule:network_owner"
MANAGER = "(rule:admin_only) or (role:manager and project_id:%(project_id)s)"
MEMBER = "(rule:admin_only) or (role:member and project_id:%(project_id)s)"
MEMBER_OR_ADVANCED_SERVICE = "(rule:admin_only) or (role:member and project_id:%(project_id)s) or rule:context_is_advsvc"
MEMBER_OR_NETWORK_MEMBER = "role:member and project_id:%(project_id)s or (rule:admin_only) or (role:member and rule:network_owner)"
MEMBER_OR_SERVICE = "(rule:admin_only) or (role:member and project_id:%(project_id)s) or rule:service_api"
NETWORK_MEMBER_OR_SERVICE = "(rule:admin_only) or (role:member and rule:network_owner) or rule:service_api"
NO_PROJECT_WILDCARD = "rule:admin_only or not field:rbac_policy:target_project=*"
NO_WILDCARD = "rule:admin_only or (not field:rbac_policy:target_tenant=* and not field:rbac_policy:target_project=*)"
PARENT_MANAGER = "(rule:admin_only) or (role:manager and rule:ext_parent_owner)"
PARENT_MEMBER = "(rule:admin_only) or (role:member and rule:ext_parent_owner)"
PARENT_READER = "(rule:admin_only) or (role:reader and rule:ext_parent_owner)"
QOS_POLICY_READER = "(rule:admin_only) or (role:reader and project_id:%(project_id)s) or rule:shared_qos_policy"
READER = "(rule:admin_only) or (role:reader and project_id:%(project_id)s)"
SECURITY_GROUP_MEMBER = "(rule:admin_only) or (role:member and rule:sg_owner)"
SECURITY_GROUP_READER = "(rule:admin_only) or (role:reader and project_id:%(project_id)s) or rule:shared_security_group"
SERVICE = "rule:service_api"
SERVICE_OR_MEMBER = "(rule:admin_only) or (rule:service_api) or role:member and project_id:%(project_id)s"
SERVICE_OR_NETWORK_MEMBER = "(rule:admin_only) or (rule:service_api) or role:member and rule:network_owner"
SERVICE_OR_SHARED_NETWORK_MEMBER = "(rule:admin_only) or (rule:service_api) or role:member and rule:network_owner or rule:shared"
SUBNETPOOL_READER = "(rule:admin_only) or (role:reader and project_id:%(project_id)s) or rule:shared_subnetpools"

POLICIES: tuple[Policy, ...] = policies(ANY_SCOPE, {
    "context_is_admin": "role:admin",
    "context_with_global_access": "!",
    "service_api": "role:service",
    "owner": "project_id:%(project_id)s",
    "admin_or_owner": "rule:context_is_admin or rule:owner",
    "context_is_advsvc": "role:advsvc",
    "admin_or_network_owner": "rule:context_is_admin or project_id:%(network:project_id)s",
    "admin_owner_or_network_owner": "rule:owner or rule:admin_or_network_owner",
    "network_owner": "project_id:%(network:project_id)s",
    "admin_only": "rule:context_is_admin",
    "regular_user": "",
    "shared": "field:networks:shared=True",
    "default": "rule:admin_or_owner",
    "admin_or_ext_parent_owner": "rule:context_is_admin or project_id:%(ext_parent:project_id)s",
    "ext_parent_owner": "project_id:%(ext_parent:project_id)s",
    "sg_owner": "project_id:%(security_group:project_id)s",
})

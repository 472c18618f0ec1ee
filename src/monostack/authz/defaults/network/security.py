"""Neutron's default policies: security groups and sharing (neutron 29.0.0)."""

from monostack.authz.defaults.network.rules import (
    ADMIN,
    ANY_READER,
    MANAGER,
    MEMBER,
    NO_PROJECT_WILDCARD,
    NO_WILDCARD,
    READER,
    SECURITY_GROUP_MEMBER,
    SECURITY_GROUP_READER,
)
from monostack.authz.policy import ANY_SCOPE, PROJECT, Policy, policies

POLICIES: tuple[Policy, ...] = (
    *policies(ANY_SCOPE, {
        # Security group
        "admin_or_sg_owner": "rule:context_is_admin or project_id:%(security_group:project_id)s",
        "admin_owner_or_sg_owner": "rule:owner or rule:admin_or_sg_owner",
        "shared_security_group": "field:security_groups:shared=True",
        "rule_default_sg": "field:security_group_rules:belongs_to_default_sg=True",
    }),
    *policies(PROJECT, {
        "create_default_security_group": "(rule:admin_only) or (rule:service_api) or role:reader and project_id:%(project_id)s",
        "create_security_group": MEMBER,
        "create_security_group:tags": MEMBER,
        "get_security_group": SECURITY_GROUP_READER,
        "get_security_group:tags": SECURITY_GROUP_READER,
        "update_security_group": MEMBER,
        "update_security_group:tags": MEMBER,
        "delete_security_group": MEMBER,
        "delete_security_group:tags": MEMBER,
        "create_security_group_rule": SECURITY_GROUP_MEMBER,
        "get_security_group_rule": "(rule:admin_only) or (role:reader and rule:sg_owner)",
        "delete_security_group_rule": SECURITY_GROUP_MEMBER,
        # Default security group rules
        "create_default_security_group_rule": ADMIN,
        "get_default_security_group_rule": ANY_READER,
        "delete_default_security_group_rule": ADMIN,
        # Security groups default statefulness
        "create_security_groups_default_statefulness": MANAGER,
        "get_security_groups_default_statefulness": READER,
        "update_security_groups_default_statefulness": MANAGER,
        "delete_security_groups_default_statefulness": MANAGER,
        # Rbac
        "create_rbac_policy": MEMBER,
        "create_rbac_policy:target_tenant": NO_WILDCARD,
        "create_rbac_policy:target_project": NO_PROJECT_WILDCARD,
        "update_rbac_policy": MEMBER,
        "update_rbac_policy:target_tenant": NO_WILDCARD,
        "update_rbac_policy:target_project": NO_PROJECT_WILDCARD,
        "get_rbac_policy": READER,
        "delete_rbac_policy": MEMBER,
    }),
    *policies(ANY_SCOPE, {
        "restrict_wildcard": "(not field:rbac_policy:target_tenant=* and not field:rbac_policy:target_project=*) or rule:admin_only",
    }),
)

"""Keystone's default policies (keystone 30.0.0). Deprecated defaults are left out, as OpenStack does (enforce_new_defaults)."""

from monostack.authz.policy import ALL_SCOPES, ANY_SCOPE, PROJECT, SYSTEM_OR_PROJECT, Policy, policies

ADMIN = "rule:admin_required"
READER = "rule:admin_required or (role:reader and system_scope:all)"
ANYONE = ""
SERVICE_OR_ADMIN = "rule:service_or_admin"
READER_OR_OWNER = "(rule:admin_required) or (role:reader and system_scope:all) or rule:owner"
CREDENTIAL_OWNER = "(rule:admin_required) or user_id:%(target.credential.user_id)s"
CREDENTIAL_READER = "(rule:admin_required) or (role:reader and system_scope:all) or user_id:%(target.credential.user_id)s"
CREDENTIAL_MEMBER = "(rule:admin_required) or (role:member and user_id:%(target.credential.user_id)s)"
SYSTEM_READER_OR_OWN_USER = "(role:reader and system_scope:all) or user_id:%(target.user.id)s"
PROJECT_DOMAIN_MANAGER = (
    "(rule:admin_required) or (role:manager and domain_id:%(target.project.domain_id)s and not "
    "None:%(target.project.domain_id)s)"
)
PROJECT_READER = (
    "(rule:admin_required) or (role:reader and system_scope:all) or (role:reader and "
    "domain_id:%(target.project.domain_id)s and not None:%(target.project.domain_id)s) or "
    "project_id:%(target.project.id)s"
)
GROUP_READER = "(rule:admin_required) or (role:reader and system_scope:all) or (role:reader and domain_id:%(target.group.domain_id)s)"
GROUP_DOMAIN_MANAGER = "(rule:admin_required) or (role:manager and domain_id:%(target.group.domain_id)s)"
GROUP_AND_USER_DOMAIN_MANAGER = (
    "(rule:admin_required) or (role:manager and domain_id:%(target.group.domain_id)s and "
    "domain_id:%(target.user.domain_id)s)"
)
TRUST_PARTY = (
    "(rule:admin_required) or (role:reader and system_scope:all or user_id:%(target.trust.trustor_user_id)s or "
    "user_id:%(target.trust.trustee_user_id)s)"
)
USER_DOMAIN_MANAGER = "(rule:admin_required) or (role:manager and token.domain.id:%(target.user.domain_id)s)"
DOMAIN_READER = "(rule:admin_required) or (role:reader and system_scope:all) or (role:reader and domain_id:%(target.domain_id)s)"
DOMAIN_READER_OF_A_DOMAIN = (
    "(rule:admin_required) or (role:reader and system_scope:all) or (role:reader and "
    "domain_id:%(target.domain_id)s and not None:%(target.domain_id)s)"
)
GRANT_MANAGER = (
    "(rule:admin_required) or ((role:admin and domain_id:%(target.user.domain_id)s and "
    "domain_id:%(target.project.domain_id)s) or (role:admin and domain_id:%(target.user.domain_id)s and "
    "domain_id:%(target.domain.id)s) or (role:admin and domain_id:%(target.group.domain_id)s and "
    "domain_id:%(target.project.domain_id)s) or (role:admin and domain_id:%(target.group.domain_id)s and "
    "domain_id:%(target.domain.id)s)) and (domain_id:%(target.role.domain_id)s or None:%(target.role.domain_id)s) "
    "or ((role:manager and domain_id:%(target.user.domain_id)s and domain_id:%(target.project.domain_id)s) or "
    "(role:manager and domain_id:%(target.user.domain_id)s and domain_id:%(target.domain.id)s) or (role:manager "
    "and domain_id:%(target.group.domain_id)s and domain_id:%(target.project.domain_id)s) or (role:manager and "
    "domain_id:%(target.group.domain_id)s and domain_id:%(target.domain.id)s)) and rule:domain_managed_target_role"
)

POLICIES: tuple[Policy, ...] = (
    *policies(ANY_SCOPE, {
        # What the rules below refer to
        "admin_required": "role:admin or is_admin:1",
        "service_role": "role:service",
        "service_or_admin": "rule:admin_required or rule:service_role",
        "owner": "user_id:%(user_id)s",
        "admin_or_owner": "rule:admin_required or rule:owner",
        "token_subject": "user_id:%(target.token.user_id)s",
        "admin_or_token_subject": "rule:admin_required or rule:token_subject",
        "service_admin_or_token_subject": "rule:service_or_admin or rule:token_subject",
        "domain_managed_target_role": "'manager':%(target.role.name)s or 'member':%(target.role.name)s or 'reader':%(target.role.name)s",
    }),
    *policies(SYSTEM_OR_PROJECT, {
        # Access rule
        "identity:get_access_rule": SYSTEM_READER_OR_OWN_USER,
        "identity:list_access_rules": SYSTEM_READER_OR_OWN_USER,
        "identity:delete_access_rule": "(role:admin and system_scope:all) or user_id:%(target.user.id)s",
    }),
    *policies(PROJECT, {
        # Access token
        "identity:authorize_request_token": ADMIN,
        "identity:get_access_token": ADMIN,
        "identity:get_access_token_role": ADMIN,
        "identity:list_access_tokens": ADMIN,
        "identity:list_access_token_roles": ADMIN,
        "identity:delete_access_token": ADMIN,
        # Application credential
        "identity:create_application_credential": "user_id:%(user_id)s",
    }),
    *policies(SYSTEM_OR_PROJECT, {
        "identity:get_application_credential": READER_OR_OWNER,
        "identity:list_application_credentials": READER_OR_OWNER,
        "identity:delete_application_credential": "rule:admin_or_owner",
    }),
    *policies(ANY_SCOPE, {
        # What the caller may see of itself
        "identity:get_auth_catalog": ANYONE,
        "identity:get_auth_projects": ANYONE,
        "identity:get_auth_domains": ANYONE,
        "identity:get_auth_system": ANYONE,
    }),
    *policies(SYSTEM_OR_PROJECT, {
        # Consumer
        "identity:get_consumer": READER,
        "identity:list_consumers": READER,
        "identity:create_consumer": ADMIN,
        "identity:update_consumer": ADMIN,
        "identity:delete_consumer": ADMIN,
    }),
    *policies(ALL_SCOPES, {
        # Credential
        "identity:get_credential": CREDENTIAL_READER,
        "identity:list_credentials": CREDENTIAL_READER,
        "identity:create_credential": CREDENTIAL_OWNER,
        "identity:update_credential": CREDENTIAL_OWNER,
        "identity:delete_credential": CREDENTIAL_OWNER,
        # Domain
        "identity:get_domain": (
            "rule:admin_required or (role:reader and system_scope:all) or token.domain.id:%(target.domain.id)s or "
            "token.project.domain.id:%(target.domain.id)s"
        ),
        "identity:list_domains": (
            "rule:admin_required or (role:reader and system_scope:all) or (role:reader and "
            "domain_id:%(target.domain.id)s)"
        ),
    }),
    *policies(SYSTEM_OR_PROJECT, {
        "identity:create_domain": ADMIN,
        "identity:update_domain": ADMIN,
        "identity:delete_domain": ADMIN,
        # Domain config
        "identity:create_domain_config": ADMIN,
        "identity:get_domain_config": READER,
        "identity:update_domain_config": ADMIN,
        "identity:delete_domain_config": ADMIN,
        "identity:get_domain_config_default": READER,
    }),
    *policies(ALL_SCOPES, {
        "identity:get_security_compliance_domain_config": ANYONE,
    }),
    *policies(SYSTEM_OR_PROJECT, {
        # Ec2 credential
        "identity:ec2_get_credential": CREDENTIAL_READER,
        "identity:ec2_list_credentials": READER_OR_OWNER,
        "identity:ec2_create_credential": CREDENTIAL_MEMBER,
        "identity:ec2_delete_credential": CREDENTIAL_MEMBER,
    }),
    *policies(ALL_SCOPES, {
        # Ec2tokens
        "identity:ec2tokens_validate": SERVICE_OR_ADMIN,
    }),
    *policies(SYSTEM_OR_PROJECT, {
        # Endpoint
        "identity:get_endpoint": READER,
        "identity:list_endpoints": READER,
        "identity:create_endpoint": ADMIN,
        "identity:update_endpoint": ADMIN,
        "identity:delete_endpoint": ADMIN,
        # Endpoint group
        "identity:create_endpoint_group": ADMIN,
        "identity:list_endpoint_groups": READER,
        "identity:get_endpoint_group": READER,
        "identity:update_endpoint_group": ADMIN,
        "identity:delete_endpoint_group": ADMIN,
        "identity:list_projects_associated_with_endpoint_group": READER,
        "identity:list_endpoints_associated_with_endpoint_group": READER,
        "identity:get_endpoint_group_in_project": READER,
        "identity:list_endpoint_groups_for_project": READER,
        "identity:add_endpoint_group_to_project": ADMIN,
        "identity:remove_endpoint_group_from_project": ADMIN,
        # Grant
        "identity:list_system_grants_for_user": READER,
        "identity:check_system_grant_for_user": READER,
        "identity:create_system_grant_for_user": ADMIN,
        "identity:revoke_system_grant_for_user": ADMIN,
        "identity:list_system_grants_for_group": READER,
        "identity:check_system_grant_for_group": READER,
        "identity:create_system_grant_for_group": ADMIN,
        "identity:revoke_system_grant_for_group": ADMIN,
    }),
    *policies(ALL_SCOPES, {
        "identity:check_grant": (
            "(rule:admin_required) or ((role:reader and system_scope:all) or ((role:reader and "
            "domain_id:%(target.user.domain_id)s and domain_id:%(target.project.domain_id)s) or (role:reader and "
            "domain_id:%(target.user.domain_id)s and domain_id:%(target.domain.id)s) or (role:reader and "
            "domain_id:%(target.group.domain_id)s and domain_id:%(target.project.domain_id)s) or (role:reader and "
            "domain_id:%(target.group.domain_id)s and domain_id:%(target.domain.id)s)) and "
            "(domain_id:%(target.role.domain_id)s or None:%(target.role.domain_id)s))"
        ),
        "identity:list_grants": (
            "(rule:admin_required) or ((role:reader and system_scope:all) or (role:reader and "
            "domain_id:%(target.user.domain_id)s and domain_id:%(target.project.domain_id)s) or (role:reader and "
            "domain_id:%(target.user.domain_id)s and domain_id:%(target.domain.id)s) or (role:reader and "
            "domain_id:%(target.group.domain_id)s and domain_id:%(target.project.domain_id)s) or (role:reader and "
            "domain_id:%(target.group.domain_id)s and domain_id:%(target.domain.id)s))"
        ),
        "identity:create_grant": GRANT_MANAGER,
        "identity:revoke_grant": GRANT_MANAGER,
        # Group
        "identity:get_group": GROUP_READER,
        "identity:list_groups": GROUP_READER,
        "identity:list_groups_for_user": (
            "(rule:admin_required) or (role:reader and system_scope:all) or (role:reader and "
            "domain_id:%(target.user.domain_id)s) or user_id:%(user_id)s"
        ),
        "identity:create_group": GROUP_DOMAIN_MANAGER,
        "identity:update_group": GROUP_DOMAIN_MANAGER,
        "identity:delete_group": GROUP_DOMAIN_MANAGER,
        "identity:list_users_in_group": GROUP_READER,
        "identity:remove_user_from_group": GROUP_AND_USER_DOMAIN_MANAGER,
        "identity:check_user_in_group": (
            "(rule:admin_required) or (role:reader and system_scope:all) or (role:reader and "
            "domain_id:%(target.group.domain_id)s and domain_id:%(target.user.domain_id)s)"
        ),
        "identity:add_user_to_group": GROUP_AND_USER_DOMAIN_MANAGER,
    }),
    *policies(SYSTEM_OR_PROJECT, {
        # Identity provider
        "identity:create_identity_provider": ADMIN,
        "identity:list_identity_providers": READER,
        "identity:get_identity_provider": READER,
        "identity:update_identity_provider": ADMIN,
        "identity:delete_identity_provider": ADMIN,
        # Implied role
        "identity:get_implied_role": READER,
        "identity:list_implied_roles": READER,
        "identity:create_implied_role": ADMIN,
        "identity:delete_implied_role": ADMIN,
        "identity:list_role_inference_rules": READER,
        "identity:check_implied_role": READER,
        # Limit
        "identity:create_limits": ADMIN,
        "identity:update_limit": ADMIN,
        "identity:delete_limit": ADMIN,
    }),
    *policies(ALL_SCOPES, {
        "identity:get_limit_model": ANYONE,
        "identity:get_limit": (
            "rule:admin_required or (role:reader and system_scope:all) or (domain_id:%(target.limit.domain.id)s or "
            "domain_id:%(target.limit.project.domain_id)s) or (project_id:%(target.limit.project_id)s and not "
            "None:%(target.limit.project_id)s)"
        ),
        "identity:list_limits": ANYONE,
    }),
    *policies(SYSTEM_OR_PROJECT, {
        # Mapping
        "identity:create_mapping": ADMIN,
        "identity:get_mapping": READER,
        "identity:list_mappings": READER,
        "identity:delete_mapping": ADMIN,
        "identity:update_mapping": ADMIN,
        # Policy
        "identity:get_policy": READER,
        "identity:list_policies": READER,
        "identity:create_policy": ADMIN,
        "identity:update_policy": ADMIN,
        "identity:delete_policy": ADMIN,
        # Policy association
        "identity:create_policy_association_for_endpoint": ADMIN,
        "identity:check_policy_association_for_endpoint": READER,
        "identity:delete_policy_association_for_endpoint": ADMIN,
        "identity:create_policy_association_for_service": ADMIN,
        "identity:check_policy_association_for_service": READER,
        "identity:delete_policy_association_for_service": ADMIN,
        "identity:create_policy_association_for_region_and_service": ADMIN,
        "identity:check_policy_association_for_region_and_service": READER,
        "identity:delete_policy_association_for_region_and_service": ADMIN,
        "identity:get_policy_for_endpoint": READER,
        "identity:list_endpoints_for_policy": READER,
    }),
    *policies(ALL_SCOPES, {
        # Project
        "identity:get_project": PROJECT_READER,
        "identity:list_projects": DOMAIN_READER,
        "identity:list_user_projects": (
            "(rule:admin_required) or (role:reader and system_scope:all) or (role:reader and "
            "domain_id:%(target.user.domain_id)s) or user_id:%(target.user.id)s"
        ),
        "identity:create_project": PROJECT_DOMAIN_MANAGER,
        "identity:update_project": PROJECT_DOMAIN_MANAGER,
        "identity:delete_project": PROJECT_DOMAIN_MANAGER,
        "identity:list_project_tags": PROJECT_READER,
        "identity:get_project_tag": PROJECT_READER,
        "identity:update_project_tags": PROJECT_DOMAIN_MANAGER,
        "identity:create_project_tag": PROJECT_DOMAIN_MANAGER,
        "identity:delete_project_tags": PROJECT_DOMAIN_MANAGER,
        "identity:delete_project_tag": PROJECT_DOMAIN_MANAGER,
    }),
    *policies(SYSTEM_OR_PROJECT, {
        # Project endpoint
        "identity:list_projects_for_endpoint": READER,
        "identity:add_endpoint_to_project": ADMIN,
        "identity:check_endpoint_in_project": READER,
        "identity:list_endpoints_for_project": READER,
        "identity:remove_endpoint_from_project": ADMIN,
        # Protocol
        "identity:create_protocol": ADMIN,
        "identity:update_protocol": ADMIN,
        "identity:get_protocol": READER,
        "identity:list_protocols": READER,
        "identity:delete_protocol": ADMIN,
        # Region
        "identity:create_region": ADMIN,
        "identity:update_region": ADMIN,
        "identity:delete_region": ADMIN,
    }),
    *policies(ALL_SCOPES, {
        "identity:get_region": ANYONE,
        "identity:list_regions": ANYONE,
        # Registered limit
        "identity:get_registered_limit": ANYONE,
        "identity:list_registered_limits": ANYONE,
    }),
    *policies(SYSTEM_OR_PROJECT, {
        "identity:create_registered_limits": ADMIN,
        "identity:update_registered_limit": ADMIN,
        "identity:delete_registered_limit": ADMIN,
        # Revoke event
        "identity:list_revoke_events": SERVICE_OR_ADMIN,
        # Role
        "identity:create_role": ADMIN,
        "identity:update_role": ADMIN,
        "identity:delete_role": ADMIN,
        "identity:get_domain_role": READER,
        "identity:list_domain_roles": READER,
        "identity:create_domain_role": ADMIN,
        "identity:update_domain_role": ADMIN,
        "identity:delete_domain_role": ADMIN,
    }),
    *policies(ALL_SCOPES, {
        "identity:get_role": (
            "(rule:admin_required or (role:reader and system_scope:all)) or (role:manager and "
            "rule:domain_managed_target_role)"
        ),
        "identity:list_roles": "(rule:admin_required or (role:reader and system_scope:all)) or (role:manager and not domain_id:None)",
        # Role assignment
        "identity:list_role_assignments": DOMAIN_READER_OF_A_DOMAIN,
        "identity:list_role_assignments_for_tree": DOMAIN_READER_OF_A_DOMAIN,
        # S3tokens
        "identity:s3tokens_validate": SERVICE_OR_ADMIN,
    }),
    *policies(SYSTEM_OR_PROJECT, {
        # Service
        "identity:get_service": READER,
        "identity:list_services": READER,
        "identity:create_service": ADMIN,
        "identity:update_service": ADMIN,
        "identity:delete_service": ADMIN,
        # Service provider
        "identity:create_service_provider": ADMIN,
        "identity:list_service_providers": READER,
        "identity:get_service_provider": READER,
        "identity:update_service_provider": ADMIN,
        "identity:delete_service_provider": ADMIN,
    }),
    *policies(ALL_SCOPES, {
        # Token
        "identity:check_token": "rule:admin_required or (role:reader and system_scope:all) or rule:token_subject",
        "identity:validate_token": (
            "rule:admin_required or (role:reader and system_scope:all) or rule:service_role or rule:token_subject"
        ),
        "identity:revoke_token": "rule:admin_required or rule:token_subject",
    }),
    *policies(SYSTEM_OR_PROJECT, {
        # Token revocation
        "identity:revocation_list": SERVICE_OR_ADMIN,
        # Trust
        "identity:list_trusts": READER,
        "identity:list_trusts_for_trustor": (
            "(rule:admin_required) or (role:reader and system_scope:all or "
            "user_id:%(target.trust.trustor_user_id)s)"
        ),
        "identity:list_trusts_for_trustee": (
            "(rule:admin_required) or (role:reader and system_scope:all or "
            "user_id:%(target.trust.trustee_user_id)s)"
        ),
        "identity:list_roles_for_trust": TRUST_PARTY,
        "identity:get_role_for_trust": TRUST_PARTY,
        "identity:delete_trust": "rule:admin_required or user_id:%(target.trust.trustor_user_id)s",
        "identity:get_trust": TRUST_PARTY,
    }),
    *policies(PROJECT, {
        "identity:create_trust": "user_id:%(target.trust.trustor_user_id)s",
    }),
    *policies(ALL_SCOPES, {
        # User
        "identity:get_user": (
            "(rule:admin_required) or (role:reader and system_scope:all) or (role:reader and "
            "token.domain.id:%(target.user.domain_id)s) or user_id:%(target.user.id)s"
        ),
        "identity:list_users": DOMAIN_READER,
        "identity:create_user": USER_DOMAIN_MANAGER,
        "identity:update_user": USER_DOMAIN_MANAGER,
        "identity:delete_user": USER_DOMAIN_MANAGER,
        "identity:revoke_tokens_for_user": "rule:admin_or_owner",
    }),
    *policies(ANY_SCOPE, {
        "identity:list_projects_for_user": ANYONE,
        "identity:list_domains_for_user": ANYONE,
    }),
)

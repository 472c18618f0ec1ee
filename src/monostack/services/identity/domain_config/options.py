"""The options a domain may set, with the values that hold where it does not, and how they are checked.

Source: keystone/resource/core.py (DomainConfigManager), keystone/conf/ldap.py. Options that are secret are kept but never shown.
"""

from collections.abc import Mapping
from typing import Any

from monostack.core.errors import Forbidden

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "identity": {"driver": "sql", "list_limit": None},
    "ldap": {
        "url": "ldap://localhost", "user": None, "suffix": "cn=example,cn=com", "query_scope": "one", "page_size": 0,
        "alias_dereferencing": "default", "debug_level": None, "chase_referrals": None,
        "user_tree_dn": None, "user_filter": None, "user_objectclass": "inetOrgPerson", "user_id_attribute": "cn",
        "user_name_attribute": "sn", "user_mail_attribute": "mail", "user_description_attribute": "description",
        "user_pass_attribute": "userPassword", "user_enabled_attribute": "enabled", "user_enabled_invert": False, "user_enabled_mask": 0,
        "user_enabled_default": "True", "user_attribute_ignore": ["default_project_id"], "user_default_project_id_attribute": None,
        "user_enabled_emulation": False, "user_enabled_emulation_dn": None, "user_enabled_emulation_use_group_config": False,
        "user_additional_attribute_mapping": [],
        "group_tree_dn": None, "group_filter": None, "group_objectclass": "groupOfNames", "group_id_attribute": "cn",
        "group_name_attribute": "ou", "group_members_are_ids": False, "group_member_attribute": "member",
        "group_desc_attribute": "description", "group_attribute_ignore": [], "group_additional_attribute_mapping": [],
        "tls_cacertfile": None, "tls_cacertdir": None, "use_tls": False, "tls_req_cert": "demand",
        "use_pool": True, "pool_size": 10, "pool_retry_max": 3, "pool_retry_delay": 0.1, "pool_connection_timeout": -1,
        "pool_connection_lifetime": 600, "use_auth_pool": True, "auth_pool_size": 100, "auth_pool_connection_lifetime": 60,
    },
}  # fmt: skip
SENSITIVE: Mapping[str, frozenset[str]] = {"identity": frozenset(), "ldap": frozenset({"password"})}

Config = dict[str, dict[str, Any]]


def invalid(reason: str) -> Forbidden:
    return Forbidden(f"Invalid domain specific configuration: {reason}.")


def is_sensitive(group: str, option: str) -> bool:
    return option in SENSITIVE[group]


def check_names(group: str | None, option: str | None = None) -> None:
    """Raises Forbidden for a group or an option that domains may not set."""
    if group is None:
        return
    if group not in DEFAULTS:
        raise invalid(f"Group {group} is not supported for domain specific configurations")
    if option is not None and option not in DEFAULTS[group] and not is_sensitive(group, option):
        raise invalid(f"Option {option} in group {group} is not supported for domain specific configurations")


def checked(given: Any) -> Config:
    """The configuration in a body. Raises Forbidden for one that is empty or names what domains may not set."""
    if not given or not isinstance(given, dict):
        raise invalid("No options specified")
    for group, options in given.items():
        if not options or not isinstance(options, dict):
            raise invalid(f"The value of group {group} specified in the config should be a dictionary of options")
        for option in options:
            check_names(group, option)
    return given


def check_only(config: Config, group: str, option: str | None) -> None:
    """Raises Forbidden unless the configuration is of this group alone and, where one is named, of this option alone."""
    if option is not None and len(config[group]) != 1:
        raise invalid(f"Trying to update option {option} in group {group}, so that, and only that, option must be specified  in the config")
    if option is None and len(config) != 1:
        raise invalid(f"Trying to update group {group}, so that, and only that, group must be specified in the config")
    if group not in config:
        other = next(iter(config))
        raise invalid(f"request to update group {group}, but config provided contains group {other} instead")
    if option is not None and option not in config[group]:
        other = next(iter(config[group]))
        raise invalid(f"Trying to update option {option} in group {group}, but config provided contains option {other} instead")


def defaults(group: str | None, option: str | None) -> dict[str, Any]:
    """What holds for a domain that does not set them: of everything, of a group or of one option."""
    check_names(group, option)
    if group is None:
        return {name: dict(options) for name, options in DEFAULTS.items()}
    if option is None:
        return {group: dict(DEFAULTS[group])}
    if option not in DEFAULTS[group]:
        raise invalid(f"Reading the default for option {option} in group {group} is not supported")
    return {option: DEFAULTS[group][option]}

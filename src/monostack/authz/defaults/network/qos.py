"""Neutron's default policies: quality of service (neutron 29.0.0)."""

from monostack.authz.defaults.network.rules import ANY_READER, MANAGER, PARENT_MANAGER, PARENT_READER, QOS_POLICY_READER
from monostack.authz.policy import ANY_SCOPE, PROJECT, Policy, policies

POLICIES: tuple[Policy, ...] = (
    *policies(ANY_SCOPE, {
        # Qos
        "shared_qos_policy": "field:policies:shared=True",
    }),
    *policies(PROJECT, {
        "get_policy": QOS_POLICY_READER,
        "get_policy:tags": QOS_POLICY_READER,
        "create_policy": MANAGER,
        "create_policy:tags": MANAGER,
        "update_policy": MANAGER,
        "update_policy:tags": MANAGER,
        "delete_policy": MANAGER,
        "delete_policy:tags": MANAGER,
        "get_rule_type": ANY_READER,
        "get_policy_bandwidth_limit_rule": PARENT_READER,
        "create_policy_bandwidth_limit_rule": PARENT_MANAGER,
        "update_policy_bandwidth_limit_rule": PARENT_MANAGER,
        "delete_policy_bandwidth_limit_rule": PARENT_MANAGER,
        "get_policy_packet_rate_limit_rule": PARENT_READER,
        "create_policy_packet_rate_limit_rule": PARENT_MANAGER,
        "update_policy_packet_rate_limit_rule": PARENT_MANAGER,
        "delete_policy_packet_rate_limit_rule": PARENT_MANAGER,
        "get_policy_dscp_marking_rule": PARENT_READER,
        "create_policy_dscp_marking_rule": PARENT_MANAGER,
        "update_policy_dscp_marking_rule": PARENT_MANAGER,
        "delete_policy_dscp_marking_rule": PARENT_MANAGER,
        "get_policy_minimum_bandwidth_rule": PARENT_READER,
        "create_policy_minimum_bandwidth_rule": PARENT_MANAGER,
        "update_policy_minimum_bandwidth_rule": PARENT_MANAGER,
        "delete_policy_minimum_bandwidth_rule": PARENT_MANAGER,
        "get_policy_minimum_packet_rate_rule": PARENT_READER,
        "create_policy_minimum_packet_rate_rule": PARENT_MANAGER,
        "update_policy_minimum_packet_rate_rule": PARENT_MANAGER,
        "delete_policy_minimum_packet_rate_rule": PARENT_MANAGER,
        "get_alias_bandwidth_limit_rule": PARENT_READER,
        "update_alias_bandwidth_limit_rule": PARENT_MANAGER,
        "delete_alias_bandwidth_limit_rule": PARENT_MANAGER,
        "get_alias_dscp_marking_rule": PARENT_READER,
        "update_alias_dscp_marking_rule": PARENT_MANAGER,
        "delete_alias_dscp_marking_rule": PARENT_MANAGER,
        "get_alias_minimum_bandwidth_rule": PARENT_READER,
        "update_alias_minimum_bandwidth_rule": PARENT_MANAGER,
        "delete_alias_minimum_bandwidth_rule": PARENT_MANAGER,
        "get_alias_minimum_packet_rate_rule": "rule:get_policy_minimum_packet_rate_rule",
        "update_alias_minimum_packet_rate_rule": "rule:update_policy_minimum_packet_rate_rule",
        "delete_alias_minimum_packet_rate_rule": "rule:delete_policy_minimum_packet_rate_rule",
    }),
)

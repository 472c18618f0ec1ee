"""Policies as hosts are told them."""

from collections.abc import Collection

from monostack.db import Transaction
from monostack.protocol.network import Limit, Qos
from monostack.services.network.qos.rules import BANDWIDTH_LIMIT, DSCP_MARKING, PACKET_RATE_LIMIT, Rule, rules_of

_TOLD = (BANDWIDTH_LIMIT, DSCP_MARKING, PACKET_RATE_LIMIT)


def policies(tx: Transaction, ids: Collection[str]) -> dict[str, Qos]:
    """What these policies say, by id; one that says nothing is missing."""
    return {id: _policy(rules) for id, rules in rules_of(tx, ids, _TOLD).items()}


def _policy(rules: Collection[Rule]) -> Qos:
    qos = Qos(Limit(), Limit())
    for rule in rules:
        if rule.kind is DSCP_MARKING:
            qos.dscp = rule.get("dscp_mark")
            continue
        limit = qos.egress if rule.get("direction") == "egress" else qos.ingress
        if rule.kind is BANDWIDTH_LIMIT:
            limit.kbps, limit.burst_kb = rule.get("max_kbps"), rule.get("max_burst_kbps")
        else:
            limit.kpps, limit.burst_kp = rule.get("max_kpps"), rule.get("max_burst_kpps")
    return qos

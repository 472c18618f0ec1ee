"""Which policy a port, a network, a floating IP or a router is under, and who may say so. Checks and texts are Neutron's."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from monostack.core.errors import Forbidden, NotFound
from monostack.db import Row, Select, Transaction, metadata
from monostack.http import Request
from monostack.services.network.attributes import Values
from monostack.services.network.lookup import among, read
from monostack.services.network.qos.rules import Rule, rules_of
from monostack.services.network.qos.table import POLICIES, default_of
from monostack.services.network.words import conflict

USERS = {"port": "ports", "network": "networks", "fip": "floatingips", "router": "routers"}
"""What may be under a policy: Neutron's word for it and its table. The column `qos_policy_id` says so."""

DEVICES = ("network:", "neutron:")  # ports of the network itself, which its policy leaves alone
GATEWAY = "network:router_gateway"
NORMAL = "normal"

_statements: dict[str, Any] = {}


def _using(kind: str, *columns: str) -> Select:
    """The users of a policy. The tables are declared by modules that import this one."""
    key = f"{kind} {columns}"
    if key not in _statements:
        t = metadata.tables[USERS[kind]].c
        _statements[key] = sa.select(*[t[name] for name in columns]).where(t.qos_policy_id == sa.bindparam("policy"))
    return _statements[key]


def user_of(tx: Transaction, policy_id: str) -> tuple[str, str] | None:
    """One that is under the policy: what it is and its id."""
    for kind in ("port", "network", "fip", "router"):
        found = tx.row(_using(kind, "id"), {"policy": policy_id})
        if found is not None:
            return kind, found.id
    return None


def projects_using(tx: Transaction, policy_id: str) -> set[str]:
    return {row.project_id for kind in USERS for row in tx.rows(_using(kind, "project_id"), {"policy": policy_id})}


def ports_under(tx: Transaction, policy_id: str) -> list[Row]:
    """The ports whose policy it is, by themselves or by their network."""
    if "network ports" not in _statements:
        p = metadata.tables["ports"].c
        _statements["network ports"] = sa.select(metadata.tables["ports"]).where(among(p.network_id), p.qos_policy_id.is_(None))
        _statements["ports"] = sa.select(metadata.tables["ports"]).where(p.qos_policy_id == sa.bindparam("policy"))
    networks = [row.id for row in tx.rows(_using("network", "id"), {"policy": policy_id})]
    return [*tx.rows(_statements["ports"], {"policy": policy_id}), *read(tx, _statements["network ports"], networks)]


def network_policies(tx: Transaction, network_ids: Iterable[str]) -> dict[str, str]:
    """The policy of each of these networks that is under one."""
    if "networks" not in _statements:
        n = metadata.tables["networks"].c
        _statements["networks"] = sa.select(n.id, n.qos_policy_id).where(among(n.id), n.qos_policy_id.is_not(None))
    return dict(read(tx, _statements["networks"], network_ids))


def routers_under(tx: Transaction, policy_id: str) -> list[str]:
    """The routers whose gateways, or floating IPs behind them, are under the policy."""
    found = [row.id for row in tx.rows(_using("router", "id"), {"policy": policy_id})]
    return found + [row.router_id for row in tx.rows(_using("fip", "router_id"), {"policy": policy_id}) if row.router_id]


def routers_of(ports: Iterable[Row]) -> list[str]:
    """The routers among the devices of these ports whose gateways they are."""
    return [port.device_id for port in ports if port.device_owner == GATEWAY]


def effective(port: Mapping[Any, Any], network_policy: str | None) -> str | None:
    """The policy a port is held to. A network's is for guests and for gateways of routers, not for its other devices."""
    if port["qos_policy_id"] is not None:
        return port["qos_policy_id"]
    device = port["device_owner"].startswith(DEVICES) and port["device_owner"] != GATEWAY
    return None if device else network_policy


# --- taking and leaving one ----------------------------------------------------------------------------------------------


def take(tx: Transaction, request: Request | None, values: Values, present: str | None = None) -> None:
    """Check the policy that is asked for among the values, and the leaving of the present one.

    Raises QosPolicyNotFound for one the caller does not know, PolicyRemoveAuthorizationError when he may not leave the other.
    """
    if "qos_policy_id" not in values or request is None:
        return
    wanted = values["qos_policy_id"]
    if present is not None and present != wanted:
        try:
            POLICIES.get(request, tx, present)
        except NotFound:
            text = f"Failed to remove provided policy {present} because you are not authorized."
            raise Forbidden(text, kind="PolicyRemoveAuthorizationError") from None
    if wanted is not None:
        POLICIES.get(request, tx, wanted)


def for_new_network(tx: Transaction, request: Request, values: Values) -> None:
    """The policy a new network names, else its project's default."""
    take(tx, request, values)
    if values.get("qos_policy_id") is None:
        values["qos_policy_id"] = default_of(tx, values["project_id"])


def check_ports(tx: Transaction, policy_id: str | None, ports: Iterable[Mapping[Any, Any]]) -> None:
    """The hosts can do what the policy says to each of these ports. Raises QosRuleNotSupported."""
    rules = _rules(tx, policy_id)
    for port in ports if rules else ():
        for rule in rules:
            if port["vnic_type"] != NORMAL:
                text = f"Rule {rule.kind.name} is not supported by port {port['id']}"
                raise conflict(text, "QosRuleNotSupported")


def _rules(tx: Transaction, policy_id: str | None) -> Sequence[Rule]:
    return rules_of(tx, [policy_id]).get(policy_id, ()) if policy_id is not None else ()


def mappings(rows: Collection[Row]) -> list[Mapping[Any, Any]]:
    return [row._mapping for row in rows]

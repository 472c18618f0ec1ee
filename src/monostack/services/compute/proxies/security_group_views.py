"""Security groups as Nova shows them: only what they let in, and that in a form of its own."""

from collections.abc import Sequence
from typing import Any

from monostack.db import Transaction
from monostack.http import Request
from monostack.services.network import facade as network

Document = dict[str, Any]
ANYWHERE = "0.0.0.0/0"


def rule_in_short(rule: Document) -> Document:
    """A rule of the network service in Nova's words. All ports are 1 to 65535 of TCP and UDP, and -1 of other protocols."""
    low, high = rule["port_range_min"], rule["port_range_max"]
    if rule["protocol"] and low is None and high is None:
        low, high = (1, 65535) if rule["protocol"].upper() in ("TCP", "UDP") else (-1, -1)
    return {
        "id": rule["id"], "parent_group_id": rule["security_group_id"], "protocol": rule["protocol"], "from_port": low, "to_port": high,
        "group_id": rule["remote_group_id"], "cidr": rule["remote_ip_prefix"] or ANYWHERE,
    }  # fmt: skip


def rule_view(short: Document, source: Document | None) -> Document:
    """`source` is the group whose members the rule lets in."""
    return {
        "id": short["id"], "parent_group_id": short["parent_group_id"], "ip_protocol": short["protocol"], "from_port": short["from_port"],
        "to_port": short["to_port"], "group": {"name": source["name"], "tenant_id": source["tenant_id"]} if source else {},
        "ip_range": {} if source else {"cidr": short["cidr"]},
    }  # fmt: skip


def group_views(request: Request, tx: Transaction, groups: Sequence[Document]) -> list[Document]:
    """Rules that let in a group the caller may not know of are left out."""
    rules = {
        group["id"]: [rule_in_short(rule) for rule in group["security_group_rules"] if rule["direction"] == "ingress"] for group in groups
    }
    known = {group["id"]: group for group in groups}
    unknown = {rule["group_id"] for short in rules.values() for rule in short if rule["group_id"]} - known.keys()
    if unknown:
        known |= {group["id"]: group for group in network.proxied.list_all(tx, request, "security_group", id=sorted(unknown))}
    shown = []
    for group in groups:
        views = [rule_view(r, known.get(r["group_id"])) for r in rules[group["id"]] if not r["group_id"] or r["group_id"] in known]
        about = {"id": group["id"], "name": group["name"], "description": group["description"], "tenant_id": group["tenant_id"]}
        shown.append({**about, "rules": views})
    return sorted(shown, key=lambda view: (view["tenant_id"], view["name"]))

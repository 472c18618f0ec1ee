"""/os-security-groups and /os-security-group-rules, until 2.36."""

from typing import Any
from urllib.parse import unquote

from netaddr import AddrFormatError, IPNetwork

from monostack.core.errors import BadRequest, Fault, Forbidden, NotFound
from monostack.db import Transaction
from monostack.http import Request, Routes
from monostack.http.answers import NOTHING, envelope, many
from monostack.services.compute.paging import slice_of
from monostack.services.compute.parameters import ANYTHING, NON_NEGATIVE, TEXT, Json, is_uuid, query
from monostack.services.compute.proxies import LAST, answers
from monostack.services.compute.proxies.faults import passed_on
from monostack.services.compute.proxies.security_group_views import ANYWHERE, Document, group_views, rule_in_short, rule_view
from monostack.services.network import facade as network

_TEXT: Json = {"type": "string", "minLength": 0, "maxLength": 255}


def _open(name: str, properties: Json, required: list[str]) -> Json:
    """A body that may hold more than is read."""
    inner = {"type": "object", "properties": properties, "required": required, "additionalProperties": True}
    return {"type": "object", "properties": {name: inner}, "required": [name], "additionalProperties": True}


_GROUP = _open("security_group", {"name": _TEXT, "description": _TEXT}, ["name", "description"])
_RULE = _open(
    "security_group_rule",
    {
        "group_id": {"type": ["string", "null"], "format": "uuid"},
        "parent_group_id": {"type": "string", "format": "uuid"},
        **dict.fromkeys(("to_port", "from_port", "ip_protocol", "cidr"), ANYTHING),
    },
    ["parent_group_id"],
)
_SAME = ("group_id", "cidr", "from_port", "to_port", "protocol")
_LIST = query({"limit": NON_NEGATIVE, "offset": NON_NEGATIVE, "all_tenants": TEXT})

routes = Routes("/v2.1")


def _id(request: Request) -> str:
    given = request.params["id"]
    if is_uuid(given) is None:
        raise BadRequest("Security group id should be uuid")
    return given


def _group(request: Request, tx: Transaction, id: str) -> Document:
    with passed_on(request, {404: NotFound}):
        return network.proxied.show(tx, request, "security_group", id)


def _shown(request: Request, tx: Transaction, group: Document) -> Any:
    return {"security_group": group_views(request, tx, [group])[0]}


@routes.get("/os-security-groups", policy="os_compute_api:os-security-groups:get", enforce=True, until=LAST, query=_LIST,
            prepare=network.proxied.before_security_groups, answer=envelope("security_groups", many(answers.GROUP)))  # fmt: skip
def list_security_groups(request: Request, tx: Transaction) -> Any:
    """List the project's security groups."""
    offset, limit = slice_of(request)
    everybody = "all_tenants" in request.query_map and request.caller.is_admin
    filters = {} if everybody else {"project_id": request.project_id}
    groups = network.proxied.list_all(tx, request, "security_group", **filters)
    return {"security_groups": group_views(request, tx, groups[offset : offset + limit])}


@routes.get(
    "/os-security-groups/{id}",
    policy="os_compute_api:os-security-groups:show",
    enforce=True,
    until=LAST,
    answer=envelope("security_group", answers.GROUP),
)
def show_security_group(request: Request, tx: Transaction) -> Any:
    """Show a security group."""
    return _shown(request, tx, _group(request, tx, _id(request)))


@routes.post(
    "/os-security-groups",
    policy="os_compute_api:os-security-groups:create",
    enforce=True,
    until=LAST,
    body=_GROUP,
    answer=envelope("security_group", answers.GROUP),
)
def create_security_group(request: Request, tx: Transaction) -> Any:
    """Create a security group."""
    given = request.body["security_group"]
    with passed_on(request, {400: BadRequest, 409: Forbidden}):
        group = network.proxied.create(tx, request, "security_group", {"name": given["name"], "description": given["description"]})
    return _shown(request, tx, group)


@routes.put(
    "/os-security-groups/{id}",
    policy="os_compute_api:os-security-groups:update",
    enforce=True,
    until=LAST,
    body=_GROUP,
    answer=envelope("security_group", answers.GROUP),
)
def update_security_group(request: Request, tx: Transaction) -> Any:
    """Give a security group another name and description."""
    group = _group(request, tx, _id(request))
    given = request.body["security_group"]
    changes = {"name": given["name"], "description": given["description"]}
    return _shown(request, tx, network.proxied.update(tx, request, "security_group", group["id"], changes))


@routes.delete(
    "/os-security-groups/{id}", policy="os_compute_api:os-security-groups:delete", enforce=True, until=LAST, status=202, answer=NOTHING
)
def delete_security_group(request: Request, tx: Transaction) -> None:
    """Delete a security group that no port is in."""
    group = _group(request, tx, _id(request))
    with passed_on(request, {404: NotFound, 409: BadRequest}):
        network.proxied.delete(tx, request, "security_group", group["id"])


# --- rules ---------------------------------------------------------------------------------------------------------------


@routes.post(
    "/os-security-group-rules",
    policy="os_compute_api:os-security-groups:rule:create",
    enforce=True,
    until=LAST,
    body=_RULE,
    answer=envelope("security_group_rule", answers.RULE),
)
def create_rule(request: Request, tx: Transaction) -> Any:
    """Let addresses, or the members of a group, reach the members of a group."""
    given = request.body["security_group_rule"]
    parent = _group(request, tx, given["parent_group_id"])
    source = _group(request, tx, given["group_id"]) if given.get("group_id") is not None else None
    wanted = _wanted(given, source)
    if source is None:
        present = [rule_in_short(rule) for rule in parent["security_group_rules"] if rule["direction"] == "ingress"]
        if any(all(rule[name] == wanted.get(name) for name in _SAME) for rule in present):
            raise BadRequest(f"This rule already exists in group {parent['id']}")
    with passed_on(request, {400: BadRequest, 404: NotFound, 409: Forbidden}):
        rule = network.proxied.create(tx, request, "security_group_rule", _rule_of_network(parent["id"], wanted))
    return {"security_group_rule": rule_view(rule_in_short(rule), source)}


@routes.delete("/os-security-group-rules/{id}", policy="os_compute_api:os-security-groups:rule:delete", enforce=True, until=LAST,
               status=202, answer=NOTHING)  # fmt: skip
def delete_rule(request: Request, tx: Transaction) -> None:
    """Delete a rule."""
    with passed_on(request, {404: NotFound}):
        rule = network.proxied.show(tx, request, "security_group_rule", _id(request))
        network.proxied.delete(tx, request, "security_group_rule", rule["id"])


def _invalid(reason: str) -> Fault:
    return BadRequest(f"Invalid input received: {reason}")


def _wanted(given: Document, source: Document | None) -> Document:
    """What the rule shall let in: cidr or group_id, and for some protocols ports. Raises BadRequest."""
    protocol, low, high = given.get("ip_protocol"), given.get("from_port"), given.get("to_port")
    if source is not None:
        wanted: Document = {"group_id": source["id"]}
        if low is None and high is None:  # a group is let in wholly where no ports are named
            low, high = {"ICMP": (-1, -1), "TCP": (1, 65535), "UDP": (1, 65535)}.get(str(protocol or "").upper(), (None, None))
    else:
        wanted = {"cidr": _cidr(given.get("cidr"))}
    if protocol and low is not None and high is not None:
        wanted.update(protocol=str(protocol), **_ports(str(protocol), low, high))
    elif source is None:
        raise BadRequest("Not enough parameters to build a valid rule.")
    if "cidr" in wanted:
        address, length = IPNetwork(wanted["cidr"]).ip, IPNetwork(wanted["cidr"]).prefixlen
        if length == 0 and str(address) not in ("0.0.0.0", "::"):
            raise BadRequest(f"Bad prefix for network in cidr {wanted['cidr']}")
    return wanted


def _cidr(given: Any) -> str:
    if not given:
        return ANYWHERE
    text = unquote(str(given))
    try:
        IPNetwork(text)
    except (TypeError, ValueError, AddrFormatError):
        raise BadRequest(f"{text} is not a valid IP network.") from None
    if not text.partition("/")[2]:
        raise BadRequest(f"{text} is not a valid IP network.")
    return text


def _ports(protocol: str, low: Any, high: Any) -> dict[str, int]:
    name = protocol.upper()
    try:
        first, last = int(low), int(high)
    except (TypeError, ValueError):
        icmp = "Type and Code must be integers for ICMP protocol type"
        raise _invalid(icmp if name == "ICMP" else "To and From ports must be integers") from None
    if name not in ("TCP", "UDP", "ICMP"):
        raise BadRequest(f"Invalid IP protocol {protocol}.")
    reason = None
    if name == "ICMP":
        if not (-1 <= first <= 255 and -1 <= last <= 255):
            reason = "For ICMP, the type:code must be valid"
    elif first > last:
        reason = "Former value cannot be greater than the later"
    elif first < 1 or last > 65535:
        reason = f"Valid {name} ports should be between 1-65535"
    if reason is not None:
        raise BadRequest(f"Invalid port range {first}:{last}. {reason}")
    return {"from_port": first, "to_port": last}


def _rule_of_network(group_id: str, wanted: Document) -> Document:
    cidr = wanted.get("cidr")
    rule: Document = {
        "direction": "ingress", "protocol": wanted.get("protocol"), "security_group_id": group_id, "remote_ip_prefix": cidr,
        "ethertype": "IPv6" if cidr and IPNetwork(cidr).version == 6 else "IPv4", "remote_group_id": wanted.get("group_id"),
    }  # fmt: skip
    for name, ours in (("port_range_min", "from_port"), ("port_range_max", "to_port")):
        if wanted.get(ours, -1) != -1:
            rule[name] = wanted[ours]
    return rule

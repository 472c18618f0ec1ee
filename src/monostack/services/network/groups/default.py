"""The default security group every project has from its first use of the network on."""


from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.services.network import standard
from monostack.services.network.changes import changed
from monostack.services.network.default_rules.table import templates
from monostack.services.network.default_statefulness.table import default_for
from monostack.services.network.groups.table import DEFAULT, GROUPS, RULES, default_group, find_groups
from monostack.services.network.groups.values import PARENT

_SAID = (
    "direction", "ethertype", "protocol", "port_range_min", "port_range_max", "remote_ip_prefix", "remote_group_id",
    "remote_address_group_id",
)  # fmt: skip


def ensure(tx: Transaction, request: Request | None, project_id: str) -> Row:
    """The project's default group, made with the rules that are for it if there is none."""
    found = default_group(tx, project_id)
    if found is not None:
        return found
    said = {"description": "Default security group", "stateful": default_for(tx, project_id)}
    values = {"name": DEFAULT, "project_id": project_id, **said}
    group = standard.insert(GROUPS, tx, request, {**values, "default_of": project_id}, revision=1)
    begin(tx, request, group)
    return group


def begin(tx: Transaction, request: Request | None, group: Row) -> None:
    """Give a new group the rules it begins with, but for those that let in a group which is no more: it has nobody to let in."""
    begun = templates(tx, default=group.default_of is not None)
    others = [rule.remote_group_id for rule in begun if rule.remote_group_id not in (None, PARENT)]
    remotes = {None: None, PARENT: group.id, **{id: id for id in find_groups(tx, others)}}
    for template in begun:
        if template.remote_group_id in remotes:
            rule = {name: template._mapping[name] for name in _SAID}
            owner = {"security_group_id": group.id, "project_id": group.project_id, "description": None}
            standard.insert(RULES, tx, request, {**rule, **owner, "remote_group_id": remotes[template.remote_group_id]})


async def before_listing(request: Request) -> None:
    """A project has its default group in the first list of its groups already, though lists do not write."""
    caller, query = request.caller.project_id, request.query_map
    project_id = query.get("project_id") or query.get("tenant_id") or caller
    if caller is None or project_id is None or await request.db.read(lambda tx: default_group(tx, project_id) is not None):
        return
    if request.allows("create_default_security_group", {"project_id": project_id}):
        await request.db.write(lambda tx: _ensure_and_tell(tx, request, project_id))


def _ensure_and_tell(tx: Transaction, request: Request, project_id: str) -> None:
    changed(tx, request.cloud, "group", [ensure(tx, request, project_id).id])

"""Live migration: a running server goes on running on another host."""


from monostack.core.errors import BadRequest
from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.services.compute import tpm
from monostack.services.compute.hosts.known import known_hosts
from monostack.services.compute.migrations import table as migrations
from monostack.services.compute.parameters import BOOLEAN, FQDN, Json, fields, is_true, one
from monostack.services.compute.scheduler import NoValidHost, Place, pick
from monostack.services.compute.servers import history, placing
from monostack.services.compute.servers.actions import ACTIONS
from monostack.services.compute.servers.lookup import authorize, check_state, visible
from monostack.services.compute.servers.power import begin
from monostack.services.compute.servers.states import MIGRATING
from monostack.services.placement import facade as placement

_HOST: Json = {**FQDN, "type": ["string", "null"]}
_OR_AUTO: Json = {**BOOLEAN, "enum": [*BOOLEAN["enum"], "auto"]}


def _body(required: tuple[str, ...], **more: Json) -> Json:
    return one("os-migrateLive", fields({"host": _HOST, **more}, required))


_NEW = ("block_migration", "host")
_BODY = [
    ((0, 0), _body(("block_migration", "disk_over_commit", "host"), block_migration=BOOLEAN, disk_over_commit=BOOLEAN)),
    ((2, 25), _body(_NEW, block_migration=_OR_AUTO)),
    ((2, 30), _body(_NEW, block_migration=_OR_AUTO, force=BOOLEAN)),
    ((2, 68), _body(_NEW, block_migration=_OR_AUTO)),
]


@ACTIONS.action("os-migrateLive", body=_BODY, policy="os_compute_api:os-migrate-server:migrate_live")
def live_migrate(request: Request, tx: Transaction) -> None:
    """Move a running server to another host."""
    asked = request.body["os-migrateLive"]
    host = asked["host"]
    server = visible(request, tx)
    authorize(request, f"os_compute_api:os-migrate-server:migrate_live{':host' if host else ''}", server)
    if request.at_least(2, 30) and is_true(asked.get("force", False)) and not host:
        raise BadRequest("Can't force to a non-provided destination")
    tpm.refuse_live_migration(server)
    check_state(request, server, "os-migrateLive")
    if host and host not in known_hosts(tx).by_name:
        raise BadRequest(f"Compute host {host} could not be found.")
    later = request.at_least(2, 34)
    if host == server.host and not later:
        raise BadRequest(f"Unable to migrate instance ({server.id}) to current host ({host}).")
    flavor = {**server.flavor, "id": server.flavor_id}
    hosts = [host] if host else None
    wish = placing.wish_of(tx, request.cloud, server, flavor, hosts=hosts, avoid=[server.host], zone=server.availability_zone)
    values = {
        "server_id": server.id, "project_id": request.caller.project_id, "user_id": request.caller.user_id, "kind": migrations.LIVE,
        "source": server.host, "old_flavor": flavor, "new_flavor": flavor,
    }  # fmt: skip
    try:
        found: Place = pick(tx, wish)
    except NoValidHost as none:
        if not later:
            raise BadRequest(none.message) from None
        migrations.add(tx, status=migrations.ERROR, **values)
        _refused(request, tx, server, f"{none.message}: {none.details}")
        return
    address = request.cloud.hosts.address(found.host.name)
    uuid = migrations.add(tx, status=migrations.PREPARING, dest=found.host.name, dest_address=address, **values)
    placement.move(tx, server.id, uuid, found.amounts, server.project_id, server.user_id)
    begin(request, tx, server, "live-migration", "live_migrate", MIGRATING, migration=uuid, dest=found.host.name)


def _refused(request: Request, tx: Transaction, server: Row, cause: str) -> None:
    started = history.input_of(server)["started"]
    events = [history.event("conductor_live_migrate_instance", started, None, cause)]
    history.start(tx, request, server.id, "live-migration", events, message="Error")

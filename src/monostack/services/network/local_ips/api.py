"""Creating, changing and deleting local IPs, and leading them to ports. Checks, their order and their texts are Neutron's."""


from monostack.core import ids
from monostack.core.errors import Fault, NotFound
from monostack.db import Row, Transaction
from monostack.http import Request
from monostack.services.network import standard
from monostack.services.network.addresses.table import of_port
from monostack.services.network.attributes import Values
from monostack.services.network.changes import changed
from monostack.services.network.local_ips.table import ASSOCIATIONS, LOCAL_IPS, OWNER, associations, key, missing
from monostack.services.network.networks import table as networks
from monostack.services.network.ports.create import create_port
from monostack.services.network.ports.delete import delete_port
from monostack.services.network.ports.table import PORTS
from monostack.services.network.ports.table import get as get_port
from monostack.services.network.subnets.table import of_network
from monostack.services.network.verbs import Verbs, Within
from monostack.services.network.words import bad_request, conflict, refused


def _port(tx: Transaction, request: Request, id: str, resource: str) -> Row:
    try:
        return PORTS.get(request, tx, id)
    except NotFound:
        raise bad_request(resource, f"Port {id} not found") from None


def _address(tx: Transaction, port_id: str, wanted: str | None) -> str:
    """The one address of a port, or the one that is wanted. Raises LocalIPNoIP, LocalIPNoRequestedIP, LocalIPRequestedIPNotFound."""
    found = [one.ip_address for one in of_port(tx, port_id)]
    if not found and wanted is None:
        raise _no_address(port_id)
    if wanted is not None and wanted not in found:
        text = f"Specified Port {port_id} does not have requested IP address: {wanted}."
        raise refused(text, "LocalIPRequestedIPNotFound")
    if wanted is None and len(found) > 1:
        text = f"Specified Port {port_id} has several IPs, should specify exact IP address to use for Local IP."
        raise refused(text, "LocalIPNoRequestedIP")
    return wanted or found[0]


def _no_address(port_id: str) -> Fault:
    return refused(f"Specified Port {port_id} has no fixed IPs configured.", "LocalIPNoIP")


def create_local_ip(tx: Transaction, request: Request, values: Values) -> Row:
    id, wanted = ids.new_uuid(), values.get("local_ip_address")
    if values.get("local_port_id"):
        port = _port(tx, request, values["local_port_id"], "local_ip")
        if not of_port(tx, port.id):
            raise _no_address(port.id)
        address = _address(tx, port.id, wanted)
    elif values.get("network_id"):
        port = _make_port(tx, request, id, values)
        address = of_port(tx, port.id)[0].ip_address
    else:
        raise refused("Either Port ID or Network ID must be specified for Local IP create.", "LocalIPPortOrNetworkRequired")
    kept = {"id": id, "local_port_id": port.id, "network_id": port.network_id, "local_ip_address": address}
    return standard.insert(LOCAL_IPS, tx, request, {**values, **kept})


def _make_port(tx: Transaction, request: Request, id: str, values: Values) -> Row:
    """What keeps the address free of others. No quota counts it."""
    network = networks.get_for(tx, request, values["network_id"])
    if not any(subnet.ip_version == 4 for subnet in of_network(tx, network.id)):
        raise bad_request("local_ip", f"Network {network.id} does not contain any IPv4 subnet")
    made = {"network_id": network.id, "project_id": values["project_id"], "device_owner": OWNER, "device_id": id, "status": "N/A"}
    if values.get("local_ip_address") is not None:
        made["fixed_ips"] = [{"ip_address": values["local_ip_address"]}]
    return create_port(tx, request.cloud, None, made)


def update_local_ip(tx: Transaction, request: Request, row: Row, changes: Values) -> Row:
    return LOCAL_IPS.change(tx, request, row, changes)


def delete_local_ip(tx: Transaction, request: Request, row: Row) -> None:
    if associations(tx, row.id):
        raise conflict(f"Local IP {row.id} is still associated with one or more ports.", "LocalIPInUse")
    standard.remove(LOCAL_IPS, tx, request, row)
    port = get_port(tx, row.local_port_id)
    if port.device_owner == OWNER:
        delete_port(tx, request.cloud, request, port)


def associate(tx: Transaction, request: Request, values: Values) -> Row:
    local_ip_id = values["local_ip_id"]
    port = _port(tx, request, values["fixed_port_id"], "local_ip_port_association")
    address = _address(tx, port.id, values.get("fixed_ip"))
    if any(one.fixed_port_id == port.id for one in associations(tx, local_ip_id)):
        text = f"Failed to create a duplicate LocalIPAssociation: for attribute(s) ['PRIMARY'] with value(s) {local_ip_id}-{port.id}"
        raise conflict(text, "NeutronDbObjectDuplicateEntry")
    changed(tx, request.cloud, "port", [port.id])
    return ASSOCIATIONS.insert(tx, request, {**values, "key": key(local_ip_id, port.id), "fixed_ip": address})


def dissociate(tx: Transaction, request: Request, row: Row) -> None:
    changed(tx, request.cloud, "port", [row.fixed_port_id])
    ASSOCIATIONS.remove(tx, request, row)


VERBS = Verbs(LOCAL_IPS, create=create_local_ip, update=update_local_ip, delete=delete_local_ip, counted=False)
PORT_VERBS = Verbs(
    ASSOCIATIONS,
    create=associate,
    delete=dissociate,
    counted=False,
    within=Within(LOCAL_IPS, "local_ip_id", missing, key=key, lists_of_unknown=True),
)
routes = [VERBS.routes(), PORT_VERBS.routes()]

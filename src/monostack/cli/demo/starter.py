"""What every new cloud wants: flavors, an image, networks with a way out, a keypair, a security group."""

import hashlib
from ipaddress import ip_interface
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat, load_ssh_private_key

from monostack.cli.demo.client import ApiError, Client, Failure
from monostack.core.config import Config

IMAGE = "monostack-guest"
KEYPAIR = "demo"
GROUP = "ssh-and-icmp"
PUBLIC, PRIVATE, ROUTER = "public", "private", "router1"
PRIVATE_CIDR = "10.0.0.0/24"
# What networks that are allocated on demand (`--nic auto`) take their addresses from.
POOL = "shared-default-subnetpool-v4"
POOL_PREFIXES = ["10.64.0.0/14"]

# The names, ids and sizes that tutorials expect: MiB of memory, VCPUs, GiB of disk.
FLAVORS = {
    "m1.nano": ("42", 192, 1, 1),
    "m1.micro": ("84", 256, 1, 1),
    "m1.tiny": ("1", 512, 1, 1),
    "m1.small": ("2", 2048, 1, 20),
    "m1.medium": ("3", 4096, 2, 40),
    "m1.large": ("4", 8192, 4, 80),
}


def flavors(client: Client) -> str:
    there = {flavor["name"] for flavor in client.call("GET", "compute", "/flavors")["flavors"]}
    for name in FLAVORS.keys() - there:
        flavor_id, ram, vcpus, disk = FLAVORS[name]
        body = {"flavor": {"name": name, "id": flavor_id, "ram": ram, "vcpus": vcpus, "disk": disk}}
        client.call("POST", "compute", "/flavors", body)
    return f"{', '.join(FLAVORS)}: {_made(len(FLAVORS.keys() - there))}"


def image(client: Client, file: Path) -> str:
    """Upload the guest image, unless the image of that name has these very bits. One with others makes room for it."""
    if not file.is_file():
        raise Failure(f"there is no file {file}", "build it with `make guest-image`")
    with file.open("rb") as bits:
        digest = hashlib.file_digest(bits, "sha512").hexdigest()
    found = client.named("image", "/v2/images", IMAGE)
    if found is not None and found["status"] == "active" and found["os_hash_value"] == digest:
        client.known["image"] = found["id"]
        return f"{IMAGE} is there"
    if found is not None and found["status"] == "active":
        renamed = [{"op": "replace", "path": "/name", "value": f"{IMAGE} of {found['created_at']}"}]
        patch = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
        client.call("PATCH", "image", f"/v2/images/{found['id']}", renamed, headers=patch)
        found = None
    body = {"name": IMAGE, "disk_format": "qcow2", "container_format": "bare", "visibility": "public", "os_distro": "debian"}
    made = found or client.call("POST", "image", "/v2/images", body)
    client.progress.wait(f"uploading {file.stat().st_size >> 20} MiB")
    with file.open("rb") as bits:
        headers = {"Content-Type": "application/octet-stream"}
        client.call("PUT", "image", f"/v2/images/{made['id']}/file", content=bits, headers=headers)
    client.known["image"] = made["id"]
    return f"{IMAGE} uploaded, {file.stat().st_size >> 20} MiB"


def external_network(config: Config) -> tuple[str, str]:
    """The physical network of this host that leads outside, and the host's address on it. Raises Failure."""
    for name, network in config.agent.external_networks.items():
        if network.address is not None:
            return name, network.address
    raise Failure(
        "no network of this host leads outside: agent.external_networks has none with an address",
        "give one an address in the configuration, such as 172.24.4.1/24",
    )


def networks(client: Client, external: tuple[str, str]) -> str:
    public, made_public = way_out(client, external)
    private, made_private = client.ensure("network", "/v2.0/networks", "network", PRIVATE)
    subnet = _subnet(client, private, "private-subnet", cidr=PRIVATE_CIDR)
    client.known |= {"public": public["id"], "private": private["id"], "subnet": subnet["id"]}
    return f"{PUBLIC} {ip_interface(external[1]).network} and {PRIVATE} {PRIVATE_CIDR}: {_made(made_public + made_private)}"


def way_out(client: Client, external: tuple[str, str]) -> tuple[dict[str, Any], bool]:
    """The external network, and the pool of addresses that networks allocated on demand need beside it; whether it was made now."""
    physical, address = external
    provider: dict[str, Any] = {"provider:network_type": "flat", "provider:physical_network": physical}
    host = ip_interface(address)
    provider |= {"router:external": True, "is_default": True}
    public, made_public = client.ensure("network", "/v2.0/networks", "network", PUBLIC, **provider)
    pool = [{"start": str(host.ip + 9), "end": str(host.network.broadcast_address - 1)}]
    outside = {"cidr": str(host.network), "gateway_ip": str(host.ip), "enable_dhcp": False, "allocation_pools": pool}
    _subnet(client, public, "public-subnet", **outside)
    shared = {"is_default": True, "shared": True, "prefixes": POOL_PREFIXES, "default_prefixlen": 26}
    client.ensure("network", "/v2.0/subnetpools", "subnetpool", POOL, **shared)
    return public, made_public


def _subnet(client: Client, network: dict[str, Any], name: str, **body: Any) -> dict[str, Any]:
    return client.ensure("network", "/v2.0/subnets", "subnet", name, network_id=network["id"], ip_version=4, **body)[0]


def router(client: Client) -> str:
    gateway = {"network_id": client.known["public"]}
    found, made = client.ensure("network", "/v2.0/routers", "router", ROUTER, external_gateway_info=gateway)
    query = {"device_id": found["id"], "network_id": client.known["private"]}
    if not client.call("GET", "network", "/v2.0/ports", params=query)["ports"]:
        client.call("PUT", "network", f"/v2.0/routers/{found['id']}/add_router_interface", {"subnet_id": client.known["subnet"]})
    outside = found["external_gateway_info"]["external_fixed_ips"][0]["ip_address"]
    return f"{ROUTER} leads from {PRIVATE} out as {outside}: {_made(made)}"


def keypair(client: Client, file: Path) -> str:
    """The keypair of the key in `file`, which is made when there is none."""
    public_key = _public_key(file)
    try:
        found = client.call("GET", "compute", f"/os-keypairs/{KEYPAIR}")["keypair"]
    except ApiError as error:
        if error.status != 404:
            raise
        found = None
    if found is not None and found["public_key"].split()[:2] == public_key.split()[:2]:
        return f"{KEYPAIR} is there"
    if found is not None:
        client.call("DELETE", "compute", f"/os-keypairs/{KEYPAIR}")
    client.call("POST", "compute", "/os-keypairs", {"keypair": {"name": KEYPAIR, "public_key": public_key}})
    return f"{KEYPAIR}, private key in {file}"


def _public_key(file: Path) -> str:
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        content = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        file.touch(mode=0o600)
        file.write_bytes(content)
    key = load_ssh_private_key(file.read_bytes(), None)
    return f"{key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()} demo"


def security_group(client: Client) -> str:
    group, made = client.ensure("network", "/v2.0/security-groups", "security_group", GROUP, description="SSH and ping from anywhere")
    if made:
        for rule in ({"protocol": "tcp", "port_range_min": 22, "port_range_max": 22}, {"protocol": "icmp"}):
            body = {"direction": "ingress", "ethertype": "IPv4", "security_group_id": group["id"], **rule}
            client.call("POST", "network", "/v2.0/security-group-rules", {"security_group_rule": body})
    return f"{GROUP} {_made(made)}"


def _made(count: int) -> str:
    return "made" if count else "there"

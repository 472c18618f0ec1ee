"""A server with a volume and an address that can be reached from this host, and what it says when one logs in."""

import subprocess
import time
from pathlib import Path
from typing import Any

from monostack.cli.demo.client import Client, Failure
from monostack.cli.demo.starter import FLAVORS, GROUP, IMAGE, KEYPAIR

NAME = "first-server"
VOLUME = "first-volume"
FLAVOR = "m1.nano"
USER = "cirros"
BOOT = 300.0  # seconds; a guest without KVM on a busy machine
CALL = 60.0  # seconds for what takes one or two
AGAIN = f"delete it with `openstack server delete {NAME}`"


def server(client: Client) -> str:
    found = client.named("compute", "/servers", NAME)
    if found is None:
        body = {
            "name": NAME,
            "flavorRef": FLAVORS[FLAVOR][0],
            "imageRef": client.known["image"],
            "key_name": KEYPAIR,
            "networks": [{"uuid": client.known["private"]}],
            "security_groups": [{"name": GROUP}],
        }
        client.known["server"] = client.call("POST", "compute", "/servers", {"server": body})["server"]["id"]
    else:
        client.known["server"] = found["id"]
        if _show(client)["status"] == "SHUTOFF":
            client.call("POST", "compute", f"/servers/{found['id']}/action", {"os-start": None})
    client.wait(f"the boot of {NAME}", lambda: _not_active(client), BOOT, AGAIN)
    return f"{NAME}, {FLAVOR}, from {IMAGE}: {'there' if found else 'booted'}"


def _show(client: Client) -> dict[str, Any]:
    return client.call("GET", "compute", f"/servers/{client.known['server']}")["server"]


def _not_active(client: Client) -> str | None:
    shown = _show(client)
    if shown["status"] == "ERROR":
        raise Failure(f"{NAME} is in ERROR: {shown.get('fault', {}).get('message', 'no cause is given')}", AGAIN)
    busy = shown["OS-EXT-STS:task_state"]
    return None if shown["status"] == "ACTIVE" and busy is None else str(busy or shown["status"]).lower()


def volume(client: Client) -> str:
    found, made = client.ensure("block-storage", "/volumes", "volume", VOLUME, size=1)
    path = f"/volumes/{found['id']}"

    def unless(*wanted: str) -> str | None:
        status = client.call("GET", "block-storage", path)["volume"]["status"]
        if status.startswith("error"):
            raise Failure(f"{VOLUME} is in the state {status}", f"delete it with `openstack volume delete {VOLUME}`")
        return None if status in wanted else status

    attachments = f"/servers/{client.known['server']}/os-volume_attachments"

    def mine() -> dict[str, Any] | None:
        listed = client.call("GET", "compute", attachments)["volumeAttachments"]
        return next((one for one in listed if one["volumeId"] == found["id"]), None)

    def attaching() -> str | None:
        state = unless("in-use")
        if state == "available" and mine() is None:
            raise Failure(f"{NAME} could not take {VOLUME}", f"`openstack server event list {NAME}` and the agent's log say why")
        return state

    client.wait(f"the volume {VOLUME}", lambda: unless("available", "in-use"), CALL)
    if mine() is None:
        client.call("POST", "compute", attachments, {"volumeAttachment": {"volumeId": found["id"]}})
    client.wait(f"attaching {VOLUME}", attaching, CALL)
    return f"{VOLUME}, 1 GiB, at {(mine() or {}).get('device')}: {'attached' if made else 'there'}"


def floating_ip(client: Client) -> str:
    port = client.call("GET", "network", "/v2.0/ports", params={"device_id": client.known["server"]})["ports"][0]
    found = client.call("GET", "network", "/v2.0/floatingips", params={"port_id": port["id"]})["floatingips"]
    body = {"floating_network_id": client.known["public"], "port_id": port["id"]}
    address = found[0] if found else client.call("POST", "network", "/v2.0/floatingips", {"floatingip": body})["floatingip"]
    client.known["address"] = address["floating_ip_address"]
    return f"{address['floating_ip_address']} leads to {port['fixed_ips'][0]['ip_address']}: {'there' if found else 'made'}"


def log_in(client: Client, key: Path) -> str:
    """Run two commands in the guest over SSH, as soon as it lets us in."""
    target = f"{USER}@{client.known['address']}"
    options = ["BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "ConnectTimeout=3"]
    command = ["ssh", "-i", str(key), *(word for option in options for word in ("-o", option)), target, "hostname && lsblk"]
    until = time.monotonic() + BOOT
    while True:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60)
        if done.returncode == 0:
            client.known["said"] = f"$ ssh {target} 'hostname && lsblk'\n{done.stdout.rstrip()}"
            return f"{done.stdout.splitlines()[0]} answers at {client.known['address']}"
        if time.monotonic() > until:
            raise Failure(f"no SSH session within {BOOT:.0f} s: {done.stderr.strip()}\n{_console(client)}", AGAIN)
        client.progress.wait("the guest is booting")
        time.sleep(0.5)


def _console(client: Client) -> str:
    path = f"/servers/{client.known['server']}/action"
    output = client.call("POST", "compute", path, {"os-getConsoleOutput": {"length": 15}})["output"]
    return f"The end of its console:\n{output}"

"""Starting and stopping domains. Plain functions over a libvirt connection, each short; none is for the event loop."""

import contextlib
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

from monostack.agent.errors import CommandError
from monostack.agent.hypervisor.libvirt.connection import find, get
from monostack.agent.hypervisor.libvirt.domain_xml import NAMESPACE
from monostack.protocol.guests import GuestState


def is_running(connection: Any, server_id: str) -> bool:
    """Whether the server has a domain, and QEMU runs it (paused counts)."""
    domain = find(connection, server_id)
    return domain is not None and bool(domain.isActive())


def settle(connection: Any, home: str) -> None:
    """Wait for what an agent that was killed asked for and libvirt is still doing, such as starting a domain.

    Defining or removing a domain in the middle of its start spoils both. Only a change of the domain takes its turn behind a start, so
    its empty description is made empty.
    """
    import libvirt

    for domain in connection.listAllDomains():
        with _gone_meanwhile():
            if _is_ours(domain, home):
                domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_DESCRIPTION, None, None, None, libvirt.VIR_DOMAIN_AFFECT_CONFIG)


def start(connection: Any, server_id: str, xml: str, ready: Callable[[str], None]) -> None:
    """Define the domain anew and boot it, whatever it saved when it was suspended. A running one is left as it is. Raises CommandError.

    `ready` is called between the two with the domain as libvirt has completed it.
    """
    import libvirt

    domain = find(connection, server_id)
    if domain is not None and domain.isActive():
        return
    try:
        domain = connection.defineXML(xml)
        if domain.hasManagedSaveImage():
            domain.managedSaveRemove()
        ready(domain.XMLDesc())
        domain.create()
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_OPERATION_FAILED and "already exists with uuid" in str(error):
            raise CommandError("guest.name_taken", f"another guest of this host has the name of server {server_id}: {error}") from None
        if error.get_error_code() == libvirt.VIR_ERR_OPERATION_INVALID and domain is not None and domain.isActive():
            return  # somebody else started it in between
        raise


def define(connection: Any, xml: str) -> None:
    """Write down how the next start of a domain that is off is to be."""
    connection.defineXML(xml)


def press_power_button(connection: Any, server_id: str) -> None:
    """Ask the guest to shut down. A guest that does not run is left alone."""
    with _gone_meanwhile():
        domain = get(connection, server_id)
        if domain.isActive():
            domain.shutdown()


def pull_plug(connection: Any, server_id: str) -> None:
    """Have the guest off at once. Nothing there is success."""
    domain = find(connection, server_id)
    if domain is not None and domain.isActive():
        with _gone_meanwhile():
            domain.destroy()


def remove(connection: Any, server_id: str) -> None:
    """Off and forgotten. Nothing there is success."""
    import libvirt

    pull_plug(connection, server_id)
    domain = find(connection, server_id)
    if domain is not None:
        with _gone_meanwhile():
            domain.undefineFlags(
                libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
                | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
                | libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
                | libvirt.VIR_DOMAIN_UNDEFINE_NVRAM
            )


def state_of(connection: Any, server_id: str) -> GuestState | None:
    """What became of a server; None when it has no domain."""
    domain = find(connection, server_id)
    return None if domain is None else _state(domain)


def all_states(connection: Any, home: str) -> list[GuestState]:
    """Every domain that the agent with the state directory `home` made."""
    states = []
    for domain in connection.listAllDomains():
        with _gone_meanwhile():
            if _is_ours(domain, home):
                states.append(_state(domain))
    return states


def _is_ours(domain: Any, home: str) -> bool:
    import libvirt

    try:
        mark = domain.metadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, NAMESPACE)
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN_METADATA:
            return False
        raise
    return ElementTree.fromstring(mark).get("home") == home


def _state(domain: Any) -> GuestState:
    import libvirt

    state, reason = domain.state()
    server_id = domain.UUIDString()
    if state in (libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_BLOCKED, libvirt.VIR_DOMAIN_SHUTDOWN):
        return GuestState(server_id, "running")  # on its way down is not down
    if state in (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PMSUSPENDED):
        return GuestState(server_id, "paused", "unknown")
    if state == libvirt.VIR_DOMAIN_CRASHED:
        return GuestState(server_id, "crashed", "crashed")
    why = {
        libvirt.VIR_DOMAIN_SHUTOFF_SHUTDOWN: "shutdown",
        libvirt.VIR_DOMAIN_SHUTOFF_DESTROYED: "destroyed",
        libvirt.VIR_DOMAIN_SHUTOFF_SAVED: "saved",
        libvirt.VIR_DOMAIN_SHUTOFF_CRASHED: "crashed",
        libvirt.VIR_DOMAIN_SHUTOFF_FAILED: "crashed",
        libvirt.VIR_DOMAIN_SHUTOFF_DAEMON: "host_restart",
    }.get(reason, "unknown")
    return GuestState(server_id, "crashed" if why == "crashed" else "stopped", why)


@contextlib.contextmanager
def _gone_meanwhile() -> Any:
    """A domain that stopped or vanished between two calls is what was wanted, or is told by the next look."""
    import libvirt

    try:
        yield
    except libvirt.libvirtError as error:
        if error.get_error_code() not in (libvirt.VIR_ERR_NO_DOMAIN, libvirt.VIR_ERR_OPERATION_INVALID):
            raise

"""Domains that stand still: paused, with their memory where it is, or suspended, with it on the disk. None is for the event loop."""

from typing import Any

from monostack.agent.errors import CommandError
from monostack.agent.hypervisor.libvirt.connection import get


def pause(connection: Any, server_id: str) -> None:
    """Have a guest's processors stand still. Raises CommandError when it is off."""
    import libvirt

    domain = active(connection, server_id)
    if domain.state()[0] != libvirt.VIR_DOMAIN_PAUSED:
        domain.suspend()


def unpause(connection: Any, server_id: str) -> None:
    """Let a paused guest go on; one that runs is left alone. Raises CommandError when it is off."""
    import libvirt

    domain = active(connection, server_id)
    if domain.state()[0] == libvirt.VIR_DOMAIN_PAUSED:
        domain.resume()


def save(connection: Any, server_id: str) -> None:
    """Keep a guest's memory in libvirt's directory and turn it off. One that was saved stays so. Raises CommandError when it is off."""
    domain = get(connection, server_id)
    if not domain.isActive() and domain.hasManagedSaveImage():
        return
    active(connection, server_id).managedSave()


def restore(connection: Any, server_id: str) -> bool:
    """Let a saved guest go on; one that runs already is left alone. False: nothing is saved of it."""
    domain = get(connection, server_id)
    if domain.isActive():
        return True
    if not domain.hasManagedSaveImage():
        return False
    domain.create()
    return True


def active(connection: Any, server_id: str) -> Any:
    """The domain of a guest that is on. Raises CommandError when it is off."""
    domain = get(connection, server_id)
    if not domain.isActive():
        raise CommandError("guest.not_running", f"the guest of server {server_id} is off")
    return domain

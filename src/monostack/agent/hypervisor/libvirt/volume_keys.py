"""Keys of encrypted volumes: libvirt knows them for as long as it opens the disks, in its memory only. None is for the event loop."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar
from xml.etree.ElementTree import Element, SubElement, tostring

from monostack.agent.errors import require_uuid
from monostack.protocol.guests import GuestSpec, VolumeKey

T = TypeVar("T")


def keys_of(spec: GuestSpec) -> list[VolumeKey]:
    """What opens the encrypted volumes of a guest."""
    return [volume.connection.key for volume in spec.volumes if volume.connection.key is not None]


def using(connection: Any, keys: Sequence[VolumeKey], function: Callable[..., T], *args: Any) -> T:
    """`function(connection, *args)`, while libvirt knows the keys."""
    with ExitStack() as known:
        for key in keys:
            known.enter_context(_known(connection, key))
        return function(connection, *args)


@contextmanager
def _known(connection: Any, key: VolumeKey) -> Iterator[None]:
    secret = connection.secretDefineXML(_described(key))
    try:
        secret.setValue(key.passphrase.encode())
        yield
    finally:
        _forget(secret)


def _described(key: VolumeKey) -> str:
    """https://libvirt.org/formatsecret.html: ephemeral is not written to a disk, private is not told to clients."""
    root = Element("secret", ephemeral="yes", private="yes")
    SubElement(root, "uuid").text = require_uuid(key.id, "key")
    usage = SubElement(root, "usage", type="volume")
    SubElement(usage, "volume").text = key.id
    return tostring(root, encoding="unicode")


def _forget(secret: Any) -> None:
    import libvirt

    try:
        secret.undefine()
    except libvirt.libvirtError as error:
        if error.get_error_code() != libvirt.VIR_ERR_NO_SECRET:  # gone with a libvirtd that started anew
            raise

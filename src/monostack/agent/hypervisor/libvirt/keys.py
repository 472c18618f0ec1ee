"""Keys of encrypted volumes and TPMs: libvirt knows them for as long as it opens these, in its memory only. None is for the event loop."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar
from xml.etree.ElementTree import Element, SubElement, tostring

from monostack.agent.errors import require_uuid
from monostack.protocol.guests import GuestSpec, GuestTpm, VolumeKey

T = TypeVar("T")


def keys_of(spec: GuestSpec) -> list[VolumeKey | GuestTpm]:
    """What opens the encrypted volumes of a guest, and its TPM."""
    of_volumes = [volume.connection.key for volume in spec.volumes if volume.connection.key is not None]
    return [*of_volumes, *([spec.tpm] if spec.tpm is not None else [])]


def using(connection: Any, keys: Sequence[VolumeKey | GuestTpm], function: Callable[..., T], *args: Any) -> T:
    """`function(connection, *args)`, while libvirt knows the keys."""
    with ExitStack() as known:
        for key in keys:
            known.enter_context(_known(connection, key))
        return function(connection, *args)


@contextmanager
def _known(connection: Any, key: VolumeKey | GuestTpm) -> Iterator[None]:
    secret = connection.secretDefineXML(_described(key))
    try:
        secret.setValue(key.passphrase.encode())
        yield
    finally:
        _forget(secret)


def _described(key: VolumeKey | GuestTpm) -> str:
    """https://libvirt.org/formatsecret.html: ephemeral is not written to a disk, private is not told to clients."""
    root = Element("secret", ephemeral="yes", private="yes")
    SubElement(root, "uuid").text = require_uuid(key.id, "key")
    kind, name = ("vtpm", "name") if isinstance(key, GuestTpm) else ("volume", "volume")
    SubElement(SubElement(root, "usage", type=kind), name).text = key.id
    return tostring(root, encoding="unicode")


def _forget(secret: Any) -> None:
    import libvirt

    try:
        secret.undefine()
    except libvirt.libvirtError as error:
        if error.get_error_code() != libvirt.VIR_ERR_NO_SECRET:  # gone with a libvirtd that started anew
            raise

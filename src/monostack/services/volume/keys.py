"""Keys of encrypted volumes and of their backups: made here, and kept in the row of what they open, sealed with keys of the state dir.

The copies of a volume have keys of their own. Its snapshots have its key, and so have its backups, under another id.
"""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from monostack.core import clock, ids, key_repository
from monostack.core.errors import BadRequest, NotBuilt
from monostack.core.key_repository import KeyRepository
from monostack.db import Row
from monostack.protocol.guests import VolumeKey

DIRECTORY = "volume-keys"
# The formats that Nova knows, and the names of classes that did it once. They say how a device is encrypted that others may open; a volume
# here is a qcow2 file, and there is one way in which QEMU encrypts those: with a LUKS header inside.
FORMATS = ("luks", "luks2", "plain")
CLASSES = ("luks.LuksEncryptor", "cryptsetup.CryptsetupEncryptor")
PROVIDERS = (
    *FORMATS,
    *(f"{package}.encryptors.{name}" for package in ("nova.volume", "os_brick") for name in CLASSES),
    *(name.split(".")[1] for name in CLASSES),
)
DEFAULT_SIZE = 256  # bits
RANDOM_BITS = 256  # of a passphrase: as many as the largest key it protects


def create_repository(state_dir: Path) -> None:
    """Make the keys that seal, unless they are there."""
    key_repository.create(state_dir / DIRECTORY)


class SealedKey(NamedTuple):
    """The columns of a key that is in no row yet."""

    encryption_key_id: str | None
    sealed_key: str | None


class _Sealed(msgspec.Struct, array_like=True):
    passphrase: str
    cipher: str
    size: int


def columns_for(cloud: Any, kind: Row) -> dict[str, Any]:
    """The columns of a new volume's key, which a volume of a type that asks for none does not have.

    Raises BadRequest, and NotBuilt (501) for encryption of other kinds.
    """
    wanted: Mapping[str, Any] | None = kind.encryption
    if wanted is None:
        return {"encryption_key_id": None, "sealed_key": None}
    if wanted["provider"] not in PROVIDERS:
        formats = ", ".join(FORMATS)
        raise NotBuilt(f"Volume type {kind.name} asks for encryption by {wanted['provider']}, which is not implemented: {formats} are.")
    if not wanted["cipher"]:
        raise BadRequest("Invalid encryption spec", kind="InvalidVolumeType")
    return _columns(cloud, _Sealed(_passphrase(), wanted["cipher"], wanted["key_size"] or DEFAULT_SIZE))


def anew(cloud: Any, row: Row) -> SealedKey:
    """Another key by which the same is encrypted as by that of `row`, which has one."""
    return SealedKey(**_columns(cloud, msgspec.structs.replace(_open(cloud, row), passphrase=_passphrase())))


def _passphrase() -> str:
    return f"{ids.random_int(RANDOM_BITS):0{RANDOM_BITS // 4}x}"


def columns_like(cloud: Any, row: Row) -> dict[str, Any]:
    """The columns of what the key of `row` opens, too: the same key, under an id of its own."""
    if row.encryption_key_id is None:
        return {"encryption_key_id": None, "sealed_key": None}
    return _columns(cloud, _open(cloud, row))


def opened(cloud: Any, row: Row | SealedKey) -> VolumeKey | None:
    """The key of a volume or a backup, for its host; None if it is not encrypted. Raises RuntimeError when what sealed it is gone."""
    if row.encryption_key_id is None:
        return None
    found = _open(cloud, row)
    return VolumeKey(row.encryption_key_id, found.passphrase, found.cipher, found.size)


def seal(cloud: Any, key: bytes) -> str:
    """A key as it may be kept in the database."""
    return _repository(cloud.state_dir).seal(key, int(clock.timestamp()))


def unseal(cloud: Any, key_id: str, sealed: str) -> bytes:
    """Raises RuntimeError when what sealed it is gone."""
    found = _repository(cloud.state_dir).open(sealed)
    if found is None:
        raise RuntimeError(f"key {key_id} cannot be opened with the keys in {cloud.state_dir / DIRECTORY}")
    return found[0]


def _columns(cloud: Any, key: _Sealed) -> dict[str, Any]:
    return {"encryption_key_id": ids.new_uuid(), "sealed_key": seal(cloud, msgspec.json.encode(key))}


def _open(cloud: Any, row: Row | SealedKey) -> _Sealed:
    return msgspec.json.decode(unseal(cloud, row.encryption_key_id or "", row.sealed_key or ""), type=_Sealed)


@functools.cache
def _repository(state_dir: Path) -> KeyRepository:
    return KeyRepository(state_dir / DIRECTORY)

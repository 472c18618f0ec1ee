"""Keys of encrypted volumes, as controllers make them and send them."""

import uuid

import msgspec

from monostack.protocol.guests import VolumeKey


def new_key(cipher: str = "aes-xts-plain64", size: int = 256) -> VolumeKey:
    return VolumeKey(str(uuid.uuid4()), uuid.uuid4().hex * 2, cipher, size)


def plain(key: VolumeKey) -> dict[str, str]:
    return msgspec.to_builtins(key)

"""Encrypted disk images, as qemu-img makes and opens them: a LUKS header inside the qcow2 file, and every cluster encrypted.

A passphrase reaches a program through memory that only the program inherits: it is on no disk and no command line.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from monostack.agent.errors import CommandError
from monostack.protocol.guests import VolumeKey

# What QEMU has, by the first part of a cipher as Linux writes it (aes-xts-plain64): sizes of keys in bits
ALGORITHMS = {"aes": (128, 192, 256), "serpent": (128, 192, 256), "twofish": (128, 192, 256)}
MODES = ("cbc", "xts", "ctr")
VECTORS = ("plain", "plain64")
# Making a passphrase slow to guess is for those that people choose; ours is as random as the key it opens.
ITERATION_MILLISECONDS = 10


@contextmanager
def given(**keys: VolumeKey | None) -> Iterator[tuple[tuple[str, ...], tuple[int, ...]]]:
    """Arguments by which a program of QEMU knows keys as secrets of these names, and the files it has to inherit for that."""
    arguments: list[str] = []
    files: list[int] = []
    with ExitStack() as opened:
        for name, key in keys.items():
            if key is not None:
                file = os.memfd_create(name)
                opened.callback(os.close, file)
                os.write(file, key.passphrase.encode())
                arguments += ["--object", f"secret,id={name},file=/proc/self/fd/{file}"]
                files.append(file)
        yield tuple(arguments), tuple(files)


def making(key: VolumeKey | None, secret: str) -> tuple[str, ...]:
    """Options of a new image that `key` is to open. Raises CommandError for a cipher that QEMU does not have."""
    if key is None:
        return ()
    options = (
        "encrypt.format=luks",
        f"encrypt.key-secret={secret}",
        *_cipher(key),
        f"encrypt.iter-time={ITERATION_MILLISECONDS}",
    )
    return ("-o", ",".join(options))


def require_known(key: VolumeKey) -> None:
    """Raises CommandError for a cipher that no host has."""
    _cipher(key)


def opening(path: Path, key: VolumeKey | None, secret: str) -> tuple[str, ...]:
    """Arguments that name a qcow2 image, and the secret that opens it if it needs one."""
    if key is None:
        return ("-f", "qcow2", str(path))
    # In such a list of options a comma stands for itself when it is doubled.
    name = str(path).replace(",", ",,")
    return ("--image-opts", f"driver=qcow2,encrypt.key-secret={secret},file.driver=file,file.filename={name}")


def _cipher(key: VolumeKey) -> tuple[str, ...]:
    algorithm, _, rest = key.cipher.partition("-")
    mode, _, vector = rest.partition("-")
    if key.size not in ALGORITHMS.get(algorithm, ()) or mode not in MODES or vector not in VECTORS:
        raise CommandError("volume.cipher", f"this host has no cipher {key.cipher} with keys of {key.size} bits")
    return (f"encrypt.cipher-alg={algorithm}-{key.size}", f"encrypt.cipher-mode={mode}", f"encrypt.ivgen-alg={vector}")

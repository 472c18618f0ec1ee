"""Encrypted disk images, as qemu-img makes and opens them: a LUKS header inside the qcow2 file, and every cluster encrypted.

A raw image that is encrypted is a LUKS device, as other programs have them.

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


DRIVERS = {"qcow2": ("qcow2", "encrypt."), "raw": ("luks", "")}  # disk format -> QEMU's name for it encrypted, before names of options


def making(key: VolumeKey | None, disk_format: str, secret: str) -> tuple[str, ...]:
    """Options of a new image that `key` is to open. Raises CommandError for a cipher that QEMU does not have."""
    if key is None:
        return ()
    prefix = DRIVERS[disk_format][1]
    options = (f"key-secret={secret}", *_cipher(key), f"iter-time={ITERATION_MILLISECONDS}")
    return ("-o", ",".join((*(("encrypt.format=luks",) if prefix else ()), *(prefix + option for option in options))))


def driver(disk_format: str, key: VolumeKey | None) -> str:
    """QEMU's name for an image of the format that `key` opens."""
    return disk_format if key is None else DRIVERS[disk_format][0]


def require_known(key: VolumeKey) -> None:
    """Raises CommandError for a cipher that no host has."""
    _cipher(key)


def opening(path: Path, disk_format: str, key: VolumeKey | None, secret: str) -> tuple[str, ...]:
    """Arguments that name an image, and the secret that opens it if it needs one."""
    if key is None:
        return ("-f", disk_format, str(path))
    named, prefix = DRIVERS[disk_format]
    # In such a list of options a comma stands for itself when it is doubled.
    name = str(path).replace(",", ",,")
    return ("--image-opts", f"driver={named},{prefix}key-secret={secret},file.driver=file,file.filename={name}")


def _cipher(key: VolumeKey) -> tuple[str, ...]:
    algorithm, _, rest = key.cipher.partition("-")
    mode, _, vector = rest.partition("-")
    if key.size not in ALGORITHMS.get(algorithm, ()) or mode not in MODES or vector not in VECTORS:
        raise CommandError("volume.cipher", f"this host has no cipher {key.cipher} with keys of {key.size} bits")
    return (f"cipher-alg={algorithm}-{key.size}", f"cipher-mode={mode}", f"ivgen-alg={vector}")

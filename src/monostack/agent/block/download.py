"""Fetching an image from the controller over HTTP."""

import hashlib
import http.client
import shutil
import ssl
import urllib.error
import urllib.request
from pathlib import Path

from monostack.agent.errors import CommandError
from monostack.protocol.guests import ImageSource

CHUNK = 1 << 20  # bytes
NOTHING_FOR = 60.0  # seconds without a byte after which the download is given up


def download(image: ImageSource, target: Path, ca_file: str | None = None) -> None:
    """Write the image's bits to `target`, checking size and SHA-512 on the way. Blocks. Raises CommandError.

    `ca_file` verifies the server's certificate. Redirects are not followed: the token is for the server it was given for.
    """
    free = shutil.disk_usage(target.parent).free
    if image.size > free:
        raise CommandError("host.disk_full", f"image {image.id} needs {image.size} bytes, this host has {free} free", retry=True)
    try:
        request = urllib.request.Request(image.url or "", headers={"Authorization": f"Bearer {image.token}"} if image.token else {})
        with _opener(ca_file).open(request, timeout=NOTHING_FOR) as answer:
            if answer.status != http.client.OK:
                raise CommandError("image.unreachable", f"image {image.id}: the image service answered {answer.status}", retry=True)
            found = _write(answer, target, image)
    except (urllib.error.URLError, http.client.HTTPException, ssl.SSLError, TimeoutError, ConnectionError, ValueError) as error:
        raise CommandError("image.unreachable", f"image {image.id} cannot be downloaded: {error}", retry=True) from None
    if found != image.sha512:
        raise CommandError("image.corrupt", f"image {image.id} arrived with another SHA-512 than it should have")


def _write(answer: http.client.HTTPResponse, target: Path, image: ImageSource) -> str:
    digest, size = hashlib.sha512(), 0
    with target.open("wb") as file:
        while chunk := answer.read(CHUNK):
            size += len(chunk)
            if size > image.size:
                break
            digest.update(chunk)
            file.write(chunk)
    if size != image.size:
        raise CommandError("image.corrupt", f"image {image.id} arrived with {size} bytes (or more) instead of {image.size}", retry=True)
    return digest.hexdigest()


def _opener(ca_file: str | None) -> urllib.request.OpenerDirector:
    """Opens http and https, and nothing else: no files, no proxies, no redirects."""
    opener = urllib.request.OpenerDirector()
    opener.add_handler(urllib.request.UnknownHandler())
    opener.add_handler(urllib.request.HTTPHandler())
    opener.add_handler(urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=ca_file)))
    return opener

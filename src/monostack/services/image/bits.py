"""Bits for hosts that do not see the image store: a URL with a token that is good for one image and an hour, and for nothing else."""

import asyncio
import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.fernet import Fernet, InvalidToken

from monostack.core import clock
from monostack.core.errors import NotFound, Unauthorized
from monostack.db import Transaction
from monostack.http import Request, Response, Routes
from monostack.http.answers import Answers
from monostack.services.image.data import send
from monostack.services.image.images import table
from monostack.services.image.images.image import FILE, WITH_BITS, Image, missing
from monostack.services.image.store import Store

if TYPE_CHECKING:
    from monostack.cloud import Cloud

LIFETIME = 3600  # seconds
routes = Routes("/bits")


def make_key(store: Store) -> None:
    """Make the key that tokens are made with, unless it is there. It lies with the images, since every controller must know it."""
    try:
        handle = os.open(_key_path(store.directory), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return
    with os.fdopen(handle, "wb") as file:
        file.write(Fernet.generate_key())


def _key_path(directory: Path) -> Path:
    return directory / ".token-key"


@lru_cache(maxsize=8)
def _crypto(directory: Path) -> Fernet:
    return Fernet(_key_path(directory).read_bytes())


def download_token(cloud: "Cloud", image_id: str) -> str:
    """A token that lets its bearer download the image for an hour."""
    return _crypto(Store.of(cloud).directory).encrypt_at_time(image_id.encode(), int(clock.timestamp())).decode()


def download_url(cloud: "Cloud", image_id: str) -> str:
    """Where the token is good, as `Authorization: Bearer <token>`."""
    return f"{cloud.config.api.public_url}/image/bits/{image_id}"


def _check(request: Request, image_id: str) -> None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthorized()
    try:
        crypto = _crypto(Store.of(request.cloud).directory)
        granted = crypto.decrypt_at_time(token.strip(), LIFETIME, int(clock.timestamp())).decode()
    except InvalidToken:
        raise Unauthorized() from None
    if granted != image_id:
        raise Unauthorized()


@routes.get("/{image_id}", mode="async", public=True, answer=Answers({200: FILE, 206: FILE}))
async def download_bits(request: Request) -> Response:
    """Download the bits of an image as a host."""
    image_id = request.params["image_id"]
    _check(request, image_id)

    def look(tx: Transaction) -> Image:
        row = tx.row(table.GET[True], {"the_id": image_id})
        if row is None or row.status not in WITH_BITS:
            raise missing(image_id)
        return Image(dict(row._mapping))

    image = await request.db.read(look)
    path = Store.of(request.cloud).path(image_id)
    if not await asyncio.to_thread(path.exists):
        raise NotFound(f"The bits of image {image_id} are missing from the image store.")
    return send(request, image, path)

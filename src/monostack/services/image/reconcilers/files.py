"""Files and rows of images agree again after whatever happened: writers that died, deletions that did not finish.

Directories are listed before rows are read: a row is there before its file is, so a file without a row is nobody's.
"""

import asyncio
import logging
import os

import sqlalchemy as sa

from monostack.cloud import Cloud
from monostack.core import clock
from monostack.db import Transaction
from monostack.operations.store import now as database_now
from monostack.reconcile import Reconciler
from monostack.services.image import tasks, writing
from monostack.services.image.images.image import Image
from monostack.services.image.images.table import images
from monostack.services.image.store import Store

log = logging.getLogger(__name__)
FILES = "image_files"
_ROWS = sa.select(images.c.id, images.c.status, images.c.writer)
_QUEUED = sa.select(images).where(images.c.id == sa.bindparam("the_id"), images.c.status == "queued")


def _listed(store: Store) -> tuple[set[str], set[str], set[str]]:
    """Names of complete, staged and incoming files."""
    complete = {entry.name for entry in os.scandir(store.directory) if not entry.name.startswith(".")}
    return complete, {entry.name for entry in os.scandir(store.staged())}, {entry.name for entry in os.scandir(store.incoming())}


def _give_back_stale(tx: Transaction) -> list[str]:
    tasks.remove_expired(tx, clock.now())
    return [row.id for row in tx.execute(writing.GIVE_BACK_STALE, {"the_now": database_now(tx)}).all()]


async def _clear_queued(cloud: Cloud, store: Store, image_id: str) -> None:
    """Remove what a dead writer left of an image that waits for its bits, holding it so that no new writer is disturbed."""

    def take(tx: Transaction) -> str | None:
        row = tx.row(_QUEUED, {"the_id": image_id})
        return None if row is None else writing.take(tx, Image(dict(row._mapping)), "uploading")

    token = await cloud.db.write(take)
    if token is not None:
        await asyncio.to_thread(store.remove, image_id)
        await cloud.db.write(lambda tx: writing.give_back(tx, image_id, token))


async def reconcile_files(cloud: Cloud) -> None:
    store = Store.of(cloud)
    for image_id in await cloud.db.write(_give_back_stale):
        log.warning("whoever was uploading image %s has gone; it is queued again", image_id)
    complete, staged, incoming = await asyncio.to_thread(_listed, store)
    rows = {row.id: row for row in await cloud.db.read(lambda tx: tx.rows(_ROWS))}
    for name in incoming:
        image_id, _, token = name.partition(".")
        if image_id not in rows or rows[image_id].writer != token:
            await asyncio.to_thread(store.incoming(name).unlink, missing_ok=True)
    for image_id in complete | staged:
        if image_id not in rows:
            log.warning("removing the bits of image %s, which no longer exists", image_id)
            await asyncio.to_thread(store.remove, image_id)
        elif rows[image_id].status == "queued":
            await _clear_queued(cloud, store, image_id)


RECONCILER = Reconciler(FILES, reconcile_files, every=60.0)

"""Import staged bits: they move to their final place, and the image becomes active."""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec

from monostack.db import Transaction
from monostack.events import record
from monostack.operations import Run, Step, StepError, Workflow
from monostack.services.image import importing, tasks, writing
from monostack.services.image.reconcilers.files import FILES
from monostack.services.image.store import Content, Store


def _content(run: Run) -> Content:
    return msgspec.convert(run.input["content"], Content)


async def publish(run: Run) -> None:
    """Give the staged file its final name. Bits that were refused when they were inspected end here."""
    content = _content(run)
    if content.refusal is not None:
        raise StepError(content.refusal, kind="refused")
    store, image_id = Store.of(run.cloud), run.resource_id
    await asyncio.to_thread(_publish, store, image_id)


def _publish(store: Store, image_id: str) -> None:
    staged, final = store.staged(image_id), store.path(image_id)
    if staged.exists():
        store.publish(staged, final)
    elif not final.exists():
        raise StepError("The staged bits are gone from the image store.", kind="lost")


async def remove_bits(run: Run) -> None:
    await asyncio.to_thread(Store.of(run.cloud).remove, run.resource_id)


def activate(run: Run, tx: Transaction) -> None:
    content = _content(run)
    if writing.finish_import(tx, run.resource_id, content):
        importing.conclude(tx, run.resource_id, failed=False)
        record(tx, None, "image.upload", run.resource_id, run.project_id, {"size": content.size})
    else:
        run.cloud.signal(tx, FILES)  # deleted while it was imported: its file is nobody's
    tasks.end(tx, run.input["task_id"], "success", {"image_id": run.resource_id}, f"Copied {content.size >> 20} MiB")


def fail(run: Run, tx: Transaction, error: Mapping[str, Any]) -> None:
    if writing.fail_import(tx, run.resource_id):
        importing.conclude(tx, run.resource_id, failed=True)
    tasks.end(tx, run.input["task_id"], "failure", None, str(error["message"]))


IMPORT_IMAGE = Workflow("import_image", (Step("publish", do=publish, undo=remove_bits),), done=activate, failed=fail)

"""Import bits that are staged, or fetched first: they move to their final place, and the image becomes active."""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec

from monostack.core.errors import Fault
from monostack.db import Transaction
from monostack.events import record
from monostack.operations import Run, Step, StepError, Workflow
from monostack.services.image import importing, limits, tasks, writing
from monostack.services.image.images import table
from monostack.services.image.images.deletion import drop
from monostack.services.image.images.image import Image, missing
from monostack.services.image.reconcilers.files import FILES
from monostack.services.image.store import HASH, Content, Store
from monostack.services.image.uploading import bring

DOWNLOAD_WITHIN = 6 * 3600.0  # seconds, with the time for which others are fetched first


def _content(run: Run) -> Content:
    return msgspec.convert(run.data.get("content") or run.input["content"], Content)


async def download(run: Run) -> Mapping[str, Any]:
    """Stage what is at the URL. A controller that takes over begins anew, holding the image instead of the one before."""
    from monostack.services.image.web_download import fetching  # takes long to load

    expected = run.input.get("validation_data") or {}
    await _require(run, {limits.STAGE: 0, limits.UPLOADING: 0})
    try:
        async with fetching(run.cloud, run.input["url"]) as bits:
            content = await bring(run.cloud, lambda tx: _hold(tx, run), bits, expected.get("os_hash_algo"))
    except Fault as fault:
        raise StepError(fault.message or fault.detail, kind="refused") from None
    if expected and content.digest != expected["os_hash_value"].lower():
        raise StepError(
            f"os_hash_value: ({expected['os_hash_value']}) not matched with actual os_hash_value: ({content.digest})", kind="refused"
        )
    return {"content": {name: getattr(content, name) for name in content.__struct_fields__}}


async def _require(run: Run, wanted: Mapping[str, int]) -> None:
    """Has the project room for that much more? Raises StepError."""
    over = await run.cloud.db.read(lambda tx: limits.over(tx, run.cloud, run.project_id, wanted))
    if over:
        raise StepError(over, kind="refused")


def _hold(tx: Transaction, run: Run) -> tuple[Image, str]:
    token = f"{run.id}-{run.attempt}"
    if not writing.hold_import(tx, run.resource_id, token):
        raise missing(run.resource_id)
    tasks.begin(tx, run.input["task_id"])
    return Image(dict(tx.rows(table.GET[True], {"the_id": run.resource_id})[0]._mapping)), token


async def publish(run: Run) -> None:
    """Give the staged file its final name. Bits that were refused when they were inspected end here."""
    content = _content(run)
    if content.refusal is not None:
        raise StepError(content.refusal, kind="refused")
    if "url" not in run.input:
        await _require(run, {limits.SIZE: content.size >> 20})
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
    if writing.finish_import(tx, run.resource_id, content, (run.input.get("validation_data") or {}).get("os_hash_algo", HASH)):
        importing.conclude(tx, run.resource_id, failed=False, to_stores="to_stores" in run.input)
        record(tx, None, "image.upload", run.resource_id, run.project_id, {"size": content.size})
    else:
        run.cloud.signal(tx, FILES)  # deleted while it was imported: its file is nobody's
    tasks.end(tx, run.input["task_id"], "success", {"image_id": run.resource_id}, f"Copied {content.size >> 20} MiB")


def fail(run: Run, tx: Transaction, error: Mapping[str, Any]) -> None:
    if run.input.get("drop"):
        drop(tx, run.cloud, run.resource_id)
    elif writing.fail_import(tx, run.resource_id):
        importing.conclude(tx, run.resource_id, failed=True, to_stores="to_stores" in run.input)
    tasks.end(tx, run.input["task_id"], "failure", None, str(error["message"]))


IMPORT_IMAGE = Workflow(
    "import_image",
    (
        Step("download", do=download, undo=remove_bits, timeout=DOWNLOAD_WITHIN, when=lambda given: "url" in given),
        Step("publish", do=publish, undo=remove_bits),
    ),
    done=activate,
    failed=fail,
)

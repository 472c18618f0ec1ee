"""Deactivating an image, so that only administrators may download it, and reactivating it."""

from monostack.core import clock
from monostack.core.errors import Forbidden
from monostack.db import Transaction
from monostack.events import record
from monostack.http import Request, Routes
from monostack.services.image.images.image import WITH_BITS, get
from monostack.services.image.images.table import SET_STATUS

routes = Routes("/v2/images/{image_id}/actions")


def _set_status(tx: Transaction, request: Request, verb: str, status: str) -> None:
    image = get(tx, request, request.params["image_id"], verb)
    if image.status not in WITH_BITS:
        raise Forbidden(f"Not allowed to {verb} image in status '{image.status}'")
    if image.status != status:
        now = clock.now().replace(microsecond=0)
        tx.execute(SET_STATUS, {"the_id": image.id, "the_old": image.status, "the_new": status, "the_time": now})
        record(tx, request, f"image.{verb}", image.id, image.values["owner"])


@routes.post("/deactivate", status=204, policy="deactivate")
def deactivate_image(request: Request, tx: Transaction) -> None:
    """Deactivate an image."""
    _set_status(tx, request, "deactivate", "deactivated")


@routes.post("/reactivate", status=204, policy="reactivate")
def reactivate_image(request: Request, tx: Transaction) -> None:
    """Reactivate an image."""
    _set_status(tx, request, "reactivate", "active")

"""Limits of a project's images that the identity service keeps (`quota.image.driver = "unified"`), as Glance has them.

Images are counted as they are; sizes are known once bits have arrived, so whoever does not announce how many come may end above the limit.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import sqlalchemy as sa

from monostack.core.errors import TooLarge
from monostack.db import Transaction
from monostack.services.identity.facade import over_limits, register_limits, unified_limits
from monostack.services.image.images.image import WITH_BITS
from monostack.services.image.images.table import images

if TYPE_CHECKING:
    from monostack.cloud import Cloud

NAMES = SIZE, STAGE, COUNT, UPLOADING = "image_size_total", "image_stage_total", "image_count_total", "image_count_uploading"
_STAGED = ("uploading", "importing")
_i = images.c


def _mebibytes(*statuses: str) -> sa.ColumnElement[int]:
    size = sa.func.coalesce(sa.func.sum(sa.case((_i.status.in_(statuses), _i.size), else_=0)), 0)
    return sa.cast(size, sa.BigInteger) // (1 << 20)


_USED = sa.select(
    _mebibytes(*WITH_BITS),
    _mebibytes(*_STAGED),
    sa.func.count(),
    sa.func.coalesce(sa.func.sum(sa.case((_i.status.in_(("saving", *_STAGED)), 1), else_=0)), 0),
).where(_i.owner == sa.bindparam("project"))


def are_on(cloud: "Cloud") -> bool:
    return cloud.config.quota.image.driver == "unified"


def bootstrap(tx: Transaction, cloud: "Cloud") -> None:
    """Register the configured limits when the cloud comes to use them."""
    if are_on(cloud):
        configured = {name: getattr(cloud.config.quota.image, name.removeprefix("image_")) for name in NAMES}
        register_limits(tx, "image", cloud.config.region, configured)


def _used(tx: Transaction, project_id: str | None) -> dict[str, int]:
    return {name: int(value) for name, value in zip(NAMES, tx.execute(_USED, {"project": project_id}).one(), strict=True)}


def over(tx: Transaction, cloud: "Cloud", project_id: str | None, wanted: Mapping[str, int]) -> str:
    """Why a project may not have that much more, sizes in MiB; "" when it may."""
    if not are_on(cloud):
        return ""
    return over_limits(project_id, unified_limits(tx, "image", cloud.config.region, project_id), wanted, _used(tx, project_id))


def require(tx: Transaction, cloud: "Cloud", project_id: str | None, wanted: Mapping[str, int]) -> None:
    """Raises TooLarge when a project may not have that much more, sizes in MiB."""
    reason = over(tx, cloud, project_id, wanted)
    if reason:
        meaning = "This generally means that rate limiting or a quota threshold was breached."
        raise TooLarge(f"The request returned a 413 Request Entity Too Large. {meaning}\n\nThe response body:\n{reason}")


def usage(tx: Transaction, cloud: "Cloud", project_id: str | None) -> dict[str, dict[str, int]]:
    """By limit, what the project uses of it and what it may."""
    if not are_on(cloud):
        return {}
    limits = unified_limits(tx, "image", cloud.config.region, project_id)
    return {name: {"usage": used, "limit": limits.get(name, 0)} for name, used in _used(tx, project_id).items()}

"""Block storage (Cinder): volumes, snapshots, types, attachments, quotas."""

from typing import Any

from monostack.authz.defaults.volume import POLICIES
from monostack.db import Transaction
from monostack.http import Service
from monostack.services.volume import administration, attachments, quota, snapshots, versions, volume_types
from monostack.services.volume.dialect import DIALECT
from monostack.services.volume.volumes import actions, api
from monostack.services.volume.workflows import create_snapshot, create_volume, delete_snapshot, delete_volume, extend_volume


def bootstrap(tx: Transaction, cloud: Any) -> None:
    volume_types.bootstrap(tx)


SERVICE = Service(
    type="block-storage",
    name="cinder",
    prefix="/volume",
    dialect=DIALECT,
    description="OpenStack Block Storage",
    catalog_path="/v3/%(project_id)s",
    aliases=("volumev3",),
    project_in_path=r"^(?P<head>/v3)/(?P<project>[0-9a-f\-]{3,64})(?P<tail>/.*)?$",
    routes=(
        versions.routes,
        api.routes,
        actions.routes,
        snapshots.routes,
        volume_types.routes,
        attachments.routes,
        quota.routes,
        administration.routes,
    ),
    policies=POLICIES,
    microversions=versions.MICROVERSIONS,
    workflows=(create_volume.WORKFLOW, delete_volume.WORKFLOW, extend_volume.WORKFLOW, create_snapshot.WORKFLOW, delete_snapshot.WORKFLOW),
    bootstrap=bootstrap,
)

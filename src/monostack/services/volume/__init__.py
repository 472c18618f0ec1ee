"""Block storage (Cinder): volumes, snapshots, types, attachments, transfers, quotas."""

import re
from typing import Any

from monostack.authz.defaults.volume import POLICIES
from monostack.db import Transaction
from monostack.http import Service
from monostack.services.volume import extensions, keys, versions
from monostack.services.volume.attachments import api as attachments
from monostack.services.volume.backups import actions as backup_actions
from monostack.services.volume.backups import api as backups
from monostack.services.volume.backups import records as backup_records
from monostack.services.volume.dialect import DIALECT
from monostack.services.volume.groups import actions as group_actions
from monostack.services.volume.groups import api as groups
from monostack.services.volume.groups import consistency, consistency_snapshots
from monostack.services.volume.groups import snapshots as group_snapshots
from monostack.services.volume.groups import specs as group_specs
from monostack.services.volume.groups import types as group_types
from monostack.services.volume.hosts import api as hosts
from monostack.services.volume.hosts import clusters, freezing, log_levels, pools, services
from monostack.services.volume.managing import snapshots as managing_snapshots
from monostack.services.volume.managing import volumes as managing_volumes
from monostack.services.volume.messages import api as messages
from monostack.services.volume.qos import api as qos
from monostack.services.volume.quotas import api as quotas
from monostack.services.volume.reconcilers.files import FILES
from monostack.services.volume.reconcilers.hosts import HOSTS, listen
from monostack.services.volume.snapshots import actions as snapshot_actions
from monostack.services.volume.snapshots import api as snapshots
from monostack.services.volume.transfers import api as transfers
from monostack.services.volume.types import access, encryption, extra_specs, project_defaults
from monostack.services.volume.types import api as types
from monostack.services.volume.types.table import bootstrap as bootstrap_types
from monostack.services.volume.volumes import actions, administration, changes, connection, contents, copies, listing, migration
from monostack.services.volume.volumes import api as volumes
from monostack.services.volume.workflows import (
    create_backup,
    create_snapshot,
    create_volume,
    delete_backup,
    delete_snapshot,
    delete_volume,
    extend_volume,
    import_backup,
    manage_snapshot,
    manage_volume,
    migrate_volume,
    refill_volume,
    remove_copy,
    restore_backup,
    unmanage_snapshot,
    unmanage_volume,
    upload_volume,
)
from monostack.services.volume.workflows import groups as group_workflows

ACTION_MODULES = (administration, changes, connection, contents, copies, migration)  # importing them adds their actions


def bootstrap(tx: Transaction, cloud: Any) -> None:
    keys.create_repository(cloud.state_dir)
    bootstrap_types(tx)
    group_types.bootstrap(tx)


SERVICE = Service(
    type="block-storage",
    name="cinder",
    prefix="/volume",
    dialect=DIALECT,
    description="OpenStack Block Storage",
    strict_paths=True,
    suffix=re.compile(r"\.json$"),
    catalog_path="/v3/%(project_id)s",
    aliases=("volumev3",),
    project_in_path=r"^(?P<head>/v3)/(?P<project>[0-9a-f\-]+)(?P<tail>/.*)?$",
    routes=(
        versions.routes,
        listing.routes,
        volumes.routes,
        volumes.METADATA_CALLS.routes(),
        actions.routes,
        managing_volumes.routes,
        managing_snapshots.routes,
        snapshots.routes,
        snapshots.METADATA_CALLS.routes(),
        snapshot_actions.routes,
        backup_records.routes,
        backups.routes,
        backup_actions.routes,
        group_types.routes,
        group_specs.routes,
        groups.routes,
        group_actions.routes,
        group_snapshots.routes,
        consistency.routes,
        consistency_snapshots.routes,
        types.routes,
        extra_specs.routes,
        encryption.routes,
        access.routes,
        project_defaults.routes,
        attachments.routes,
        *transfers.ROUTES,
        quotas.routes,
        qos.routes,
        messages.routes,
        services.routes,
        hosts.routes,
        freezing.routes,
        log_levels.routes,
        clusters.routes,
        pools.routes,
        extensions.routes,
    ),
    policies=POLICIES,
    microversions=versions.MICROVERSIONS,
    workflows=(
        create_volume.WORKFLOW,
        delete_volume.WORKFLOW,
        extend_volume.WORKFLOW,
        refill_volume.WORKFLOW,
        upload_volume.WORKFLOW,
        create_backup.WORKFLOW,
        restore_backup.WORKFLOW,
        delete_backup.WORKFLOW,
        import_backup.WORKFLOW,
        *group_workflows.WORKFLOWS,
        create_snapshot.WORKFLOW,
        delete_snapshot.WORKFLOW,
        manage_volume.WORKFLOW,
        unmanage_volume.WORKFLOW,
        manage_snapshot.WORKFLOW,
        unmanage_snapshot.WORKFLOW,
        migrate_volume.WORKFLOW,
        remove_copy.WORKFLOW,
    ),
    reconcilers=(HOSTS, FILES),
    bootstrap=bootstrap,
    start=listen,
)

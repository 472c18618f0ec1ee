"""remove_copy: remove the file that a volume has left behind on a host. One that is away is looked at when it is back."""

from monostack.operations import Run, Step, Workflow
from monostack.protocol.volumes import VolumeRef
from monostack.services.volume.volumes.table import BY_ID
from monostack.services.volume.workflows.removal import remove


async def delete(run: Run) -> None:
    # Of a volume that is gone the reconciler removes what is left; and it may have come back to this host.
    row = await run.cloud.db.read(lambda tx: tx.row(BY_ID, {"the_id": run.resource_id}))
    if row is not None and row.host != run.input["host"]:
        await remove(run, "volume.delete", VolumeRef(run.resource_id))


WORKFLOW = Workflow("remove_copy", (Step("delete", delete, tries=5),), unwind=False, doc="Remove what a volume has left behind on a host.")

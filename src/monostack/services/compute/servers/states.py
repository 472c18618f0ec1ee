"""The states of servers as data: what each means to users, and in which of them each action is allowed.

vm_state is what the server is, task_state what is being done to it. Source: Nova's compute API and its state map.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

# vm_state
ACTIVE = "active"
BUILDING = "building"
PAUSED = "paused"
SUSPENDED = "suspended"
STOPPED = "stopped"
RESCUED = "rescued"
RESIZED = "resized"
SHELVED = "shelved"
SHELVED_OFFLOADED = "shelved_offloaded"
ERROR = "error"
DELETED = "deleted"
SOFT_DELETED = "soft-delete"

# task_state
SCHEDULING = "scheduling"
NETWORKING = "networking"
BLOCK_DEVICE_MAPPING = "block_device_mapping"
SPAWNING = "spawning"
POWERING_OFF = "powering-off"
POWERING_ON = "powering-on"
PAUSING = "pausing"
UNPAUSING = "unpausing"
SUSPENDING = "suspending"
RESUMING = "resuming"
RESCUING = "rescuing"
UNRESCUING = "unrescuing"
RESIZE_PREP = "resize_prep"
RESIZE_MIGRATING = "resize_migrating"
RESIZE_MIGRATED = "resize_migrated"
RESIZE_FINISH = "resize_finish"
RESIZE_REVERTING = "resize_reverting"
MIGRATING = "migrating"
SHELVING = "shelving"
SHELVING_PENDING_UPLOAD = "shelving_image_pending_upload"
SHELVING_UPLOADING = "shelving_image_uploading"
SHELVING_OFFLOADING = "shelving_offloading"
UNSHELVING = "unshelving"
REBOOTING = "rebooting"
REBOOT_PENDING = "reboot_pending"
REBOOT_STARTED = "reboot_started"
REBOOTING_HARD = "rebooting_hard"
UPDATING_PASSWORD = "updating_password"
REBUILDING = "rebuilding"
REBUILD_BLOCK_DEVICE_MAPPING = "rebuild_block_device_mapping"
REBUILD_SPAWNING = "rebuild_spawning"
IMAGE_SNAPSHOT_PENDING = "image_snapshot_pending"
IMAGE_BACKUP = "image_backup"
IMAGE_UPLOADING = "image_uploading"
DELETING = "deleting"
SOFT_DELETING = "soft-deleting"
RESTORING = "restoring"

# power_state
NOSTATE = 0
RUNNING = 1
POWER_PAUSED = 3
SHUTDOWN = 4
CRASHED = 6

POWER_OF_GUEST = {"running": RUNNING, "stopped": SHUTDOWN, "paused": POWER_PAUSED, "crashed": CRASHED}

# vm_state -> task_state -> status. "default" stands for every other task_state, and for none.
STATUS: dict[str, dict[str, str]] = {
    ACTIVE: {
        "default": "ACTIVE",
        REBOOTING: "REBOOT", REBOOT_PENDING: "REBOOT", REBOOT_STARTED: "REBOOT",
        REBOOTING_HARD: "HARD_REBOOT", "reboot_pending_hard": "HARD_REBOOT", "reboot_started_hard": "HARD_REBOOT",
        UPDATING_PASSWORD: "PASSWORD",
        REBUILDING: "REBUILD", REBUILD_BLOCK_DEVICE_MAPPING: "REBUILD", REBUILD_SPAWNING: "REBUILD",
        MIGRATING: "MIGRATING",
        RESIZE_PREP: "RESIZE", RESIZE_MIGRATING: "RESIZE", RESIZE_MIGRATED: "RESIZE", RESIZE_FINISH: "RESIZE",
    },
    BUILDING: {"default": "BUILD"},
    STOPPED: {
        "default": "SHUTOFF",
        RESIZE_PREP: "RESIZE", RESIZE_MIGRATING: "RESIZE", RESIZE_MIGRATED: "RESIZE", RESIZE_FINISH: "RESIZE",
        REBUILDING: "REBUILD", REBUILD_BLOCK_DEVICE_MAPPING: "REBUILD", REBUILD_SPAWNING: "REBUILD",
    },
    RESIZED: {"default": "VERIFY_RESIZE", RESIZE_REVERTING: "REVERT_RESIZE"},
    PAUSED: {"default": "PAUSED", MIGRATING: "MIGRATING"},
    SUSPENDED: {"default": "SUSPENDED"},
    RESCUED: {"default": "RESCUE"},
    ERROR: {
        "default": "ERROR",
        REBUILDING: "REBUILD", REBUILD_BLOCK_DEVICE_MAPPING: "REBUILD", REBUILD_SPAWNING: "REBUILD",
    },
    DELETED: {"default": "DELETED"},
    SOFT_DELETED: {"default": "SOFT_DELETED"},
    SHELVED: {"default": "SHELVED"},
    SHELVED_OFFLOADED: {"default": "SHELVED_OFFLOADED"},
}  # fmt: skip

WITH_PROGRESS = {"ACTIVE", "BUILD", "REBUILD", "RESIZE", "VERIFY_RESIZE", "MIGRATING"}
WITH_FAULT = {"ERROR", "DELETED"}


def status_of(vm_state: str, task_state: str | None) -> str:
    """The status users see."""
    tasks = STATUS[vm_state]
    return tasks.get(task_state or "default") or tasks["default"]


def states_of(statuses: Iterable[str]) -> tuple[list[str], list[str]]:
    """The vm_states and task_states that show as one of these statuses; both empty if no status is known."""
    asked = {status.lower() for status in statuses}
    found = [(vm, task) for vm, tasks in STATUS.items() for task, status in tasks.items() if status.lower() in asked]
    return sorted({vm for vm, _ in found}), sorted({task for _, task in found})


@dataclass(frozen=True, slots=True)
class Allowed:
    """When an action is allowed. None for states: in all of them. `launched`: only once the server has run."""

    vm_states: frozenset[str] | None
    task_states: frozenset[str | None] | None = frozenset({None})
    launched: bool = True
    locked: bool = False  # allowed on a locked server
    host: bool = False  # the server must have been placed
    refused_tasks: frozenset[str] = frozenset()  # although all others are allowed

    def objection(self, vm_state: str, task_state: str | None, launched: bool) -> tuple[str, Any] | None:
        """What stands against the action: the attribute and its value, in the order Nova looks at them."""
        if self.vm_states is not None and vm_state not in self.vm_states:
            return "vm_state", vm_state
        if task_state in self.refused_tasks or (self.task_states is not None and task_state not in self.task_states):
            return "task_state", task_state
        if self.launched and not launched:
            return "launched_at", None
        return None


def _in(*states: str) -> frozenset[str]:
    return frozenset(states)


_USED = _in(ACTIVE, PAUSED, STOPPED, SUSPENDED, RESIZED, SOFT_DELETED, SHELVED, SHELVED_OFFLOADED)
_ANY_TASK_OF_REBOOT = frozenset({None, REBOOTING, REBOOT_PENDING, REBOOT_STARTED, REBOOTING_HARD, RESUMING, PAUSING, UNPAUSING,
                                 SUSPENDING})  # fmt: skip

ACTIONS: dict[str, Allowed] = {
    "delete": Allowed(None, None, launched=False),
    "restore": Allowed(_in(SOFT_DELETED)),
    "start": Allowed(_in(STOPPED), host=True),
    "stop": Allowed(_in(ACTIVE, ERROR), host=True),
    "reboot-soft": Allowed(_in(ACTIVE)),
    "reboot-hard": Allowed(_in(ACTIVE, STOPPED, PAUSED, SUSPENDED, ERROR), _ANY_TASK_OF_REBOOT),
    "pause": Allowed(_in(ACTIVE)),
    "unpause": Allowed(_in(PAUSED)),
    "suspend": Allowed(_in(ACTIVE)),
    "resume": Allowed(_in(SUSPENDED)),
    "rebuild": Allowed(_in(ACTIVE, STOPPED, ERROR)),
    "createImage": Allowed(_in(ACTIVE, STOPPED, PAUSED, SUSPENDED), locked=True),
    "createBackup": Allowed(_in(ACTIVE, STOPPED, PAUSED, SUSPENDED), locked=True),
    "rescue": Allowed(_in(ACTIVE, STOPPED, ERROR)),
    "unrescue": Allowed(_in(RESCUED)),
    "resize": Allowed(_in(ACTIVE, STOPPED)),
    "confirmResize": Allowed(_in(RESIZED)),
    "revertResize": Allowed(_in(RESIZED)),
    "os-migrateLive": Allowed(_in(ACTIVE, PAUSED)),
    "shelve": Allowed(_in(ACTIVE, STOPPED, PAUSED, SUSPENDED)),
    "shelveOffload": Allowed(_in(SHELVED)),
    "unshelve": Allowed(_in(SHELVED, SHELVED_OFFLOADED)),
    "abort live migration": Allowed(None, frozenset({MIGRATING})),
    "force_complete": Allowed(_in(ACTIVE), frozenset({MIGRATING})),
    "trigger_crash_dump": Allowed(_in(ACTIVE, PAUSED, RESCUED, RESIZED, ERROR), host=True),
    "evacuate": Allowed(_in(ACTIVE, STOPPED, ERROR), None, locked=True),
    "attach_volume": Allowed(_in(ACTIVE, PAUSED, STOPPED, RESIZED, SOFT_DELETED, SHELVED, SHELVED_OFFLOADED)),
    "swap_volume": Allowed(_in(ACTIVE, PAUSED, RESIZED)),
    "detach_volume": Allowed(_in(ACTIVE, PAUSED, STOPPED, RESIZED, SOFT_DELETED, SHELVED, SHELVED_OFFLOADED)),
    "volume_snapshot_create": Allowed(None, locked=True, host=True),
    "volume_snapshot_delete": Allowed(None, locked=True, host=True),
    "attach_interface": Allowed(_in(ACTIVE, PAUSED, STOPPED)),
    "detach_interface": Allowed(_in(ACTIVE, PAUSED, STOPPED)),
    "update_server_metadata": Allowed(_in(ACTIVE, PAUSED, SUSPENDED, STOPPED), None),
    "delete_server_metadata": Allowed(_in(ACTIVE, PAUSED, SUSPENDED, STOPPED), None),
    "remote_console": Allowed(None, None, launched=False, locked=True, host=True, refused_tasks=_in(DELETING, MIGRATING)),
    "inject_network_info": Allowed(None, None, launched=False, host=True),
    "fixed_ip": Allowed(None, None, launched=False, host=True),
    "add_security_group": Allowed(None, None, launched=False, locked=True),
    "os-getConsoleOutput": Allowed(None, None, launched=False, locked=True, host=True),
    "changePassword": Allowed(_in(ACTIVE)),
    "tags": Allowed(_in(ACTIVE, PAUSED, SUSPENDED, STOPPED), None, launched=False, locked=True),
}

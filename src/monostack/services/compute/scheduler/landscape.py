"""What filters and weighers read besides the hosts: settings, signs of life, how much goes on on a host, how much room it has."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from monostack.core.config.options import Scheduler
from monostack.db import Transaction
from monostack.services.compute.hosts.known import Host
from monostack.services.compute.hosts.life import signs_of_life
from monostack.services.compute.servers.states import BUILDING
from monostack.services.compute.servers.table import LIVE, servers
from monostack.services.placement.facade import Candidate, Room

BUSY = ("rebuilding", "resize_prep", "resize_migrating", "image_snapshot", "image_backup", "unshelving", "rescuing")
COUNTING = {"IoOpsFilter", "AggregateIoOpsFilter", "NumInstancesFilter", "AggregateNumInstancesFilter"}

_s = servers.c
_LOAD = (
    sa.select(
        _s.host,
        sa.func.count().label("servers"),
        sa.func.sum(sa.case((sa.or_(_s.vm_state == BUILDING, _s.task_state.in_(BUSY)), 1), else_=0)).label("io_ops"),
    )
    .where(_s.host.in_(sa.bindparam("the_hosts", expanding=True)), LIVE)
    .group_by(_s.host)
)

_settings: "WeakKeyDictionary[Engine, Scheduler]" = WeakKeyDictionary()
_DEFAULT = Scheduler()


def use(engine: Engine, settings: Scheduler) -> None:
    """The cloud on this database schedules by these settings."""
    _settings[engine] = settings


@dataclass(slots=True)
class Landscape:
    """Seen from one choice. `load` and `rooms` hold what has been looked at so far."""

    settings: Scheduler
    living: Mapping[str, str]
    load: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])  # host -> servers, I/O operations
    rooms: dict[str, Mapping[str, Room]] = field(default_factory=dict[str, Mapping[str, Room]])  # by provider

    @property
    def counts(self) -> bool:
        """Do any settings ask how many servers hosts have? Counting them costs more than all else."""
        settings = self.settings
        return bool(settings.io_ops_weight_multiplier or settings.num_instances_weight_multiplier) or not COUNTING.isdisjoint(
            settings.enabled_filters
        )

    def look_at(self, tx: Transaction, names: Collection[str], candidates: Collection[Candidate] = ()) -> None:
        """Read what is needed of these hosts."""
        self.rooms.update({candidate.uuid: candidate.room for candidate in candidates})
        if self.counts and names:
            for row in tx.rows(_LOAD, {"the_hosts": list(names)}):
                self.load[row.host] = row.servers, int(row.io_ops)

    def servers_on(self, host: Host) -> int:
        return self.load.get(host.name, (0, 0))[0]

    def io_ops_on(self, host: Host) -> int:
        """Operations that keep a host's disks busy: builds, copies, moves."""
        return self.load.get(host.name, (0, 0))[1]

    def free(self, host: Host, resource: str) -> int | None:
        """What is left of a resource that was asked for; None where it was not looked at."""
        room = self.rooms.get(host.id, {}).get(resource)
        return room.free if room is not None else None


def landscape(tx: Transaction) -> Landscape:
    """As things are now."""
    return Landscape(_settings.get(tx.connection.engine, _DEFAULT), signs_of_life(tx))


def of_aggregates(host: Host, key: str) -> list[str]:
    """The values that the host's aggregates have for a key of metadata."""
    return [metadata[key] for metadata in host.aggregates if key in metadata]


def least_of_aggregates(host: Host, key: str, default: float) -> float:
    """The smallest number that the host's aggregates have for a key; the default where none has one, or one that is no number."""
    try:
        return min((float(value) for value in of_aggregates(host, key)), default=default)
    except ValueError:
        return default

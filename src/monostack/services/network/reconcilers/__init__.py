"""What keeps the network right without being asked: hosts in step, agents known, DHCP and routers on hosts that are there."""

from monostack.reconcile import Reconciler
from monostack.services.network.desired.sync import NAME as SYNC
from monostack.services.network.reconcilers.agents import refresh_agents
from monostack.services.network.reconcilers.hosting import place_homeless
from monostack.services.network.reconcilers.sync import retry, settle

RECONCILERS = (
    Reconciler(SYNC, settle, every=3600),
    Reconciler("network-retry", retry, every=30),
    Reconciler("network-agents", refresh_agents, every=30),
    Reconciler("network-hosting", place_homeless, every=15),
)

"""What every part of a running cloud may reach: configuration, database, hosts, operations, reconcilers.

Made by the composition root. Handlers see it as `request.cloud`, workflow steps as `run.cloud`, reconcilers get it as their argument.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monostack.core.config import Config
from monostack.db import Database, Transaction
from monostack.operations import Engine, cancel, start
from monostack.reconcile import Driver

if TYPE_CHECKING:
    from monostack.agentlink import Hosts
    from monostack.authz.policy import Enforcer
    from monostack.http import Request, Service


@dataclass
class Cloud:
    """The running cloud."""

    config: Config
    db: Database
    hosts: "Hosts"
    services: "Sequence[Service]"
    enforcers: "Mapping[str, Enforcer]"
    operations: Engine = field(init=False)
    reconcilers: Driver = field(init=False)
    authenticator: Any = field(init=False, default=None)  # the identity service's; it enters itself
    network: Any = field(init=False, default=None)  # the network service's synchroniser of hosts; it enters itself

    @property
    def state_dir(self) -> Path:
        return Path(self.config.state_dir)

    def start(
        self,
        tx: Transaction,
        workflow: str,
        resource_id: str,
        input: Mapping[str, Any],
        request: "Request | None" = None,
        project_id: str | None = None,
    ) -> str:
        """Start a workflow when this transaction is durable. Returns the operation's id."""
        return start(tx, self.operations, workflow, resource_id, input, request, project_id)

    def cancel(self, tx: Transaction, resource_id: str) -> None:
        """Make the resource's running operations stop and unwind."""
        cancel(tx, self.operations, resource_id)

    def signal(self, tx: Transaction, reconciler: str) -> None:
        """Run a reconciler soon after this transaction is durable."""
        tx.after_commit(lambda: self.reconcilers.signal(reconciler))

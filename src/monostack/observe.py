"""What operators watch: `/healthz` and Prometheus `/metrics`. Neither needs a token; neither names a tenant or a resource."""

import asyncio

import sqlalchemy as sa
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from sqlalchemy.exc import SQLAlchemyError

from monostack.cloud import Cloud
from monostack.db import Transaction
from monostack.http import Request, Response
from monostack.operations.store import operations

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
HEALTH_DEADLINE = 5.0  # seconds the database may take to answer
_ACTIVE = sa.select(operations.c.state, sa.func.count()).where(operations.c.state.in_(("running", "undoing"))).group_by(operations.c.state)
_ONE = sa.select(sa.literal(1))


class Observer:
    """Counts requests and shows the state of operations, reconcilers and hosts."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.registry = CollectorRegistry()
        ProcessCollector(namespace="monostack", registry=self.registry)
        labels = ("service", "method", "status")
        self.requests = Counter("monostack_http_requests", "Requests answered", labels, registry=self.registry)
        self.seconds = Histogram("monostack_http_request_seconds", "Time to answer", ("service",), registry=self.registry, buckets=BUCKETS)
        self._counted: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}  # with their labels, which take long to find
        self.hosts = Gauge("monostack_hosts_connected", "Hosts whose agent is connected", registry=self.registry)
        self.operations = Gauge("monostack_operations", "Operations under way", ("state",), registry=self.registry)
        self.runs = Gauge("monostack_reconciler_runs", "Runs of a reconciler", ("name",), registry=self.registry)
        self.failures = Gauge("monostack_reconciler_failures", "Failed runs of a reconciler", ("name",), registry=self.registry)

    def observe(self, service: str, method: str, status: int, seconds: float) -> None:
        """One request was answered."""
        known = self._counted.get((service, method, status))
        if known is None:
            known = self._counted[service, method, status] = self.requests.labels(service, method, status), self.seconds.labels(service)
        known[0].inc()
        known[1].observe(seconds)

    async def metrics(self, request: Request) -> Response:
        """GET /metrics"""
        counted = dict(await self.cloud.db.read(lambda tx: [tuple(row) for row in tx.rows(_ACTIVE)]))
        for state in ("running", "undoing"):
            self.operations.labels(state).set(counted.get(state, 0))
        self.hosts.set(len(self.cloud.hosts.connected()))
        for name, status in self.cloud.reconcilers.status.items():
            self.runs.labels(name).set(status.runs)
            self.failures.labels(name).set(status.failures)
        return Response(generate_latest(self.registry), content_type=CONTENT_TYPE_LATEST)

    async def healthz(self, request: Request) -> Response:
        """GET /healthz: 200 when the database answers reads and writes in time, else 503 with the cause."""

        def write(tx: Transaction) -> int:
            return tx.scalar(_ONE)

        try:
            async with asyncio.timeout(HEALTH_DEADLINE):
                await self.cloud.db.read(write)
                await self.cloud.db.write(write)
        except TimeoutError:
            return Response({"status": "failing", "cause": f"the database did not answer in {HEALTH_DEADLINE:g} seconds"}, 503)
        except SQLAlchemyError as error:
            return Response({"status": "failing", "cause": f"the database refuses: {type(error).__name__}"}, 503)
        return Response({"status": "ok", "hosts": len(self.cloud.hosts.connected()), "operations": self.cloud.operations.running})

"""Which agent runs a network's DHCP or a router, and moving it to another.

Source: Neutron's extensions dhcp_agent_scheduler and l3_agent_scheduler. What an operator takes from an agent stays without one until he
gives it to another; what loses its host by itself is given away by the reconciler. One agent runs a network: giving it to another moves it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from monostack.core.errors import NotFound
from monostack.db import Row, Transaction
from monostack.http import Request, Response, Routes
from monostack.http.answers import NULL, envelope, many
from monostack.resources import Resource
from monostack.services.network import documents
from monostack.services.network.agents.api import VERBS as AGENT_VERBS
from monostack.services.network.agents.table import AGENTS
from monostack.services.network.changes import changed
from monostack.services.network.desired.hosting import NOWHERE, place_network, place_router
from monostack.services.network.desired.statuses import floating_ips_down
from monostack.services.network.networks.api import VERBS as NETWORK_VERBS
from monostack.services.network.routers.api import VERBS as ROUTER_VERBS
from monostack.services.network.routers.table import ROUTERS
from monostack.services.network.verbs import Verbs
from monostack.services.network.words import UNREADABLE, bad, conflict, forbidden, not_found

_a = AGENTS.table.c
_AGENT = sa.select(AGENTS.table).where(_a.id == sa.bindparam("the_id"))
_AGENTS_OF = sa.select(AGENTS.table).where(_a.host == sa.bindparam("the_host"), _a.agent_type == sa.bindparam("kind"))


@dataclass(frozen=True, eq=False)
class Hosted:
    """What agents of a kind run: the paths it is reached by, the rules, and how it is placed."""

    verbs: Verbs
    kind: str  # of agent
    agents: str  # dhcp-agents
    things: str  # dhcp-networks
    thing: str  # dhcp-network
    key: str  # network_id
    place: Callable[[Transaction, str, str], None]
    foreign: tuple[str, str]  # type and text of faults
    twice: tuple[str, str]
    absent: tuple[str, str]
    moves: bool  # it may be given to an agent while another has it

    @property
    def resource(self) -> Resource:
        return self.verbs.resource


HOSTED = (
    Hosted(
        NETWORK_VERBS, "DHCP agent", "dhcp-agents", "dhcp-networks", "dhcp-network", "network_id", place_network,
        ("InvalidDHCPAgent", "Agent {agent} is not a valid DHCP Agent or has been disabled."),
        ("NetworkHostedByDHCPAgent", "The network {id} has been already hosted by the DHCP Agent {agent}."),
        ("NetworkNotHostedByDhcpAgent", "The network {id} is not hosted by the DHCP Agent {agent}."),
        moves=True,
    ),
    Hosted(
        ROUTER_VERBS, "L3 agent", "l3-agents", "l3-routers", "l3-router", "router_id", place_router,
        ("InvalidL3Agent", "Agent {agent} is not a L3 Agent or has been disabled"),
        ("RouterHostedByL3Agent", "The router {id} has been already hosted by the L3 Agent {agent}."),
        ("RouterNotHostedByL3Agent", "The router {id} is not hosted by the L3 Agent {agent}."),
        moves=False,
    ),
)  # fmt: skip

routes = Routes("/v2.0")


def _authorize(request: Request, rule: str) -> None:
    if not request.allows(rule):
        raise forbidden(f"rule:{rule}")


def _agent(tx: Transaction, id: str) -> Row:
    row = tx.row(_AGENT, {"the_id": id})
    if row is None:
        raise not_found("agent", id)
    return row


def _serve(hosted: Hosted) -> None:
    resource, table = hosted.resource, hosted.resource.table
    by_host = sa.select(table).where(table.c.host == sa.bindparam("the_host")).order_by(table.c.id)
    singular, plural = resource.singular, resource.plural

    document = documents.one_of(hosted.key, documents.TEXT)

    def row_of(request: Request, tx: Transaction, id: str) -> Row:
        return resource.get(request, tx, id)

    @routes.get(f"/{plural}/{{id}}/{hosted.agents}", policy=f"get_{hosted.agents}", answer=envelope("agents", many(AGENTS.answer)))
    def list_agents(request: Request, tx: Transaction) -> Any:
        """List the agents that run it."""
        _authorize(request, f"get_{hosted.agents}")
        row = row_of(request, tx, request.params["id"])
        found = tx.rows(_AGENTS_OF, {"the_host": row.host, "kind": hosted.kind})
        return {"agents": AGENT_VERBS.render(request, tx, found)}

    @routes.get(f"/agents/{{id}}/{hosted.things}", policy=f"get_{hosted.things}", answer=envelope(plural, many(resource.answer)))
    def list_things(request: Request, tx: Transaction) -> Any:
        """List what an agent runs."""
        _authorize(request, f"get_{hosted.things}")
        agent = _agent(tx, request.params["id"])
        found = tx.rows(by_host, {"the_host": agent.host}) if agent.agent_type == hosted.kind else ()
        return {plural: hosted.verbs.render(request, tx, found)}

    @routes.post(f"/agents/{{id}}/{hosted.things}", policy=f"create_{hosted.thing}", body_document=document, status=201, answer=NULL)
    def add(request: Request, tx: Transaction) -> Any:
        """Let an agent run it."""
        _authorize(request, f"create_{hosted.thing}")
        if not isinstance(request.body, Mapping) or not isinstance(request.body.get(hosted.key), str):
            raise bad(UNREADABLE)
        agent = _agent(tx, request.params["id"])
        if agent.agent_type != hosted.kind or not agent.admin_state_up:
            raise NotFound(hosted.foreign[1].format(agent=agent.id), kind=hosted.foreign[0])
        row = row_of(request, tx, request.body[hosted.key])
        if (row.host == agent.host and hosted.moves) or (row.host not in (agent.host, NOWHERE, None) and not hosted.moves):
            raise conflict(hosted.twice[1].format(id=row.id, agent=agent.id), hosted.twice[0])
        hosted.place(tx, row.id, agent.host)
        changed(tx, request.cloud, singular, [row.id])
        return Response(b"null", 201)

    @routes.delete(f"/agents/{{id}}/{hosted.things}/{{thing}}", policy=f"delete_{hosted.thing}")
    def remove(request: Request, tx: Transaction) -> None:
        """Take it from an agent."""
        _authorize(request, f"delete_{hosted.thing}")
        agent, row = _agent(tx, request.params["id"]), row_of(request, tx, request.params["thing"])
        if row.host != agent.host:
            raise conflict(hosted.absent[1].format(id=row.id, agent=agent.id), hosted.absent[0])
        hosted.place(tx, row.id, NOWHERE)
        if hosted.resource is ROUTERS:
            floating_ips_down(tx, row.id)
        changed(tx, request.cloud, singular, [row.id])


for _hosted in HOSTED:
    _serve(_hosted)

"""The emulator's control API, /emulator: delays and faults of the simulated hosts, for admins. Served by `monostack dev` only."""

from typing import Any

import msgspec

from monostack.agent.simulation import FaultRule
from monostack.core.errors import BadRequest, Fault, Forbidden, NotFound
from monostack.http import Dialect, Request, Response, Routes, Service
from monostack.http.words import middleware_401
from monostack.testing.emulator import FaultPlan


def _fault(fault: Fault, request: Request) -> Response:
    return Response({"error": {"code": fault.status, "message": fault.message}}, fault.status)


def control(plan: FaultPlan) -> Service:
    """The service that shows and changes a plan of faults."""
    routes = Routes("/faults")

    def admin(request: Request) -> None:
        if not request.caller.is_admin:
            raise Forbidden("Only an admin may change how simulated hosts behave.")

    async def list_faults(request: Request) -> dict[str, Any]:
        """List the faults in force."""
        admin(request)
        return {"faults": [msgspec.to_builtins(rule) for rule in plan.rules()]}

    async def create_fault(request: Request) -> dict[str, Any]:
        """Put a fault in force: {"fault": {"command": "guest.*", "delay": 2, "times": 1}}."""
        admin(request)
        try:
            rule = msgspec.convert((request.body or {})["fault"], FaultRule)
        except (KeyError, TypeError, ValueError) as error:
            raise BadRequest(f"The body is not {{'fault': {{...}}}}: {error}") from None
        plan.add(rule)
        return {"fault": msgspec.to_builtins(rule)}

    async def delete_fault(request: Request) -> None:
        """Take a fault back."""
        admin(request)
        if not plan.remove(request.params["id"]):
            raise NotFound(f"There is no fault {request.params['id']}.")

    async def delete_all(request: Request) -> None:
        """Take all faults back."""
        admin(request)
        plan.clear()

    routes.get("", mode="async")(list_faults)
    routes.post("", mode="async", status=201)(create_fault)
    routes.delete("/{id}", mode="async")(delete_fault)
    routes.delete("", mode="async")(delete_all)
    dialect = Dialect(fault=_fault, invalid=lambda error, request: BadRequest(error.message), unauthenticated=middleware_401)
    return Service(type="emulator", name="emulator", prefix="/emulator", dialect=dialect, routes=(routes,))

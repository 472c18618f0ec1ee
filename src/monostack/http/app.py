"""The ASGI application: one pipeline for every service.

find the service by prefix -> authenticate -> route -> microversion -> body and schema -> handler in its transaction -> answer.
A fault on the way is worded by the service's dialect; an exception nobody expected is logged with the request id and answered 500.
"""

import logging
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from functools import lru_cache
from typing import Any, Protocol

from monostack.core import clock, ids
from monostack.core.context import Caller
from monostack.core.errors import BadRequest, Fault, MethodNotAllowed, NotFound, Unauthorized
from monostack.db import Database
from monostack.http import microversions
from monostack.http.request import Enforcer, Request
from monostack.http.response import Response
from monostack.http.routing import Route, Router
from monostack.http.service import Service

log = logging.getLogger(__name__)
access_log = logging.getLogger("monostack.access")

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_REASON_LIMIT = 16384  # characters; Glance tells the whole schema that a document breaks


class Authenticator(Protocol):
    """Turns a token into its caller. `cached` answers at once or None; `authenticate` may look it up and raises Unauthorized."""

    def cached(self, token: str) -> Caller | None: ...
    async def authenticate(self, token: str) -> Caller: ...


@lru_cache(maxsize=32)
def _router(service: Service) -> Router:
    """Made once, however many clouds run in this process: it takes longer than anything else they are made of."""
    return Router([route for group in service.routes for route in group.entries])


class _Mount:
    """A service with its compiled router."""

    __slots__ = ("enforcer", "path_pattern", "router", "service")

    def __init__(self, service: Service, enforcer: Enforcer) -> None:
        self.enforcer = enforcer
        self.service = service
        self.router = _router(service)
        self.path_pattern = re.compile(service.project_in_path) if service.project_in_path else None

    def plain(self, path: str) -> tuple[str, str | None]:
        """A path as routes have it, without a project and a format that it may name, and the project."""
        project = None
        if self.path_pattern is not None and (match := self.path_pattern.match(path)):
            project = match["project"]
            path = match["head"] + (match["tail"] or "")
        if self.service.suffix is not None and path.count("/") > 1:
            path = self.service.suffix.sub("", path)
        return path, project


class HttpApp:
    """All services behind one address.

    `plain` maps exact paths outside any service (/healthz, /metrics) to async functions of the request, `sockets` those of WebSockets to
    ASGI applications.
    """

    def __init__(
        self,
        services: Sequence[Service],
        db: Database,
        authenticator: Authenticator,
        enforcers: Mapping[str, Enforcer],
        cloud: Any = None,
        public_url: str | None = None,
        plain: Mapping[str, Callable[[Request], Awaitable[Response]]] | None = None,
        observe: Callable[[str, str, int, float], None] | None = None,
        sockets: Mapping[str, Callable[[Any, Any, Send], Awaitable[None]]] | None = None,
    ) -> None:
        self.mounts = {service.prefix: _Mount(service, enforcers[service.type]) for service in services}
        self.db = db
        self.authenticator = authenticator
        self.cloud = cloud
        self.public_url = public_url.rstrip("/") if public_url else None
        self.plain = dict(plain or {})
        self.observe = observe
        self.sockets = dict(sockets or {})

    async def __call__(self, scope: Any, receive: Any, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._socket(scope, receive, send)
        if scope["type"] != "http":
            return
        started = clock.monotonic()
        request = Request(scope, receive, ids.new_request_id())
        request.db, request.cloud = self.db, self.cloud
        request.app_url = self.public_url or f"{request.scheme}://{request.headers.get('host', 'localhost')}"
        response = await self._answer(request)
        await self._send(request, response, send)
        elapsed = clock.monotonic() - started
        if self.observe is not None:
            self.observe(request.service.type if hasattr(request, "service") else "", request.method, response.status, elapsed)
        if access_log.isEnabledFor(logging.INFO):
            access_log.info(
                "%s %s %s %d %.1fms", request.peer, request.method, request.path, response.status, elapsed * 1000,
                extra={
                    "request_id": request.request_id,
                    "global_request_id": request.headers.get("x-openstack-request-id", "")[:80],
                    "project_id": request.caller.project_id,
                    "user_id": request.caller.user_id,
                },
            )  # fmt: skip

    async def _socket(self, scope: Any, receive: Any, send: Send) -> None:
        application = self.sockets.get(scope["path"])
        if application is None:
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        await application(scope, receive, send)

    # --- pipeline ----------------------------------------------------------------------------------------------------

    async def _answer(self, request: Request) -> Response:
        plain = self.plain.get(request.path)
        if plain is not None:
            return await plain(request)
        head, _, tail = request.path[1:].partition("/")
        mount = self.mounts.get("/" + head)
        if mount is None:
            return Response({"error": {"code": 404, "title": "Not Found", "message": "No service lives at this path."}}, 404)
        request.service, request.enforcer = mount.service, mount.enforcer
        try:
            response = await self._serve(request, mount, "/" + tail)
        except Fault as fault:
            response = self._fault(fault, request)
        except ConnectionError as error:
            log.info("%s: %s", request.request_id, error)
            response = Response(None, 400)
        except Exception:
            log.exception("%s %s failed", request.method, request.path, extra={"request_id": request.request_id})
            response = self._fault(
                Fault(f"The request failed unexpectedly. The operator finds the cause in the log under {request.request_id}."), request
            )
        for name, value in mount.service.dialect.always.items():
            response.headers.setdefault(name, value)
        if response.content_type is None:
            response.content_type = mount.service.dialect.empty_type
        if mount.service.dialect.request_id is not None and request.route is not None:
            response.headers[mount.service.dialect.request_id] = request.request_id
        if request.response_headers:
            response.headers = {**request.response_headers, **response.headers}
        return response

    async def _serve(self, request: Request, mount: _Mount, path: str) -> Response:
        service = mount.service
        if "\0" in path:
            raise NotFound(service.dialect.no_route, kind="HTTPNotFound")
        if "%00" in request.query_string:
            raise BadRequest("The query contains the character U+0000.")
        if len(path) > 1 and path[-1] == "/" and not service.strict_paths:
            path = path.rstrip("/") or "/"
        path, in_path = mount.plain(path)
        found = mount.router.find(path)
        if found is None and service.respelled is not None and (other := service.respelled(path)) is not None:
            found = mount.router.find(other)
        if found is not None and "" in found[1].values():
            found = None  # a path that ends in a slash names nothing
        routes = found[0].get(request.method) if found else None
        if not (routes[0].public if routes else service.dialect.path_first):
            await self._authenticate(request)
        request.route = routes[0] if routes else None
        spec = service.microversions
        if spec is not None:
            request.microversion = spec.fixed.get(path.split("/", 2)[1])
            if request.microversion is None and path.startswith(spec.path):
                request.microversion = microversions.negotiate(spec, request.headers)
                request.response_headers.update(microversions.answer_headers(spec, request.microversion))
        if found is None:
            raise NotFound(service.dialect.no_route, kind="HTTPNotFound")
        request.params.update(found[1])
        route = self._choose(request, found[0], routes)
        if in_path is not None and not route.public and in_path != request.caller.project_id:
            raise BadRequest(service.dialect.foreign_project.format(given=in_path, own=request.caller.project_id))
        request.route = route
        return await self._run(request, route, service)

    @staticmethod
    def _choose(request: Request, by_method: dict[str, list[Route]], routes: list[Route] | None) -> Route:
        dialect = request.service.dialect
        if routes is None:
            raise MethodNotAllowed(dialect.no_method, headers={"allow": ", ".join(sorted(by_method))})
        for route in routes:
            if route.serves(request.microversion):
                return route
        raise NotFound(dialect.no_route)

    async def _authenticate(self, request: Request) -> None:
        token = request.headers.get("x-auth-token")
        if not token:
            raise Unauthorized("The request you have made requires authentication.")
        request.token = token
        request.caller = self.authenticator.cached(token) or await self.authenticator.authenticate(token)
        if request.caller.access_rules is not None:
            service, path = request.service, request.path
            # Rules are written with and without the prefix all services of a cloud like this have.
            if not request.caller.may_call(service.type, request.method, (path, path.removeprefix(service.prefix))):
                raise Unauthorized("The application credential's access rules do not allow this call.")

    async def _run(self, request: Request, route: Route, service: Service) -> Response:
        if not route.raw_body and request.method in ("POST", "PUT", "PATCH", "DELETE"):
            await request.read_json(route.max_body or service.max_body)
        self._validate(request, route)
        if route.enforce and route.policy:
            request.authorize(route.policy)
        if route.prepare is not None:
            request.prepared = await route.prepare(request)
        handler = route.handler
        if route.mode == "async":
            result = await handler(request)
        elif route.mode == "write":
            result = await self.db.write(lambda tx: handler(request, tx))
        elif self.db.is_sqlite:
            result = self.db.read_now(lambda tx: handler(request, tx))
        else:
            result = await self.db.read(lambda tx: handler(request, tx))
        return result if isinstance(result, Response) else Response(result, route.status)

    @staticmethod
    def _validate(request: Request, route: Route) -> None:
        dialect = request.service.dialect
        version = request.microversion or (0, 0)
        for since, schema in route.body:
            if version >= since:
                error = schema.error(request.body, first=dialect.first_error)
                if error is not None:
                    raise dialect.invalid(error, request)
                break
        for since, schema in route.query:
            if version >= since:
                values: dict[str, list[str]] = {}
                for name, value in request.query:
                    values.setdefault(name, []).append(value)
                error = schema.error(values)
                if error is not None:
                    raise (dialect.invalid_query or dialect.invalid)(error, request)
                break

    @staticmethod
    def _fault(fault: Fault, request: Request) -> Response:
        dialect = request.service.dialect
        if len(fault.message) > _REASON_LIMIT:
            fault.message = fault.message[:_REASON_LIMIT]
        if fault.status == 401 and dialect.unauthenticated is not None:
            response = dialect.unauthenticated(request)
        else:
            response = dialect.fault(fault, request)
        response.headers.update(fault.headers)
        return response

    # --- sending -----------------------------------------------------------------------------------------------------

    @staticmethod
    async def _send(request: Request, response: Response, send: Send) -> None:
        headers = [(b"x-openstack-request-id", request.request_id.encode())]
        if response.content_type is not None:
            headers.append((b"content-type", response.content_type.encode()))
        for name, value in response.headers.items():
            headers.append((name.lower().encode("latin-1"), value.encode("latin-1", "replace")))
        if response.stream is None:
            if response.status != 204 and "content-length" not in response.headers:
                headers.append((b"content-length", str(len(response.payload)).encode()))
            await send({"type": "http.response.start", "status": response.status, "headers": headers})
            await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else response.payload})
            return
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        async for chunk in response.stream:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

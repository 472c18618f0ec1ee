"""As much of an OpenStack client as the demo needs: log in, find or make a resource by its name, wait for a state."""

import ssl
import time
from collections.abc import Callable
from typing import Any, Self

import httpx

from monostack.cli.demo.progress import Progress


class Failure(Exception):
    """A stage that cannot be done. The message is why, `remedy` what the reader can do."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


class ApiError(Failure):
    """The cloud refused a request, in its own words."""

    def __init__(self, response: httpx.Response) -> None:
        request = response.request
        super().__init__(f"{request.method} {request.url.path} was answered {response.status_code}: {_words(response)}")
        self.status = response.status_code


class Client:
    """One user in one project."""

    def __init__(self, progress: Progress, verify: ssl.SSLContext | bool = True) -> None:
        self.progress = progress
        self.catalog: dict[str, str] = {}  # service type: public URL
        self.known: dict[str, str] = {}  # ids and addresses that earlier stages found, for later ones
        self._http = httpx.Client(timeout=60, verify=verify, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def log_in(self, url: str, user: str, password: str, project: str) -> None:
        """Raises ApiError, with status 401 when the password is not the user's."""
        domain = {"id": "default"}
        identity = {"methods": ["password"], "password": {"user": {"name": user, "domain": domain, "password": password}}}
        body = {"auth": {"identity": identity, "scope": {"project": {"name": project, "domain": domain}}}}
        answer = self._checked(self._http.post(f"{url}/identity/v3/auth/tokens", json=body))
        self._http.headers["X-Auth-Token"] = answer.headers["X-Subject-Token"]
        for service in answer.json()["token"]["catalog"]:
            public = [endpoint["url"] for endpoint in service["endpoints"] if endpoint["interface"] == "public"]
            if public:
                self.catalog[service["type"]] = public[0].rstrip("/")

    def call(self, method: str, service: str, path: str, body: Any = None, **options: Any) -> Any:
        """The decoded answer, None for an empty one. Raises ApiError."""
        url = self._base(service) + path
        answer = self._checked(self._http.request(method, url, **({"json": body} if body is not None else {}), **options))
        return answer.json() if answer.content else None

    def named(self, service: str, path: str, name: str, **filters: str) -> dict[str, Any] | None:
        """The resource of this name in a collection like `/v2.0/networks`, if there is one."""
        answer = self.call("GET", service, path, params={"name": name, **filters})
        found = next(value for value in answer.values() if isinstance(value, list))
        # Compute takes a name as a pattern, and lists nothing but names for some collections.
        return next((one for one in found if one["name"] == name), None)

    def ensure(self, service: str, path: str, kind: str, name: str, **body: Any) -> tuple[dict[str, Any], bool]:
        """The resource of this name, and whether it had to be made."""
        found = self.named(service, path, name)
        if found is not None:
            return found, False
        return self.call("POST", service, path, {kind: {"name": name, **body}})[kind], True

    def wait(self, what: str, look: Callable[[], str | None], patience: float, remedy: str = "") -> None:
        """Look until there is nothing more to wait for: `look` returns None, or what the state is. Raises Failure when patience ends."""
        until = time.monotonic() + patience
        while (state := look()) is not None:
            if time.monotonic() > until:
                raise Failure(f"{what} took longer than {patience:.0f} s, and is {state}", remedy)
            self.progress.wait(state)
            time.sleep(0.25)

    def _base(self, service: str) -> str:
        url = self.catalog.get(service)
        if url is None:
            raise Failure(f"the catalog has no {service} service")
        return url

    @staticmethod
    def _checked(response: httpx.Response) -> httpx.Response:
        if response.status_code >= 400:
            raise ApiError(response)
        return response


def _words(response: httpx.Response) -> str:
    """The message in an error body, which each service words and wraps in its own way."""
    try:
        body = response.json()
    except ValueError:
        return response.text[:500]
    while isinstance(body, dict | list) and body:
        inner = body[0] if isinstance(body, list) else body.get("message") or body.get("detail") or next(iter(body.values()))
        body = inner
    return str(body)

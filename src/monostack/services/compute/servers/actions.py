"""POST /servers/{id}/action: what can be done to a server."""

from monostack.http import Routes
from monostack.http.actions import Actions

ACTIONS = Actions()

routes = Routes("/v2.1/servers")
ACTIONS.mount(routes, "/{id}/action")

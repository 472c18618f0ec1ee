"""POST /servers/{id}/action: what can be done to a server."""

from monostack.http import Routes
from monostack.http.actions import Actions

# Those of OpenStack that are not served (yet).
_NOT_BUILT = (
    "changePassword",
)
ACTIONS = Actions(_NOT_BUILT)

routes = Routes("/v2.1/servers")
ACTIONS.mount(routes, "/{id}/action")

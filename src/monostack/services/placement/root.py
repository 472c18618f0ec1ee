"""The version document: the one thing that is shown without a token."""

from typing import Any

from monostack.db import Transaction
from monostack.http import Request, Response, Routes
from monostack.http.microversions import text
from monostack.services.placement.dialect import MICROVERSIONS
from monostack.services.placement.exchange import dated

routes = Routes("")


@routes.get("/", public=True)
def show_version(request: Request, tx: Transaction) -> Response:
    """Show the version."""
    lowest, highest = text(MICROVERSIONS.minimum), text(MICROVERSIONS.maximum)
    version: dict[str, Any] = {"id": f"v{lowest}", "max_version": highest, "min_version": lowest, "status": "CURRENT"}
    return dated(request, {"versions": [{**version, "links": [{"rel": "self", "href": ""}]}]})

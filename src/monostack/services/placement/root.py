"""The version document: the one thing that is shown without a token."""

from typing import Any

from monostack.db import Transaction
from monostack.http import Request, Response, Routes
from monostack.http.answers import TEXT, Record, envelope, many
from monostack.http.microversions import text
from monostack.services.placement.dialect import LINKS, MICROVERSIONS
from monostack.services.placement.exchange import dated

routes = Routes("")


_VERSION = Record("Version", {"id": TEXT, "max_version": TEXT, "min_version": TEXT, "status": TEXT, "links": LINKS})


@routes.get("/", public=True, answer=envelope("versions", many(_VERSION)))
def show_version(request: Request, tx: Transaction) -> Response:
    """Show the version."""
    lowest, highest = text(MICROVERSIONS.minimum), text(MICROVERSIONS.maximum)
    version: dict[str, Any] = {"id": f"v{lowest}", "max_version": highest, "min_version": lowest, "status": "CURRENT"}
    return dated(request, {"versions": [{**version, "links": [{"rel": "self", "href": ""}]}]})

"""Microversion negotiation: which version a request asks for, and the headers that answer it.

Source: the API-WG microversion specification; texts and statuses as Nova, Cinder and Placement give them.
"""

from monostack.core.errors import BadRequest, NotAcceptable
from monostack.http.routing import Version
from monostack.http.service import Microversions


def text(version: Version) -> str:
    return f"{version[0]}.{version[1]}"


def requested(spec: Microversions, headers: dict[str, str]) -> str | None:
    """The version text the client sent for this service, or None."""
    value = headers.get("openstack-api-version")
    if value:
        for part in value.split(","):
            name, _, version = part.strip().partition(" ")
            if name.lower() == spec.name and version:
                return version.strip()
    return headers.get(spec.legacy_header) if spec.legacy_header else None


def negotiate(spec: Microversions, headers: dict[str, str]) -> Version:
    """The version to serve. Raises BadRequest for nonsense and NotAcceptable outside the range, as Nova does."""
    asked = requested(spec, headers)
    if asked is None:
        return spec.default or spec.minimum
    if asked.lower() == "latest":
        return spec.maximum
    match = spec.form.match(asked)
    if match is None:
        raise BadRequest(
            f"API Version String {asked} is of invalid format. Must be of format MajorNum.MinorNum.", kind="InvalidAPIVersionString"
        )
    version = (int(match[1]), int(match[2]))
    if not spec.minimum <= version <= spec.maximum:
        raise NotAcceptable(
            f"Version {asked} is not supported by the API. Minimum is {text(spec.minimum)} and maximum is {text(spec.maximum)}.",
            kind="InvalidGlobalAPIVersion",
            headers=answer_headers(spec, version) if spec.echo_refused else None,
        )
    return version


def answer_headers(spec: Microversions, version: Version) -> dict[str, str]:
    shown = text(version)
    headers = {"openstack-api-version": f"{spec.name} {shown}", "vary": spec.vary}
    if spec.legacy_header:
        headers[spec.legacy_header] = shown
    return headers

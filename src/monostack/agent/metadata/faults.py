"""Refusals of the metadata service, worded and formatted as Nova's are."""

import json
from http import HTTPStatus

_EXPLANATIONS = {
    HTTPStatus.NOT_FOUND: "The resource could not be found.",
    HTTPStatus.CONFLICT: "There was a conflict when trying to complete your request.",
}
_OFFERS = ("text/html", "application/json")


def page(status: HTTPStatus, accept: str, explanation: str = "") -> tuple[str, bytes]:
    """Content type and body of a refusal, in what the client says it accepts: HTML, JSON, else plain text."""
    title = f"{status.value} {status.phrase}"
    explanation = explanation or _EXPLANATIONS[status]
    match _best(accept):
        case "text/html":
            body = (
                f"<html>\n <head>\n  <title>{title}</title>\n </head>\n <body>\n  <h1>{title}</h1>\n"
                f"  {explanation}<br /><br />\n\n\n\n </body>\n</html>"
            )
            return "text/html; charset=UTF-8", body.encode()
        case "application/json":
            return "application/json", json.dumps(
                {"message": f"{explanation}<br /><br />\n\n\n", "code": title, "title": status.phrase}
            ).encode()
    return "text/plain; charset=UTF-8", f"{title}\n\n{explanation}\n\n   ".encode()


def _best(accept: str) -> str | None:
    """The offer with the highest quality, the first of equals (RFC 9110, section 12.5.1)."""
    qualities: dict[str, float] = {}
    for item in accept.lower().split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        quality = next((part[2:] for part in parameters if part.startswith("q=")), "1")
        try:
            qualities[name] = float(quality)
        except ValueError:
            return None
    found = {offer: qualities.get(offer, qualities.get(offer.partition("/")[0] + "/*", qualities.get("*/*", 0.0))) for offer in _OFFERS}
    best = max(_OFFERS, key=lambda offer: found[offer])
    return best if found[best] > 0 else None

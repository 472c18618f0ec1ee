"""Makes answers of two runs comparable: ids, times, addresses and URLs become placeholders, an id saved earlier becomes its name."""

import ipaddress
import json
import re
from typing import Any

import httpx

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


def _time(match: re.Match[str]) -> str:
    return f"<time{'' if match[1] == 'T' else ' spaced'}{'.6' if match[2] else ''}{match[3]}>"


RULES: list[tuple[re.Pattern[str], Any]] = [
    (re.compile(rf"req-{UUID}"), "<request>"),
    (re.compile(UUID), "<uuid>"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "<hex32>"),
    (re.compile(r"\b[0-9a-f]{40,128}\b"), lambda m: f"<hex{len(m[0])}>"),
    (re.compile(r"\bgAAAA[\w-]{60,}=*"), "<token>"),
    (re.compile(r"\d{4}-\d\d-\d\d([T ])\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d|(?=\D|$))"), _time),
    (re.compile(r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT"), "<http-date>"),
    (re.compile(r"\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b(?!:)"), "<mac>"),
    (re.compile(r"\binstance-[0-9a-f]{8}\b"), "<instance>"),
    (re.compile(r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*-----END [A-Z ]*PRIVATE KEY-----"), "<private key>"),
]
# Values that the machine decides, not the request.
BY_KEY = {
    "audit_ids", "adminPass", "hostId", "host", "OS-EXT-SRV-ATTR:host", "OS-EXT-SRV-ATTR:hypervisor_hostname", "os-vol-host-attr:host",
    "hypervisor_hostname", "binding:host_id", "host_id", "OS-EXT-SRV-ATTR:reservation_id", "reservation_id", "provider:segmentation_id",
}  # fmt: skip
ADDRESSES = {"ip_address", "addr", "fixed_ip_address", "floating_ip_address"}
VERBATIM = {"checksum", "os_hash_value", "etag", "fingerprint", "public_key", "hash"}
HEADERS = {
    "content-type", "vary", "location", "www-authenticate", "allow", "retry-after", "openstack-api-version", "x-openstack-nova-api-version",
    "x-openstack-request-id", "openstack-image-import-methods", "x-subject-token", "accept-ranges", "content-range", "content-md5",
}  # fmt: skip


class Normaliser:
    """Of one run. `sent` is everything the scenario sent so far: an address that is in it is compared as it is."""

    def __init__(self, run: str) -> None:
        self.run = run
        self.sent = ""
        self.roots: list[str] = []
        self._names: dict[str, str] = {}

    def learn(self, name: str, value: Any) -> None:
        if isinstance(value, str) and len(value) >= 8 and value not in self._names and not value.startswith("/") and self.run not in value:
            self._names[value] = f"<{name}>"

    def text(self, text: str) -> str:
        for root in self.roots:
            text = text.replace(root, "<root>")
        for value in sorted(self._names, key=len, reverse=True):
            text = text.replace(value, self._names[value])
        text = text.replace(self.run, "<run>")
        for pattern, replacement in RULES:
            text = pattern.sub(replacement, text)
        return text

    def value(self, value: Any, key: str | None = None) -> Any:
        if isinstance(value, dict):
            return {self.text(k): self.value(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [self.value(v, key) for v in value]
        if key in BY_KEY and value not in (None, "", [], {}) and not isinstance(value, bool):
            return f"<{key}>" if isinstance(value, str) else 0
        if not isinstance(value, str):
            return value
        if key in ADDRESSES and value not in self.sent:
            try:
                return f"<ip{ipaddress.ip_address(value).version}>"
            except ValueError:
                return self.text(value)
        return value if key in VERBATIM else self.text(value)

    def _header(self, name: str, value: str) -> str:
        if name == "x-subject-token":
            return "<token>"
        if name in ("vary", "allow"):
            parts = {p.strip() if name == "allow" else p.strip().lower() for p in value.split(",")} - {""}
            return ", ".join(sorted(parts))
        if name == "content-type":
            return re.sub(r"\s*;\s*", "; ", value.lower())
        return self.text(value)

    def answer(self, answer: httpx.Response) -> dict[str, Any]:
        headers = {name: self._header(name, value) for name, value in answer.headers.items() if name in HEADERS}
        body: Any = None
        if answer.content:
            try:
                body = {"json": self.value(json.loads(answer.text))}
            except ValueError:
                body = {"text": self.text(answer.text.strip())[:4000]}
        return {"status": answer.status_code, "headers": headers, "body": body}

"""The openstack and ec2 trees, made from an InstanceMetadata: paths, versions and text as Nova's metadata API gives them.

Source: Nova's metadata API (https://docs.openstack.org/nova/latest/user/metadata.html).
"""

import base64
import json
import posixpath
import secrets
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from monostack.protocol.guests import InstanceMetadata

EC2_VERSIONS = ["1.0", "2007-01-19", "2007-03-01", "2007-08-29", "2007-10-10", "2007-12-15", "2008-02-01", "2008-09-01", "2009-04-04"]
FOLSOM, GRIZZLY, HAVANA, LIBERTY = "2012-08-10", "2013-04-04", "2013-10-17", "2015-10-15"
NEWTON_ONE, NEWTON_TWO, OCATA, ROCKY = "2016-06-30", "2016-10-06", "2017-02-22", "2018-08-27"
VICTORIA, EPOXY = "2020-10-14", "2025-04-04"
OPENSTACK_VERSIONS = [FOLSOM, GRIZZLY, HAVANA, LIBERTY, NEWTON_ONE, NEWTON_TWO, OCATA, ROCKY, VICTORIA, EPOXY]
LATEST = "latest"

# The EC2 version each item came with; the others were there from the start.
_EC2_SINCE = {
    "local-hostname": "2007-01-19",
    "public-hostname": "2007-01-19",
    "public-ipv4": "2007-01-19",
    "instance-type": "2007-08-29",
    "block-device-mapping": "2007-12-15",
    "kernel-id": "2007-12-15",
    "ramdisk-id": "2007-12-15",
    "placement": "2008-02-01",
    "instance-action": "2008-09-01",
}
_META_DATA_SINCE = {"project_id": LIBERTY, "devices": NEWTON_ONE, "dedicated_cpus": VICTORIA}
_DEVICE_SINCE = {"vlan": OCATA, "vf_trusted": ROCKY}
_SEED_OCTETS = 512
_TEXT = "text/plain; charset=UTF-8"
_JSON = "application/json"
_RENDERED_NAME = "_name"  # what an EC2 directory lists in the place of its key


class NotFound(LookupError):
    """There is nothing at this path."""


class Text(NamedTuple):
    """A document."""

    body: bytes
    content_type: str = _TEXT


class Place(NamedTuple):
    """Where a device is, as guests are told."""

    bus: str
    address: str


NOWHERE = Place("none", "none")


class PasswordPage(NamedTuple):
    """Where a guest leaves its password, once."""

    value: str | None


def look_up(metadata: InstanceMetadata, path: str) -> Text | PasswordPage:
    """What is at a path ("/openstack/latest/meta_data.json"). Raises NotFound."""
    tokens = posixpath.normpath(path if path.startswith("/") else "/" + path).split("/")[1:]
    if tokens[0] not in ("ec2", "openstack"):
        tokens = ["ec2"] if tokens[0] == "" else ["ec2", *tokens]
    if len(tokens) == 1:
        return _listing([*(OPENSTACK_VERSIONS if tokens[0] == "openstack" else EC2_VERSIONS), LATEST])
    if tokens[0] == "openstack":
        return _openstack(metadata, _version(tokens[1], OPENSTACK_VERSIONS), "/".join(tokens[2:]))
    return _ec2(metadata, _version(tokens[1], EC2_VERSIONS), tokens[2:])


def located(metadata: InstanceMetadata, places: Mapping[str, Place]) -> InstanceMetadata:
    """With where its devices are: network interfaces by their MAC addresses, disks by their serial numbers."""
    devices = [
        {**device, **places.get(device.get("mac") or device.get("serial") or "", NOWHERE)._asdict()} for device in devices_of(metadata)
    ]
    return msgspec.structs.replace(metadata, meta_data={**metadata.meta_data, "devices": devices})


def devices_of(metadata: InstanceMetadata) -> list[dict[str, Any]]:
    """What a guest is told of its devices."""
    return metadata.meta_data.get("devices", [])


def _version(name: str, versions: list[str]) -> str:
    if name == LATEST:
        return versions[-1]
    if name not in versions:
        raise NotFound(name)
    return name


def _listing(lines: list[str]) -> Text:
    return Text("\n".join(lines).encode())


def _dump(value: Any) -> bytes:
    return json.dumps(value).encode()


def _openstack(metadata: InstanceMetadata, version: str, name: str) -> Text | PasswordPage:
    pages = _openstack_pages(metadata, version)
    if name in ("", "version"):
        return _listing(list(pages))
    if name not in pages and not (name == "network_data.json"):
        raise NotFound(name)
    match name:
        case "meta_data.json":
            return Text(_dump(_meta_data(metadata, version)), _JSON)
        case "network_data.json":  # never hidden from who knows its name, though listed since Liberty only
            return Text(_dump(metadata.network_data))
        case "user_data":
            return Text(_user_data(metadata))
        case "vendor_data.json":
            return Text(_dump(metadata.vendor_data), _JSON)
        case "vendor_data2.json":
            return Text(_dump({"static": metadata.vendor_data}), _JSON)
    return PasswordPage(metadata.password)


def _openstack_pages(metadata: InstanceMetadata, version: str) -> list[str]:
    since = [
        ("meta_data.json", FOLSOM),
        ("user_data", FOLSOM if metadata.user_data is not None else "9"),
        ("password", GRIZZLY),
        ("vendor_data.json", HAVANA),
        ("network_data.json", LIBERTY),
        ("vendor_data2.json", NEWTON_TWO),
    ]
    return [name for name, first in since if first <= version]


def _user_data(metadata: InstanceMetadata) -> bytes:
    return base64.b64decode(metadata.user_data or "")


def _meta_data(metadata: InstanceMetadata, version: str) -> dict[str, Any]:
    found = {key: value for key, value in metadata.meta_data.items() if _META_DATA_SINCE.get(key, "") <= version}
    if metadata.files:
        found["files"] = [{"content_path": _content_path(index), "path": file.path} for index, file in enumerate(metadata.files)]
    if version >= GRIZZLY:
        found["random_seed"] = base64.b64encode(secrets.token_bytes(_SEED_OCTETS)).decode()
    if "devices" in found:
        found["devices"] = [_device(device, version) for device in found["devices"] if _shown(device, version)]
    return found


def _device(device: dict[str, Any], version: str) -> dict[str, Any]:
    return {key: value for key, value in device.items() if _DEVICE_SINCE.get(key, "") <= version}


def _shown(device: dict[str, Any], version: str) -> bool:
    """A share is shown since Epoxy; a NIC while it has something to tell apart from others by."""
    if device.get("type") == "share":
        return version >= EPOXY
    return device.get("type") != "nic" or bool({"tags", "vlan", "vf_trusted"} & _device(device, version).keys())


def _ec2(metadata: InstanceMetadata, version: str, tokens: list[str]) -> Text:
    node: Any = {"meta-data": {key: value for key, value in metadata.ec2.items() if _EC2_SINCE.get(key, "") <= version}}
    if metadata.user_data is not None:
        node["user-data"] = _user_data(metadata)
    for token in tokens:
        if not isinstance(node, dict) or token not in node:
            raise NotFound("/".join(tokens))
        node = node[token]
    return Text(_print(node))


def _print(node: Any) -> bytes:
    if isinstance(node, bytes):
        return node
    if isinstance(node, list):
        return "\n".join(str(line) for line in node).encode()
    if not isinstance(node, dict):
        return str(node).encode()
    lines = []
    for key in sorted(node):
        if key != _RENDERED_NAME:
            below = node[key]
            lines.append(str(below.get(_RENDERED_NAME, key + "/")) if isinstance(below, dict) else key)
    return "\n".join(lines).encode()


def _content_path(index: int) -> str:
    return f"/content/{index:04d}"


def config_drive_files(metadata: InstanceMetadata) -> Iterator[tuple[str, bytes]]:
    """The paths of a configuration drive with their contents: the same documents, each version in a directory of its own."""
    for name in [*EC2_VERSIONS, LATEST]:
        version = _version(name, EC2_VERSIONS)
        if metadata.user_data is not None:
            yield f"ec2/{name}/user-data", _user_data(metadata)
        yield f"ec2/{name}/meta-data.json", _dump({key: value for key, value in metadata.ec2.items() if _EC2_SINCE.get(key, "") <= version})
    for index, file in enumerate(metadata.files):
        yield f"openstack{_content_path(index)}", base64.b64decode(file.contents)
    for name in [*OPENSTACK_VERSIONS, LATEST]:
        for page in _openstack_pages(metadata, _version(name, OPENSTACK_VERSIONS)):
            document = look_up(metadata, f"/openstack/{name}/{page}")
            if isinstance(document, Text):
                yield f"openstack/{name}/{page}", document.body

"""Every workflow of volumes, in every way it may go."""

from typing import Any

import pytest
from harness import IMAGE, VOLUME, Bench, Case, Trial, trials


async def _nothing(bench: Bench) -> dict[str, Any]:
    return {}


async def _with_volume(bench: Bench) -> dict[str, Any]:
    volume_id = (await bench.ask("POST", f"{VOLUME}/volumes", {"volume": {"size": 1}}, 202)).json()["volume"]["id"]
    await bench.rest()
    return {"volume": volume_id}


async def _volume(bench: Bench, given: dict[str, Any]) -> dict[str, Any]:
    return (await bench.ask("GET", f"{VOLUME}/volumes/{given['volume']}", expect=200)).json()["volume"]


def _action(name: str, body: dict[str, Any], version: str = "3.0") -> Any:
    async def act(bench: Bench, given: dict[str, Any]) -> None:
        path = f"{VOLUME}/volumes/{given['volume']}/action"
        answer = await bench.ask("POST", path, {name: body}, 202, openstack_api_version=f"volume {version}")
        given["answer"] = answer.json() if answer.content else None

    return act


async def _is_an_image(bench: Bench, given: dict[str, Any]) -> None:
    assert (await _volume(bench, given))["status"] == "available"
    image_id = given["answer"]["os-volume_upload_image"]["image_id"]
    image = (await bench.ask("GET", f"{IMAGE}/images/{image_id}", expect=200)).json()
    assert (image["status"], image["virtual_size"]) == ("active", 1 << 30)


UPLOAD = Case(
    "upload_volume", _with_volume, _action("os-volume_upload_image", {"image_name": "i", "disk_format": "qcow2"}), _is_an_image, {}
)

CASES = {"upload": UPLOAD}


@pytest.mark.parametrize(
    ("case", "trial"),
    [pytest.param(case, trial, id=f"{name.replace(' ', '_')}-{trial}") for name, case in CASES.items() for trial in trials(case)],
)
def test_workflow(bench: Bench, case: Case, trial: Trial) -> None:
    bench.put(case, trial)

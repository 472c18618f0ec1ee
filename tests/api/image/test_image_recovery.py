"""The image store after crashes: rows and files agree again."""

from clouds import TestCloud
from monostack.services.image import writing
from monostack.services.image.images.image import Image
from monostack.services.image.images.table import GET
from monostack.services.image.reconcilers.files import FILES


def _take(cloud: TestCloud, image_id: str, status: str, *, expired: bool = True) -> str:
    """Hold an image as a writer that then dies."""

    def take(tx) -> str:
        token = writing.take(tx, Image(dict(tx.row(GET[True], {"the_id": image_id})._mapping)), status)
        if expired:
            tx.execute(writing.EXPIRE_ALL)
        return token

    return cloud.run(cloud.app.db.write(take))


def _reconcile(cloud: TestCloud) -> None:
    cloud.run(cloud.app.cloud.reconcilers.run_once(FILES))


def test_what_a_dead_writer_left_goes(cloud: TestCloud, make_image, store) -> None:
    image = make_image(cloud.demo, name="half written")
    token = _take(cloud, image["id"], "saving")
    partial = store / ".incoming" / f"{image['id']}.{token}"
    partial.write_bytes(b"half")
    (store / image["id"]).write_bytes(b"renamed, but never committed")
    _reconcile(cloud)
    assert cloud.demo.get("image", f"/images/{image['id']}").json()["status"] == "queued"
    assert not partial.exists()
    assert not (store / image["id"]).exists()
    octets = {"content-type": "application/octet-stream"}
    assert cloud.demo.put("image", f"/images/{image['id']}/file", content=b"again", headers=octets).status_code == 204


def test_living_writers_are_left_alone(cloud: TestCloud, make_image, store) -> None:
    image = make_image(cloud.demo, name="being written")
    token = _take(cloud, image["id"], "saving", expired=False)
    partial = store / ".incoming" / f"{image['id']}.{token}"
    partial.write_bytes(b"half")
    _reconcile(cloud)
    assert partial.exists()
    assert cloud.demo.get("image", f"/images/{image['id']}").json()["status"] == "saving"


def test_files_without_rows_go_and_others_stay(cloud: TestCloud, make_image, store) -> None:
    kept = make_image(cloud.demo, b"kept", name="kept")
    staged = make_image(cloud.demo, name="kept staged")
    octets = {"content-type": "application/octet-stream"}
    assert cloud.demo.put("image", f"/images/{staged['id']}/stage", content=b"staged", headers=octets).status_code == 204
    orphans = [store / "11111111-2222-3333-4444-555555555555", store / ".staged" / "66666666-2222-3333-4444-555555555555"]
    for path in orphans:
        path.write_bytes(b"nobody's")
    _reconcile(cloud)
    assert not any(path.exists() for path in orphans)
    assert cloud.demo.get("image", f"/images/{kept['id']}/file").content == b"kept"
    assert (store / ".staged" / staged["id"]).read_bytes() == b"staged"


def test_a_staging_that_died_is_queued_again(cloud: TestCloud, make_image, store) -> None:
    image = make_image(cloud.demo, name="half staged")
    _take(cloud, image["id"], "uploading")
    (store / ".staged" / image["id"]).write_bytes(b"renamed, but never committed")
    _reconcile(cloud)
    assert cloud.demo.get("image", f"/images/{image['id']}").json()["status"] == "queued"
    assert not (store / ".staged" / image["id"]).exists()

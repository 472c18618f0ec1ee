"""Emulated TPMs: what one holds is there after a hard reboot and a new libvirtd, is encrypted on the disk, and goes with the guest."""

import base64
import re
import uuid

import msgspec
import pytest
from guest_lab import GuestLab, lab

from monostack.protocol.guests import GuestSpec, GuestTpm, RebootGuest, StopGuest

__all__ = ["lab"]
pytestmark = pytest.mark.host

# TPM2_CreatePrimary of the owner: the ECC key that follows from the seed of this TPM, and so is another in each. TPM 2.0 Library
# Specification, part 3, 24.1.
CREATE_PRIMARY = bytes.fromhex(
    "8002 00000043 00000131 40000001"  # with sessions, size, command, handle
    "00000009 40000009 0000 00 0000"  # the empty password
    "0004 0000 0000"  # nothing sensitive of ours
    "001a 0023 000b 00030472 0000 0006 0080 0043 0010 0003 0010 0000 0000"  # a storage key on P-256
    "0000 00000000"
)
ASKING = f"""#!/bin/sh
(
    exec 3<>/dev/tpm0
    echo {base64.b64encode(CREATE_PRIMARY).decode()} | base64 -d > /run/command
    dd if=/run/command bs=4096 count=1 >&3
    dd bs=4096 count=1 <&3 > /run/answer
    key=$(dd if=/run/answer bs=1 skip=18 count=92 | sha256sum | cut -c1-64)
    echo "tpm $(cat /sys/class/tpm/tpm0/tpm_version_major) of $(wc -c < /run/answer) bytes says $key." > /dev/console
) < /dev/null 2> /dev/null
"""
SAID = r"tpm 2 of \d{3,} bytes says (\w{64})\."


def _with_tpm(lab: GuestLab, version: str = "2.0", model: str = "tpm-crb") -> GuestSpec:
    spec = lab.spec(tpm=GuestTpm(version, model, str(uuid.uuid4()), uuid.uuid4().hex * 24))
    spec.metadata.user_data = base64.b64encode(ASKING.encode()).decode()
    return spec


def test_hosts_say_that_they_emulate_tpms(lab: GuestLab) -> None:
    traits = lab.run(lab.host.agent.drivers.hypervisor.inventory()).traits
    assert {f"COMPUTE_SECURITY_TPM_{name}" for name in ("1_2", "2_0", "CRB", "TIS", "SECRET_SECURITY_HOST")} <= set(traits)


def test_what_a_tpm_holds(lab: GuestLab) -> None:
    spec = _with_tpm(lab)
    assert spec.tpm is not None
    states = lab.daemon.tpm_states / spec.server_id
    lab.do("guest.create", spec)
    lab.wait_console(spec.server_id, SAID)
    spec.metadata.meta_data["uuid"] = str(uuid.uuid4())  # to the guest it is another server: what it is to do first it does again
    lab.do("guest.reboot", RebootGuest(spec, hard=True))
    first, second = re.findall(SAID, lab.wait_console(spec.server_id, SAID, times=2))
    assert first == second
    lab.do("guest.stop", StopGuest(spec.server_id, 0))
    (state,) = states.rglob("*.permall")
    assert state.parent.name == "tpm2" and state.stat().st_uid != 0
    assert not any(spec.tpm.passphrase.encode() in path.read_bytes() for path in lab.state.rglob("*") if path.is_file())

    # No secret is left with libvirt, so another key is what it gets, and that opens nothing.
    lab.refuse("guest.start", msgspec.structs.replace(spec, tpm=msgspec.structs.replace(spec.tpm, passphrase="another")))
    lab.do("guest.destroy", {"server_id": spec.server_id})
    assert not states.exists()


def test_a_resize_takes_its_tpm(lab: GuestLab) -> None:
    spec = _with_tpm(lab, "1.2", "tpm-tis")
    reference = {"server_id": spec.server_id}
    states = lab.daemon.tpm_states / spec.server_id
    lab.do("guest.create", spec)
    lab.do("guest.stop", StopGuest(spec.server_id, 0))
    lab.do("guest.keep", reference)
    lab.do("guest.resize", msgspec.structs.replace(spec, tpm=None))
    assert (states / "tpm1.2").exists(), "until it is confirmed"
    lab.do("guest.restore", spec)
    assert (states / "tpm1.2").exists()
    lab.do("guest.keep", reference)
    lab.do("guest.resize", msgspec.structs.replace(spec, tpm=None))
    lab.do("guest.forget_kept", reference)
    assert not (states / "tpm1.2").exists()
    lab.do("guest.destroy", reference)
    assert not states.exists()

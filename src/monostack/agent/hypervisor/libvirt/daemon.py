"""A libvirtd of our own, for machines where none runs: private to a state directory, gone without a trace.

It lives in a mount namespace where libvirt's directories are ours, so it neither needs nor changes the machine's own libvirt
settings, and several may run side by side. Guests outlive it, and its successor finds them again.
"""

import logging
import os
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from monostack.agent.config import VNC_PORTS
from monostack.agent.errors import CommandError
from monostack.agent.hypervisor.libvirt import places
from monostack.agent.hypervisor.probe import KVM
from monostack.agent.qemu_user import QemuUser
from monostack.core.files import write_whole

log = logging.getLogger(__name__)

SYSTEM_URI = "qemu:///system"
READY_WITHIN = 90.0  # seconds; it asks every QEMU for its abilities first
ENDS_WITHIN = 20.0

# Disks and sockets get their owner from the agent, not from libvirt; consoles are files without a second daemon.
QEMU_SETTINGS = """\
user = "{user}"
group = "+{gid}"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
cgroup_controllers = []
namespaces = []
stdio_handler = "file"
swtpm_user = "{user}"
swtpm_group = "+{gid}"
remote_display_port_min = {vnc_ports[0]}
remote_display_port_max = {vnc_ports[1]}
"""

DAEMON_SETTINGS = """\
host_uuid = "{host_uuid}"
auth_unix_rw = "none"
unix_sock_rw_perms = "0700"
log_level = 3
log_outputs = "3:file:/var/log/libvirt/libvirtd.log"
"""

# swtpm_setup finds these by XDG_CONFIG_HOME. What certifies that a TPM is made by swtpm is a key that each daemon makes for itself.
TPM_SETTINGS = """\
create_certs_tool = /usr/bin/swtpm_localca
create_certs_tool_config = {directory}/etc/swtpm-localca.conf
create_certs_tool_options = /etc/swtpm-localca.options
active_pcr_banks = sha256
"""
TPM_AUTHORITY = """\
statedir = {authority}
signingkey = {authority}/signkey.pem
issuercert = {authority}/issuercert.pem
certserial = {authority}/certserial
"""

# $1 is our directory, $2 the accelerator. A /dev/kvm that is not used is hidden by a file that guests may not open: as long as what
# libvirt may do with it and what QEMU can do with it differ, every QEMU is asked for its abilities again and again, seconds each time.
# tini adopts the QEMU processes and reaps them at once: libvirt waits for each that it ends to be reaped, which takes seconds where the
# machine's first process is in no hurry.
START = """
for place in etc:/etc run:/run lib:/var/lib log:/var/log cache:/var/cache; do
  mount --bind "$1/${place%%:*}" "${place#*:}/libvirt"
done
mount --bind "$1/swtpm" /var/log/swtpm
export XDG_CONFIG_HOME="$1/etc"
if [ "$2" != kvm ] && [ -e /dev/kvm ]; then mount --bind "$1/no-kvm" /dev/kvm; fi
shift 2
if command -v tini >/dev/null; then set -- tini -s --; fi
exec "$@" libvirtd --config /etc/libvirt/libvirtd.conf --pid-file /run/libvirt/libvirtd.pid
"""


class Daemon:
    """libvirtd with everything of its own below `directory`, for guests on `accelerator` (kvm or tcg).

    Their screens have the TCP ports of `vnc_ports`, first and last: of two daemons that choose among the same, one loses now and then.

    All methods block; none is for the event loop.
    """

    def __init__(self, directory: Path, user: QemuUser, accelerator: str, vnc_ports: tuple[int, int] = VNC_PORTS) -> None:
        self._directory = directory
        self._user = user
        self._accelerator = accelerator
        self._vnc_ports = vnc_ports

    @property
    def uri(self) -> str:
        return f"qemu+unix:///system?socket={self._directory}/run/libvirt-sock"

    @property
    def tpm_states(self) -> Path:
        """Where what the TPMs of guests hold is kept, by server."""
        return self._directory / "lib" / "swtpm"

    def pid(self) -> int | None:
        """Of the running daemon; None when it does not run."""
        try:
            pid = int((self._directory / "run" / "libvirtd.pid").read_text())
            program = Path(f"/proc/{pid}/exe").readlink()
        except (FileNotFoundError, ValueError, ProcessLookupError):
            return None
        return pid if program.name == "libvirtd" else None

    def choose_uri(self, system_answers: Callable[[], bool]) -> str:
        """The system's libvirtd if it answers, else ours. Decided once for a state directory: guests stay where they were made."""
        kept = self._directory / "uri"
        if not kept.exists():
            self._directory.mkdir(mode=0o711, parents=True, exist_ok=True)
            write_whole(kept, (SYSTEM_URI if system_answers() else self.uri).encode())
        return kept.read_text()

    def start(self) -> None:
        """Have it running and answering. Raises CommandError, with what it wrote last."""
        if self.pid() is not None and self._answers():
            return
        if shutil.which("libvirtd") is None:
            raise CommandError("host.no_libvirt", "libvirtd is missing: install libvirt-daemon and libvirt-daemon-driver-qemu")
        self._prepare()
        output = self._directory / "log" / "start.log"
        with output.open("wb") as log_file, places.in_use() as lock:
            process = subprocess.Popen(
                ["unshare", "--mount", "--propagation", "slave", "sh", "-eu", "-c", START, "sh", str(self._directory), self._accelerator],
                stdin=subprocess.DEVNULL,
                stdout=log_file,
                stderr=log_file,
                pass_fds=(lock,),
                start_new_session=True,  # a Ctrl-C for the agent is not for the guests
            )
        deadline = time.monotonic() + READY_WITHIN
        while not self._answers():
            if process.poll() is not None or time.monotonic() > deadline:
                said = output.read_text(errors="replace").strip()[-500:] or f"no answer in {READY_WITHIN:g} seconds"
                raise CommandError("host.libvirt_failed", f"libvirtd did not start: {said}", retry=True)
            time.sleep(0.1)
        log.info("started libvirtd, process %s", self.pid())

    def stop(self) -> None:
        """End it, if it runs. Guests run on."""
        pid = self.pid()
        if pid is None:
            return
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + ENDS_WITHIN
        while self.pid() == pid:
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
                deadline += ENDS_WITHIN
            time.sleep(0.1)

    def remove(self) -> None:
        """End it and remove what it kept, and libvirt's own places where nothing needs them."""
        self.stop()
        shutil.rmtree(self._directory, ignore_errors=True)
        places.remove_unused()

    def _answers(self) -> bool:
        """Whether a connection can be made and used."""
        import libvirt

        try:
            connection = libvirt.openReadOnly(self.uri.replace("libvirt-sock", "libvirt-sock-ro"))
        except libvirt.libvirtError:
            return False
        connection.close()
        return True

    def _prepare(self) -> None:
        for name in places.PLACES:
            (self._directory / name).mkdir(mode=0o711, parents=True, exist_ok=True)
        self._user.let_in(self._directory / "lib")
        if self._accelerator == "kvm":
            self._user.let_use(KVM)
        kept = self._directory / "host_uuid"
        if not kept.exists():
            write_whole(kept, str(uuid.uuid4()).encode())
        write_whole(self._directory / "no-kvm", b"", mode=0)
        settings = QEMU_SETTINGS.format(user=self._user.name, gid=self._user.gid, vnc_ports=self._vnc_ports)
        write_whole(self._directory / "etc" / "qemu.conf", settings.encode())
        write_whole(self._directory / "etc" / "libvirtd.conf", DAEMON_SETTINGS.format(host_uuid=kept.read_text()).encode())
        self._prepare_tpms()

    def _prepare_tpms(self) -> None:
        """swtpm runs as guests do: then these may open its sockets, though libvirt changes no owners."""
        authority = self._directory / "lib" / "swtpm-localca"
        authority.mkdir(mode=0o700, exist_ok=True)
        os.chown(authority, self._user.uid, self._user.gid)
        write_whole(self._directory / "etc" / "swtpm_setup.conf", TPM_SETTINGS.format(directory=self._directory).encode(), mode=0o644)
        write_whole(self._directory / "etc" / "swtpm-localca.conf", TPM_AUTHORITY.format(authority=authority).encode(), mode=0o644)

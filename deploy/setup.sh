#!/bin/bash
# Prepares this machine: Debian packages that are missing, the Python environment in .venv from the hash-pinned locks.
#
#   deploy/setup.sh          what the cloud and the demo need
#   deploy/setup.sh --test   also what the test suite needs
#
# Safe to run again: it does what is missing, and nothing when nothing is. Root, or sudo, is needed only for missing packages.
set -euo pipefail
cd "$(dirname "$0")/.."

PYTHON_PACKAGES="python3 python3-venv ca-certificates"
RUN_PACKAGES="$PYTHON_PACKAGES qemu-system-x86 qemu-utils libvirt-daemon libvirt-daemon-driver-qemu python3-libvirt
 swtpm swtpm-tools libnftables1 dnsmasq-base tini openssh-client iputils-ping e2fsprogs"
TEST_PACKAGES="postgresql iproute2 libvirt-clients busybox-static"

lock=requirements.lock packages=$RUN_PACKAGES
if [ "${1:-}" = --test ]; then lock=requirements-test.lock packages="$RUN_PACKAGES $TEST_PACKAGES"; fi
as_root=
[ "$(id -u)" = 0 ] || as_root="sudo"

say() { echo "setup: $*"; }
fail() {
    echo "setup: $1" >&2
    [ -z "${2:-}" ] || echo "       $2" >&2
    exit 1
}

# missing_packages NAME...: those of the names that are not installed
missing_packages() {
    comm -23 <(printf '%s\n' "$@" | sort) <(dpkg-query -W -f '${Status} ${Package}\n' 2> /dev/null | sed -n 's/^install ok installed //p' | sort -u)
}

# Nothing that is installed here is to run as a service of its own: Monostack starts what it uses, and ends it.
install_packages() {
    [ $# -gt 0 ] || return 0
    say "installing Debian packages: $*"
    local policy=/usr/sbin/policy-rc.d guarded=
    [ -z "$as_root" ] || command -v sudo > /dev/null || fail "packages are missing: $*" "run this as root, or install sudo"
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' | $as_root install -m755 /dev/stdin $policy
        guarded=yes
    fi
    local status=0
    apt_install "$@" || { $as_root apt-get update -qq && apt_install "$@"; } || status=$?
    [ -z "$guarded" ] || $as_root rm -f $policy
    [ $status = 0 ] || fail "apt-get could not install them; the end of $apt_log:" "$(tail -5 $apt_log)"
}

apt_install() {
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 "$@" > $apt_log 2>&1
}

make_environment() {
    local python=/usr/bin/python3 # Debian's: its binding of libvirt is made for it
    $python -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "$python is older than 3.11" "Monostack needs Debian 12 or newer"
    [ -x .venv/bin/python ] || $python -m venv .venv
    if [ ! -x .venv/bin/uv ]; then # it installs ten times as fast as pip
        .venv/bin/pip install -q --disable-pip-version-check --no-deps --require-hashes -r deploy/installer.lock > $log 2>&1 || true
    fi
    .venv/bin/uv pip install -q --python .venv/bin/python --compile-bytecode --no-deps --require-hashes -r $lock > $log 2>&1 \
        || .venv/bin/pip install -q --disable-pip-version-check --no-deps --require-hashes -r $lock > $log 2>&1 \
        || fail "the Python packages of $lock could not be installed; the end of $log:" "$(tail -5 $log)"
}

# Debian's binding, for it must be of the same version as Debian's libvirt.
link_libvirt() {
    local target file
    target=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    for file in /usr/lib/python3/dist-packages/libvirt.py /usr/lib/python3/dist-packages/libvirt_qemu.py \
        /usr/lib/python3/dist-packages/libvirtmod*.so; do
        ln -sf "$file" "$target/"
    done
    .venv/bin/python -m compileall -q "$target/libvirt.py" "$target/libvirt_qemu.py" # compiling it anew costs each agent 11 MiB
}

# The project itself, run from this checkout. Its setuptools is not pinned by a lock, so nothing is built: a path and a command do.
link_project() {
    local target
    target=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    echo "$PWD/src" > "$target/__editable__.monostack-0.1.0.pth"
    printf '#!%s\nimport sys\n\nfrom monostack.cli import main\n\nsys.exit(main())\n' "$PWD/.venv/bin/python" > .venv/bin/monostack
    chmod 755 .venv/bin/monostack
    .venv/bin/python -m compileall -q src
}

mkdir -p build
log=build/setup-python.log apt_log=build/setup-apt.log
started=$SECONDS
wanted=$(cat "$lock" deploy/installer.lock deploy/setup.sh | sha256sum | cut -d' ' -f1)
stamp=.venv/installed-$lock
environment=
# shellcheck disable=SC2046,SC2086
install_packages $(missing_packages $PYTHON_PACKAGES)
if [ "$(cat "$stamp" 2> /dev/null)" != "$wanted $PWD" ]; then
    say "installing Python packages"
    make_environment & # while apt-get is at work
    environment=$!
fi
# shellcheck disable=SC2046,SC2086
install_packages $(missing_packages $packages)
if [ -n "$environment" ]; then
    wait "$environment" || exit 1
    link_libvirt
    link_project
    echo "$wanted $PWD" > "$stamp"
fi
[ $((SECONDS - started)) -lt 2 ] || say "done in $((SECONDS - started)) s"

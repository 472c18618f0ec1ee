#!/bin/bash
# Builds the test guest image `monostack-guest` from Debian's packages: a small Linux that boots to its login prompt in seconds even
# without KVM, with the log-in conventions of CirrOS (user cirros, password gocubsgo, sudo without a password).
#
#   build.sh [--force] OUTPUT.qcow2 [CACHE_DIRECTORY]
#
# Needs root (for the owners of files), apt-get, dpkg-deb, mke2fs and qemu-img. Nothing is installed or mounted on this machine. Does
# nothing when OUTPUT was built from these same sources.
#
# The disk is one ext4 file system without a partition table, so that resize2fs alone grows it to the size of the flavor. GRUB's first
# sector goes where ext4 leaves room, its core image is a file whose blocks the first sector knows.
set -euo pipefail
export LC_ALL=C

SOURCES=$(cd "$(dirname "$0")" && pwd)
GUEST_USER=cirros GUEST_PASSWORD=gocubsgo
SIZE_MIB=112 # of the disk as built: what is in it and some room; flavors make it larger
COMMAND_LINE="quiet nokaslr mitigations=off net.ifnames=0 console=tty0 console=ttyS0,115200"
KERNEL=linux-image-cloud-amd64 # its LZ4 kernel boots 2.6 s sooner under emulation than the generic one
PROGRAMS="busybox-static bash dropbear-bin sudo curl iputils-ping e2fsprogs util-linux zlib1g"
TOOLS="grub-pc-bin grub-common libdevmapper1.02.1 liblzma5" # used while building
MODULES="virtio_pci virtio_blk virtio_scsi virtio_net virtio-rng virtio_balloon virtio_console virtio_input
 sd_mod sr_mod ata_generic ata_piix ahci nvme e1000 e1000e 8139cp 8139too ext4 xfs isofs vfat nls_cp437 nls_ascii nls_utf8
 crc32c_generic evdev button psmouse 8021q dummy veth bridge vxlan tun"
BOOT_MODULES="crc32c_generic virtio_pci virtio_blk virtio_scsi sd_mod ata_piix ata_generic ahci nvme ext4"

force=
[ "${1:-}" = --force ] && force=1 && shift
OUTPUT=$(realpath -m "${1:?usage: build.sh [--force] OUTPUT.qcow2 [CACHE_DIRECTORY]}")
CACHE=$(realpath -m "${2:-$(dirname "$OUTPUT")/guest-image-cache}")
STAMP=$(find "$SOURCES" -type f | sort | xargs cat | sha256sum | cut -d' ' -f1)
[ -z "$force" ] && [ -s "$OUTPUT" ] && [ "$(cat "$OUTPUT.sources" 2> /dev/null)" = "$STAMP" ] && exit 0
[ "$(id -u)" = 0 ] || { echo "build.sh: must run as root, the files in the image belong to root" >&2; exit 1; }

mkdir -p "$CACHE" "$(dirname "$OUTPUT")"
WORK=$(mktemp -d "$CACHE/build.XXXXXX")
trap 'rm -rf "$WORK"' EXIT
POOL=$WORK/pool ROOT=$WORK/root INITRAMFS=$WORK/initramfs

# --- packages: fetched once, unpacked side by side -----------------------------------------------------------------------------------

# The libraries that packages need, by name. Programs they need besides are named in PROGRAMS.
libraries_of() {
    apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances "$@" \
        | grep -E '^lib' | grep -vE 'perl|systemd|elogind|newt|slang|textwrap|debian-installer|gdbm|-data$' | sort -u
}

fetch_packages() {
    local kernel wanted
    kernel=$(apt-cache depends "$KERNEL" | awk '/Depends: linux-image/ { print $2; exit }')
    [ -n "$kernel" ] || { echo "build.sh: apt does not know $KERNEL: run apt-get update" >&2; exit 1; }
    # shellcheck disable=SC2046,SC2086
    wanted=$(printf '%s\n' "$kernel" $PROGRAMS $TOOLS $(libraries_of $PROGRAMS) | sort -u)
    mkdir -p "$CACHE/packages" "$POOL"
    cd "$CACHE/packages"
    # shellcheck disable=SC2086
    download $wanted
    if [ "$(ls | wc -l)" != "$(wc -w <<< "$wanted")" ]; then # older versions lie about
        rm -f -- *.deb
        # shellcheck disable=SC2086
        download $wanted
    fi
    printf '%s\n' *.deb | xargs -P "$(nproc)" -I{} dpkg-deb -x {} "$POOL"
}

download() {
    apt-get download -q -o APT::Sandbox::User=root "$@" > "$WORK/download.log" 2>&1 || { cat "$WORK/download.log" >&2; exit 1; }
}

# --- the root file system -------------------------------------------------------------------------------------------------------------

# The shared objects a file needs, found in the pool by the pool's own loader.
needed_by() {
    local libraries=$POOL/lib/x86_64-linux-gnu:$POOL/usr/lib/x86_64-linux-gnu
    "$POOL/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2" --library-path "$libraries:$POOL/usr/libexec/sudo" --list "$1" \
        | awk -v pool="$POOL/" '/=>/ { if (index($3, pool) != 1) { print "build.sh: no package has", $1 > "/dev/stderr"; exit 1 } print $3 }'
}

# add TARGET_DIRECTORY FILE...: files of the pool with the libraries they need
add() {
    local target=$ROOT/$1 file library libraries
    shift
    mkdir -p "$target"
    for file in "$@"; do
        install -m755 "$POOL/$file" "$target/"
        libraries=$(needed_by "$POOL/$file")
        for library in $libraries; do
            [ -e "$ROOT/usr/lib/x86_64-linux-gnu/$(basename "$library")" ] || install -m644 -t "$ROOT/usr/lib/x86_64-linux-gnu" "$library"
        done
    done
}

make_root() {
    local name applet
    mkdir -p "$ROOT"/usr/{bin,lib/x86_64-linux-gnu,lib64} "$ROOT"/{boot,dev,etc/dropbear,home/$GUEST_USER,mnt,proc,root,run,sys,tmp,var/{lib,log}}
    for name in bin lib lib64; do ln -s usr/$name "$ROOT/$name"; done
    ln -s usr/bin "$ROOT/sbin" # SSH commands of the user find mkfs and blkid without a longer PATH
    ln -s bin "$ROOT/usr/sbin"
    ln -s ../run "$ROOT/var/run"
    chmod 1777 "$ROOT/tmp"
    chmod 700 "$ROOT/root"
    install -m755 "$POOL/bin/busybox" "$ROOT/bin/busybox"
    for applet in $("$POOL/bin/busybox" --list); do
        case $applet in
        busybox | linuxrc | run-init | dpkg* | rpm* | mke2fs | ping | ping6) ;;
        *) ln -sf /bin/busybox "$ROOT/bin/$applet" ;;
        esac
    done
    add usr/bin usr/sbin/dropbear usr/bin/dropbearkey usr/bin/dbclient bin/bash usr/bin/sudo usr/bin/curl bin/ping
    add usr/bin sbin/resize2fs sbin/mke2fs sbin/e2fsck sbin/blkid sbin/mkfs bin/lsblk
    add usr/libexec/sudo usr/libexec/sudo/sudoers.so
    add usr/lib/x86_64-linux-gnu/security lib/x86_64-linux-gnu/security/pam_permit.so
    install -m755 "$POOL/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2" "$ROOT/usr/lib64/"
    ln -sf dbclient "$ROOT/usr/bin/ssh"
    ln -sf ping "$ROOT/usr/bin/ping6"
    for name in 2 3 4; do ln -sf mke2fs "$ROOT/usr/bin/mkfs.ext$name"; done
    install -m644 "$POOL/etc/mke2fs.conf" "$ROOT/etc/"
    cp -r "$SOURCES/rootfs/." "$ROOT/"
    sed -i "s/@USER@/$GUEST_USER/g" "$ROOT/sbin/instance-setup"
    write_accounts
    chown -R 0:0 "$ROOT"
    chown -R 1000:1000 "$ROOT/home/$GUEST_USER"
    chmod 4755 "$ROOT/usr/bin/sudo"
    chmod 440 "$ROOT/etc/sudoers"
}

# The user's shell is bash: busybox's runs its own ping, which cannot do without privileges, rather than the one in the PATH.
write_accounts() {
    local etc=$ROOT/etc hash
    hash=$("$POOL/bin/busybox" mkpasswd -m sha512 "$GUEST_PASSWORD")
    printf 'root:x:0:0:root:/root:/bin/sh\n%s:x:1000:1000::/home/%s:/bin/bash\n' $GUEST_USER $GUEST_USER > "$etc/passwd"
    printf 'root:*:19000::::::\n%s:%s:19000::::::\n' $GUEST_USER "$hash" > "$etc/shadow"
    chmod 600 "$etc/shadow"
    printf 'root:x:0:\ntty:x:5:\ndisk:x:6:\n%s:x:1000:\n' $GUEST_USER > "$etc/group"
    printf 'Defaults env_keep += "HOME", secure_path="/usr/sbin:/usr/bin:/sbin:/bin"\nroot ALL=(ALL) ALL\n%s ALL=(ALL) NOPASSWD: ALL\n' \
        $GUEST_USER > "$etc/sudoers"
    printf "\nlogin as '%s' user. default password: '%s'. use 'sudo' for root.\n" $GUEST_USER "$GUEST_PASSWORD" > "$etc/issue"
    printf 'export PATH=/usr/sbin:/usr/bin:/sbin:/bin PS1="\\u@\\h:\\w\\$ "\n' > "$etc/profile"
    printf 'passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nsudoers: files\n' > "$etc/nsswitch.conf"
    printf 'NAME="Monostack guest"\nID=monostack-guest\nPRETTY_NAME="Monostack guest (Debian packages)"\n' > "$etc/os-release"
    printf '127.0.0.1 localhost\n127.0.1.1 monostack-guest\n::1 localhost\n' > "$etc/hosts"
    echo monostack-guest > "$etc/hostname"
    printf '/bin/sh\n/bin/bash\n' > "$etc/shells"
}

# --- kernel, its modules, the initramfs -----------------------------------------------------------------------------------------------

# copy_modules TARGET NAME...: kernel modules with those they depend on. One that this kernel has built in or has not is left out.
copy_modules() {
    local target=$1/usr/lib/modules/$VERSION from=$POOL/lib/modules/$VERSION
    shift
    mkdir -p "$target"
    awk -v names="$*" '
        BEGIN { split(names, list); for (i in list) { gsub("-", "_", list[i]); wanted[list[i]] } }
        { sub(":", ""); name = $1; sub(".*/", "", name); sub("[.]ko$", "", name); gsub("-", "_", name)
          if (name in wanted) for (i = 1; i <= NF; i++) print $i }' "$from/modules.dep" | sort -u \
        | (cd "$from" && xargs cp --parents -t "$target")
    cp "$from/modules.builtin" "$target/"
}

make_kernel() {
    VERSION=$(ls "$POOL/lib/modules")
    "$POOL/bin/busybox" depmod -b "$POOL" "$VERSION"
    # shellcheck disable=SC2086
    copy_modules "$ROOT" $MODULES
    "$POOL/bin/busybox" depmod -b "$ROOT" "$VERSION"
    cp "$POOL/boot/vmlinuz-$VERSION" "$ROOT/boot/vmlinuz"

    local applet
    mkdir -p "$INITRAMFS"/{bin,usr,proc,sys,dev,root}
    # shellcheck disable=SC2086
    copy_modules "$INITRAMFS" $BOOT_MODULES
    ln -s usr/lib "$INITRAMFS/lib"
    "$POOL/bin/busybox" depmod -b "$INITRAMFS" "$VERSION"
    install -m755 "$POOL/bin/busybox" "$SOURCES/initramfs/init" "$INITRAMFS/"
    mv "$INITRAMFS/busybox" "$INITRAMFS/bin/"
    for applet in sh cat grep mount modprobe sleep sort switch_root xargs; do ln -s busybox "$INITRAMFS/bin/$applet"; done
    rm -f "$INITRAMFS/usr/lib/modules/$VERSION/modules.symbols" "$ROOT/usr/lib/modules/$VERSION/modules.symbols"
    (cd "$INITRAMFS" && find . | "$POOL/bin/busybox" cpio -o -H newc -R 0:0 2> /dev/null | gzip -9) > "$ROOT/boot/initrd.img"
}

# --- the boot loader and the disk -----------------------------------------------------------------------------------------------------

# linux16 rather than linux: that one moves all the room the kernel asks for, byte by byte, which takes seconds under emulation.
make_boot_loader() {
    printf 'linux16 /boot/vmlinuz %s\ninitrd16 /boot/initrd.img\nboot\n' "$COMMAND_LINE" > "$WORK/grub.cfg"
    LD_LIBRARY_PATH=$POOL/lib/x86_64-linux-gnu:$POOL/usr/lib/x86_64-linux-gnu "$POOL/usr/bin/grub-mkimage" -O i386-pc \
        -d "$POOL/usr/lib/grub/i386-pc" -p /boot -c "$WORK/grub.cfg" -o "$ROOT/boot/grub-core.img" biosdisk ext2 linux16
}

# put_number FILE OFFSET BYTES VALUE: writes a little-endian number into a file
put_number() {
    local value=$4 index text=
    for ((index = 0; index < $3; index++)); do
        text+=$(printf '\\x%02x' $((value & 255)))
        value=$((value >> 8))
    done
    printf '%b' "$text" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# GRUB's boot sector loads the first sector of the core image, which loads the rest: both are told where that lies on the disk.
install_boot_loader() {
    local blocks first count
    blocks=$(debugfs -R "blocks /boot/grub-core.img" "$DISK" 2> /dev/null)
    first=${blocks%% *}
    count=$(wc -w <<< "$blocks")
    [ "$blocks" = "$(seq -s ' ' "$first" $((first + count - 1))) " ] || { echo "build.sh: GRUB's core image is not in one piece" >&2; exit 1; }
    first=$((first * 8)) # in sectors
    cp "$POOL/usr/lib/grub/i386-pc/boot.img" "$WORK/boot.img"
    put_number "$WORK/boot.img" $((0x5c)) 8 $first
    put_number "$WORK/boot.img" $((0x66)) 2 $((0x9090)) # believe the BIOS which drive this is
    dd if="$WORK/boot.img" of="$DISK" conv=notrunc status=none
    put_number "$DISK" $((first * 512 + 500)) 8 $((first + 1)) # start of the rest; its length is there already
}

make_disk() {
    DISK=$WORK/disk.raw
    truncate -s "${SIZE_MIB}M" "$DISK"
    mke2fs -q -F -t ext4 -b 4096 -L monostack-guest -O ^metadata_csum,^64bit -J size=4 -m 0 -N 16384 -E root_owner=0:0,lazy_itable_init=0 \
        -d "$ROOT" "$DISK"
    install_boot_loader
    e2fsck -fn "$DISK" > "$WORK/fsck.log" 2>&1 || { cat "$WORK/fsck.log" >&2; exit 1; }
    qemu-img convert -c -m 4 -W -O qcow2 "$DISK" "$WORK/disk.qcow2"
    mv "$WORK/disk.qcow2" "$OUTPUT"
    echo "$STAMP" > "$OUTPUT.sources"
}

fetch_packages
make_root
make_kernel
make_boot_loader
make_disk
echo "built $OUTPUT: $(($(stat -c %s "$OUTPUT") / 1048576)) MiB, kernel $VERSION"

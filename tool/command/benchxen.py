# SPDX-License-Identifier: BSD-2-Clause
"""Xen for ./quoin bench io: Debian's hypervisor with Debian's kernel as its first domain, which has
the machine's devices, and a virtual machine beside it (PVH) with paravirtual ones. The packages are
unpacked, never installed."""

import gzip
import lzma
import os
import re
import struct
import subprocess
from pathlib import Path

from . import guest, packages
from .ui import Step

VERSION = "4.17"
PACKAGES = [f"xen-hypervisor-{VERSION}-amd64", f"xen-utils-{VERSION}", "xenstore-utils",
            f"libxenmisc{VERSION}", "libxencall1", "libxendevicemodel1", "libxenevtchn1",
            "libxenforeignmemory1", "libxengnttab1", "libxenhypfs1", "libxenstore4",
            "libxentoolcore1", "libxentoollog1", "libyajl2"]
# The cloud kernel cannot be Xen's first domain; for that Debian has its ordinary one.
KERNEL = "linux-image-amd64"
# What the first domain loads, each behind those that it needs.
MODULES = ["drivers/xen/xen-privcmd.ko", "drivers/xen/xenfs/xenfs.ko", "drivers/xen/xen-evtchn.ko",
           "drivers/xen/xen-gntdev.ko", "drivers/virtio/virtio_ring.ko", "drivers/virtio/virtio.ko",
           "drivers/virtio/virtio_pci_legacy_dev.ko", "drivers/virtio/virtio_pci_modern_dev.ko",
           "drivers/virtio/virtio_pci.ko", "net/core/failover.ko", "drivers/net/net_failover.ko",
           "drivers/net/virtio_net.ko", "drivers/block/virtio_blk.ko", "net/llc/llc.ko",
           "net/802/stp.ko", "net/bridge/bridge.ko", "drivers/block/xen-blkback/xen-blkback.ko",
           "drivers/net/xen-netback/xen-netback.ko"]
# And the virtual machine, of its cloud kernel.
GUEST_MODULES = ["drivers/block/xen-blkfront.ko", "drivers/net/xen-netfront.ko"]
# Without SMAP for itself (virtual machines have it): in QEMU 7.2 the first domain's IRET, which is
# in user mode there, reads its stack as if it were in kernel mode. And without MWAIT, which gets a
# general protection fault where it is to end with an interrupt.
COMMAND_LINE = ("dom0_mem=512M,max:512M bootscrub=off smap=hvm cpuidle=0 "
                "console=com1 com1=115200,8n1 loglvl=warning guest_loglvl=none")
TOOLS = ["xl", "xenstored", "xenconsoled", "xenconsole", "xen-init-dom0"]
# Which the C library loads by itself when a program ends one of its threads, as these do.
CANCELLING = Path("/lib/x86_64-linux-gnu/libgcc_s.so.1")
STORE_TOOLS = ["xenstore-read", "xenstore-write"]

# The toolstack calls these when a device's backend has appeared: XENBUS_PATH is its place in the
# store.
BLOCK = """#!/bin/sh
[ "$1" = add ] || exit 0
device=$(xenstore-read "$XENBUS_PATH/params")
xenstore-write "$XENBUS_PATH/physical-device" "$(stat -L -c %t:%T "$device")"
xenstore-write "$XENBUS_PATH/hotplug-status" connected
"""
VIF = """#!/bin/sh
[ "$1" = online ] || exit 0
brctl addif br0 "$vif"
ip link set "$vif" up
xenstore-write "$XENBUS_PATH/hotplug-status" connected
"""
INIT = """#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /run/lock /run/xen /run/xenstored /var/lib/xen /var/lib/xenstored /var/log/xen
mount -t devpts devpts /dev/pts
ln -s /run /var/run
ln -s /run/lock /var/lock
for module in {modules}; do
    insmod /lib/$module
done
mount -t xenfs xenfs /proc/xen
if [ -e /sys/class/net/eth0 ]; then
    brctl addbr br0
    brctl addif br0 eth0
    for link in lo eth0 br0; do ip link set $link up; done
fi
cd {bin}
./xenstored --pid-file=/run/xen/xenstored.pid
./xen-init-dom0
./xenconsoled --pid-file=/run/xen/xenconsoled.pid
./xl create -c /guest.cfg
poweroff -f
"""


def _parts(yes=False):
    """Folder with the unpacked packages."""
    def fill(folder):
        packages.refresh_lists(yes)
        with Step("downloading Xen's packages"):
            guest.unpack([*PACKAGES, guest.kernel_package(KERNEL)], folder)
    return guest.unpacked("xen", fill)


def _libraries(root, programs):
    """What programs are linked to: those of the packages, and the host's own beside them."""
    listed = subprocess.run(
        ["ldd", *programs], stdout=subprocess.PIPE, text=True, check=True,
        env=os.environ | {"LD_LIBRARY_PATH": str(root / "usr/lib/x86_64-linux-gnu")})
    return sorted(set(map(Path, re.findall(r"(/\S+) \(0x", listed.stdout))))


def _tools(root):
    """The toolstack: name in an initramfs -> bytes."""
    folder = root / f"usr/lib/xen-{VERSION}/bin"
    programs = [folder / name for name in TOOLS]
    store = [root / "usr/bin" / name for name in STORE_TOOLS]
    files = {str(path.relative_to(root)): path.read_bytes() for path in programs + store}
    for path in [*_libraries(root, programs + store), CANCELLING]:
        name = "lib64" if path.parent == Path("/lib64") else "usr/lib/x86_64-linux-gnu"
        files[f"{name}/{path.name}"] = path.read_bytes()
    return files


def _unpacked(kernel):
    """The ELF file inside a bzImage (Linux Documentation/arch/x86/boot.rst, payload_offset), which
    Debian compresses with XZ: that takes the emulator longer than us."""
    data = kernel.read_bytes()
    offset, length = struct.unpack_from("<II", data, 0x248)
    start = data[0x1f1] * 512 + 512 + offset
    # Behind the compressed data stands the size of what they hold.
    return lzma.LZMADecompressor().decompress(data[start:start + length - 4])


def files(overlay, lines):
    """The hypervisor, its first domain's kernel, and that one's initramfs, which starts a virtual
    machine with the tests of test/guest and overlay. lines: what is its own in xl.cfg(5)."""
    root = _parts()
    [kernel] = (root / "boot").glob("vmlinuz-*")
    inside = guest.test_files(overlay | guest.modules(guest.kernel(), GUEST_MODULES))
    # The emulated processor does not say that its TSC is constant; Xen would emulate it.
    config = ["name = 'bench'", "type = 'pvh'", "vcpus = 1", "kernel = '/vmlinuz'",
              "ramdisk = '/initramfs'", "tsc_mode = 'native'", *lines]
    outside = _tools(root) | guest.modules(kernel, MODULES) | {
        "init": INIT.format(modules=" ".join(Path(name).name for name in MODULES),
                            bin=f"/usr/lib/xen-{VERSION}/bin").encode(),
        "etc/xen/scripts/block": BLOCK.encode(), "etc/xen/scripts/vif-bridge": VIF.encode(),
        "etc/xen/xl.conf": b'autoballoon="0"\n',
        "guest.cfg": "".join(f"{line}\n" for line in config).encode(),
        "vmlinuz": inside["guest/vmlinuz"], "initramfs": inside["test/initramfs"]}
    return (gzip.decompress((root / f"boot/xen-{VERSION}-amd64.gz").read_bytes()),
            _unpacked(kernel), guest.initramfs(guest.busybox(), outside))

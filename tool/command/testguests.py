# SPDX-License-Identifier: BSD-2-Clause
"""What guests under test boot beside the guest of the image: a 32-bit kernel, a kernel that is
entered by PVH, and an initramfs with stress-ng. All out of Debian's packages, which are unpacked and
never installed."""

import contextlib
import re
import struct
import subprocess

from . import guest, packages
from .ui import Problem, Step, run

LOADER = "lib64/ld-linux-x86-64.so.2"


def _parts_32():
    """Folder with the unpacked packages of a 32-bit guest."""
    def fill(folder):
        with Step("downloading the packages of the 32-bit guest"):
            options = packages.foreign("i386", folder)
            kernel = guest.kernel_package("linux-image-686-pae", options)
            guest.unpack([kernel, "busybox-static"], folder, options)
    return guest.unpacked("guest-32", fill)


def _parts_with_libraries(package):
    """Folder with a package and all libraries that it could need."""
    def fill(folder):
        packages.refresh_lists()
        with Step(f"downloading {package} and its libraries"):
            output = run(["apt-cache", "depends", "--recurse", "--no-recommends", "--no-suggests",
                          "--no-conflicts", "--no-breaks", "--no-replaces", "--no-enhances",
                          package], f"looking up {package}")
            names = sorted(set(re.findall(r"^[a-z0-9]\S*$", output, re.MULTILINE)))
            guest.unpack(names, folder)
    return guest.unpacked(f"guest-{package}", fill)


def _libraries(root, program):
    """The files that a dynamically linked program of the unpacked packages needs, by their names in
    the guest. (System V ABI, chapter 5: DT_NEEDED.)"""
    there = {}
    for path in sorted(root.rglob("*.so*")):
        if path.is_file():
            there.setdefault(path.name, path)
    found, open_ends = {}, [root / program]
    while open_ends:
        text = run(["readelf", "-d", open_ends.pop()], "reading a program's libraries")
        for name in re.findall(r"\(NEEDED\).*\[(.*)\]", text):
            if name not in there:
                raise Problem(f"{program} needs {name}, which no package has")
            if name not in found:
                found[name] = there[name]
                open_ends.append(there[name])
    files = {f"usr/lib/{name}": path.read_bytes() for name, path in found.items()}
    return files | {LOADER: there["ld-linux-x86-64.so.2"].read_bytes(),
                    program: (root / program).read_bytes()}


def _parts_amd64():
    """Folder with the unpacked package of Debian's kernel for any computer: the cloud kernel has no
    driver for SATA."""
    def fill(folder):
        packages.refresh_lists()
        with Step("downloading Debian's kernel with all its modules"):
            guest.unpack([guest.kernel_package("linux-image-amd64")], folder)
    return guest.unpacked("guest-amd64", fill)


def kernel_amd64():
    return sorted((_parts_amd64() / "boot").glob("vmlinuz-*"))[-1]


def _loading_order(kernel, wanted):
    """Paths of modules below the kernel's folder, each behind those that it depends on (its .modinfo
    says "depends=NAME,NAME")."""
    folder = next(kernel.parent.parent.glob("lib/modules/*")) / "kernel"
    there = {path.stem.replace("-", "_"): path for path in folder.rglob("*.ko")}
    order = []

    def add(name):
        path = there[name]
        relative = str(path.relative_to(folder))
        if relative in order:
            return
        said = re.search(rb"\0depends=([^\0]*)\0", path.read_bytes())
        for needed in filter(None, said.group(1).decode().split(",")):
            add(needed.replace("-", "_"))
        order.append(relative)

    for name in wanted:
        add(name)
    return order


def _initramfs_with(kernel, wanted, more=None):
    """The tests' initramfs for a kernel, with these modules and /lib/order to load them in. more:
    further files, name -> bytes."""
    order = _loading_order(kernel, wanted)
    overlay = guest.test_overlay() | guest.modules(kernel, order) | (more or {})
    overlay["lib/order"] = "".join(f"{name.rsplit('/', 1)[1]}\n" for name in order).encode()
    return guest.initramfs(guest.busybox(), overlay)


def _initramfs_to_disk():
    """Loads the drivers of disks and network cards, and goes on with the system on the partition that the
    kernel's command line names, such as disk=vda."""
    kernel = kernel_amd64()
    order = _loading_order(kernel, ["virtio_pci", "virtio_blk", "sd_mod", "ahci", "crc32c_generic",
                                    "ext4", "button", "evdev", "virtio_net"])
    overlay = guest.modules(kernel, order)
    overlay["lib/order"] = "".join(f"{name.rsplit('/', 1)[1]}\n" for name in order).encode()
    overlay["init"] = (guest.TESTS / "to-disk").read_bytes()
    return guest.initramfs(guest.busybox(), overlay)


def vmlinux(kernel):
    """The ELF file inside a bzImage (Linux Documentation/arch/x86/boot.rst, payload_offset), which
    Debian compresses with LZ4."""
    packages.ensure(["vmlinux"])
    data = kernel.read_bytes()
    setup = (data[0x1f1] or 4) * 512 + 512
    offset, length = struct.unpack_from("<II", data, 0x248)
    payload = data[setup + offset:setup + offset + length]
    # Behind the compressed data stands the size of what they hold.
    size, = struct.unpack("<I", payload[-4:])
    done = subprocess.run(["lz4", "-dc"], input=payload[:-4], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, check=False)
    if done.returncode != 0 or len(done.stdout) != size or done.stdout[:4] != b"\x7fELF":
        raise Problem(f"{kernel.name} holds no kernel that lz4 can unpack")
    return done.stdout


def _initramfs_32():
    kernel, busybox = guest.originals(_parts_32())
    overlay = guest.tree(guest.FILES) | guest.modules(kernel, guest.MODULES)
    return guest.initramfs(busybox, overlay, guest.busybox())


def _initramfs_stress():
    overlay = (guest.tree(guest.TESTS / "files") |
               _libraries(_parts_with_libraries("stress-ng"), "usr/bin/stress-ng"))
    return guest.initramfs(guest.busybox(), overlay)


def _initramfs_secret():
    """With cryptsetup, and the drivers of fw_cfg and encrypted disks."""
    return _initramfs_with(
        guest.kernel(), ["virtio_pci", "virtio_blk", "qemu_fw_cfg", "dm_crypt", "ecb", "xts",
                         "algif_skcipher"],
        _libraries(_parts_with_libraries("cryptsetup-bin"), "sbin/cryptsetup"))


def iperf():
    """iperf3 and its libraries, by their names in the guest."""
    return _libraries(_parts_with_libraries("iperf3"), "usr/bin/iperf3")


@contextlib.contextmanager
def iperf_server():
    """The same iperf3 as a server on the host's loopback, which is the gateway of the emulator's user
    network."""
    root = _parts_with_libraries("iperf3")
    folders = sorted({str(path.parent) for path in root.rglob("*.so*") if path.is_file()})
    loader = next(path for path in root.rglob("ld-linux-x86-64.so.2") if path.is_file())
    server = subprocess.Popen([loader, "--library-path", ":".join(folders),
                               root / "usr/bin/iperf3", "-s", "-B", "127.0.0.1"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        server.terminate()
        server.wait()


# Name in the root image -> what makes its content.
FILES = {
    "test/vmlinux": lambda: vmlinux(guest.kernel()),
    "test/vmlinuz-32": lambda: guest.originals(_parts_32())[0].read_bytes(),
    "test/initramfs-32": _initramfs_32,
    "test/initramfs-to-disk": _initramfs_to_disk,
    "test/vmlinuz-amd64": lambda: kernel_amd64().read_bytes(),
    "test/initramfs-sata": lambda: _initramfs_with(kernel_amd64(),
                                                   ["sd_mod", "ahci", "button", "evdev"]),
    # Its ext4 is part of the kernel.
    "test/initramfs-ext4": lambda: _initramfs_with(guest.kernel(), ["virtio_pci", "virtio_blk",
                                                                    "button", "evdev"]),
    "test/initramfs-stress": _initramfs_stress,
    "test/initramfs-secret": _initramfs_secret,
}


def content(names):
    """Name in the root image -> bytes, for a guest that is made of the files called names."""
    files = {name: FILES[name]() for name in names if name in FILES}
    rest = [name for name in names if name not in FILES]
    if any(name.startswith("test/") for name in rest):
        common = guest.test_files()
    else:
        common = guest.files()
    return files | {name: common[name] for name in rest}

# SPDX-License-Identifier: BSD-2-Clause
"""The guest that comes with the image: Debian's own cloud kernel, byte for byte out of its package,
and an initramfs made of Debian's static busybox. The packages are unpacked, never installed."""

import hashlib
import re
import shutil
import subprocess
from pathlib import Path

from . import build, packages
from .ui import ROOT, Problem, Step, run

FILES = ROOT / "system/guest"
TESTS = ROOT / "test/guest"
# Modules of the kernel's package that guests load: the power button, what tells of it,
# and virtio network cards, each module behind those that it needs.
MODULES = [
    "drivers/acpi/button.ko", "drivers/input/evdev.ko",
    "drivers/virtio/virtio.ko", "drivers/virtio/virtio_ring.ko",
    "drivers/virtio/virtio_pci_legacy_dev.ko", "drivers/virtio/virtio_pci_modern_dev.ko",
    "drivers/virtio/virtio_pci.ko",
    "net/core/failover.ko", "drivers/net/net_failover.ko", "drivers/net/virtio_net.ko"]
# And those that tests load as well.
TEST_MODULES = MODULES + ["drivers/block/virtio_blk.ko", "drivers/char/hw_random/virtio-rng.ko",
                          "drivers/virtio/virtio_balloon.ko"]
# Content of a disk under test: 8192 sectors, none like another.
PATTERN = b"".join(hashlib.sha512(number.to_bytes(4, "little")).digest() * 8
                   for number in range(8192))


def kernel_package(name, options=()):
    """The package that a package such as linux-image-cloud-amd64 stands for today."""
    output = run(["apt-cache", *options, "depends", name], "looking up the guest kernel")
    found = re.search(r"Depends: (linux-image-\S+)", output)
    if not found:
        raise Problem(f"the package lists do not know {name}: run apt-get update")
    return found.group(1)


def unpack(names, where, options=()):
    """Downloads packages into where and unpacks them to where/root."""
    run(["apt-get", *options, "download", "-q", *names], f"downloading {names[0]}", cwd=where)
    for archive in sorted(where.glob("*.deb")):
        run(["dpkg", "-x", archive, where / "root"], f"unpacking {archive.name}")
        archive.unlink()


def unpacked(name, fill):
    """Folder with unpacked packages, in the build's folder name; filled by fill(folder) once."""
    folder = build.directory() / name
    done = folder / "complete"
    with build.alone(name):
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            fill(folder)
            done.touch()
    return folder / "root"


def _parts(yes=False):
    """Folder with the unpacked packages of the image's guest."""
    def fill(folder):
        packages.refresh_lists(yes)
        with Step("downloading the guest's packages"):
            unpack([kernel_package("linux-image-cloud-amd64"), "busybox-static"], folder)
    return unpacked("guest", fill)


def _cpio(entries):
    """A cpio archive in the newc format (Linux Documentation/driver-api/early-userspace)."""
    out = bytearray()
    for number, (name, mode, data, device) in enumerate([*entries, ("TRAILER!!!", 0, b"", (0, 0))]):
        raw = name.encode() + b"\0"
        fields = [number + 1, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(raw), 0]
        out += b"070701" + b"".join(b"%08x" % field for field in fields) + raw
        out += bytes(-len(out) % 4) + data
        out += bytes(-len(out) % 4)
    return bytes(out) + bytes(-len(out) % 512)


def initramfs(busybox, overlay, applets=None):
    """busybox with all its applets (those that applets has, where it does not run here), and
    overlay: name -> bytes."""
    entries = [(name, 0o040755, b"", (0, 0))
               for name in ("bin", "dev", "etc", "proc", "root", "run", "sbin", "sys", "tmp", "usr",
                            "usr/bin", "usr/sbin", "var")]
    entries.append(("dev/console", 0o020600, b"", (5, 1)))
    entries.append(("bin/busybox", 0o100755, busybox.read_bytes(), (0, 0)))
    listed = subprocess.run([applets or busybox, "--list-full"], stdout=subprocess.PIPE, text=True,
                            check=True)
    for applet in sorted(listed.stdout.split()):
        if applet != "bin/busybox":
            entries.append((applet, 0o120777, b"/bin/busybox", (0, 0)))
    there = {entry[0] for entry in entries} - set(overlay)
    for folder in sorted({str(parent) for name in overlay for parent in Path(name).parents}):
        if folder != "." and folder not in there:
            entries.append((folder, 0o040755, b"", (0, 0)))
    entries = [entry for entry in entries if entry[0] not in overlay]
    for name, data in sorted(overlay.items()):
        mode = 0o100755 if data.startswith((b"#!", b"\x7fELF")) else 0o100644
        entries.append((name, mode, data, (0, 0)))
    return _cpio(entries)


def tree(folder):
    """The files of a folder: name in it -> bytes."""
    return {str(file.relative_to(folder)): file.read_bytes()
            for file in sorted(folder.rglob("*")) if file.is_file()}


def originals(root):
    """The kernel and busybox as their packages, unpacked in root, hold them."""
    kernels = sorted((root / "boot").glob("vmlinuz-*"))
    busybox = next((path for path in (root / "bin/busybox", root / "usr/bin/busybox")
                    if path.exists()), None)
    if not kernels or busybox is None:
        shutil.rmtree(root.parent)
        raise Problem("the guest's packages are incomplete: run this again")
    return Path(kernels[-1]), busybox


def sources(yes=False):
    """Everything that files() depends on."""
    return [*originals(_parts(yes)), *(file for file in FILES.rglob("*") if file.is_file())]


def modules(kernel, names):
    """Modules of the kernel's package, in /lib of the initramfs."""
    folder = next(kernel.parent.parent.glob("lib/modules/*")) / "kernel"
    return {f"lib/{Path(name).name}": (folder / name).read_bytes() for name in names}


def files():
    """Name in the root image -> bytes: the kernel and its initramfs."""
    kernel, busybox = originals(_parts())
    overlay = tree(FILES) | modules(kernel, MODULES)
    return {"guest/vmlinuz": kernel.read_bytes(), "guest/initramfs": initramfs(busybox, overlay)}


def kernel():
    """Debian's cloud kernel."""
    return originals(_parts())[0]


def busybox():
    """Debian's static busybox."""
    return originals(_parts())[1]


def test_overlay():
    """The files of a guest that runs the tests of test/guest, without modules."""
    overlay = tree(TESTS / "files")
    for program in ("echo", "frames", "journal", "pages", "rounds", "state", "tell", "zero"):
        overlay[f"test/{program}"] = build.artifact(f"test/guest/guest-{program}").read_bytes()
    overlay["test/pattern.sha256"] = hashlib.sha256(PATTERN).hexdigest().encode() + b"\n"
    return overlay


def test_files(more=None):
    """What guests under test boot, by name in the root image: Debian's kernel, and an initramfs
    that runs the tests of test/guest. more: further files in it, name -> bytes."""
    kernel, busybox = originals(_parts())
    overlay = test_overlay() | modules(kernel, TEST_MODULES) | (more or {})
    return {"guest/vmlinuz": kernel.read_bytes(), "test/initramfs": initramfs(busybox, overlay),
            "test/pattern": PATTERN}

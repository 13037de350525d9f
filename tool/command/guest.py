# SPDX-License-Identifier: BSD-2-Clause
"""The guest that comes with the image: Debian's own cloud kernel, byte for byte out of its package,
and an initramfs made of Debian's static busybox. The packages are unpacked, never installed."""

import re
import shutil
import subprocess
from pathlib import Path

from . import build, packages
from .ui import ROOT, Problem, Step, run

FILES = ROOT / "system/guest"


def _kernel_package():
    """The package that linux-image-cloud-amd64 stands for today."""
    output = run(["apt-cache", "depends", "linux-image-cloud-amd64"], "looking up the guest kernel")
    found = re.search(r"Depends: (linux-image-\S+-cloud-amd64)", output)
    if not found:
        raise Problem("the package lists do not know linux-image-cloud-amd64: run apt-get update")
    return found.group(1)


def _unpack(package, where):
    """Downloads a package into where and unpacks it to where/root."""
    run(["apt-get", "download", "-q", package], f"downloading {package}", cwd=where)
    for archive in where.glob("*.deb"):
        run(["dpkg", "-x", archive, where / "root"], f"unpacking {package}")
        archive.unlink()


def _parts(yes=False):
    """Folder with the unpacked packages; downloaded once."""
    folder = build.directory() / "guest"
    done = folder / "complete"
    if done.exists():
        return folder / "root"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    packages.refresh_lists(yes)
    with Step("downloading the guest's packages"):
        _unpack(_kernel_package(), folder)
        _unpack("busybox-static", folder)
    done.touch()
    return folder / "root"


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


def initramfs(busybox):
    """busybox with all its applets, and the files of system/guest."""
    entries = [(name, 0o040755, b"", (0, 0))
               for name in ("bin", "dev", "etc", "proc", "root", "run", "sbin", "sys", "tmp", "usr",
                            "usr/bin", "usr/sbin", "var")]
    entries.append(("dev/console", 0o020600, b"", (5, 1)))
    entries.append(("bin/busybox", 0o100755, busybox.read_bytes(), (0, 0)))
    listed = subprocess.run([busybox, "--list-full"], stdout=subprocess.PIPE, text=True, check=True)
    for applet in sorted(listed.stdout.split()):
        if applet != "bin/busybox":
            entries.append((applet, 0o120777, b"/bin/busybox", (0, 0)))
    for file in sorted(FILES.rglob("*")):
        if file.is_file():
            name = str(file.relative_to(FILES))
            entries = [entry for entry in entries if entry[0] != name]
            mode = 0o100755 if file.read_bytes().startswith(b"#!") else 0o100644
            entries.append((name, mode, file.read_bytes(), (0, 0)))
    return _cpio(entries)


def _originals(yes=False):
    """The kernel and busybox as their packages hold them."""
    root = _parts(yes)
    kernels = sorted((root / "boot").glob("vmlinuz-*"))
    busybox = next((path for path in (root / "bin/busybox", root / "usr/bin/busybox")
                    if path.exists()), None)
    if not kernels or busybox is None:
        shutil.rmtree(build.directory() / "guest")
        raise Problem("the guest's packages are incomplete: run this again")
    return Path(kernels[-1]), busybox


def sources(yes=False):
    """Everything that files() depends on."""
    return [*_originals(yes), *(file for file in FILES.rglob("*") if file.is_file())]


def files():
    """Name in the root image -> bytes: the kernel and its initramfs."""
    kernel, busybox = _originals()
    return {"guest/vmlinuz": kernel.read_bytes(), "guest/initramfs": initramfs(busybox)}

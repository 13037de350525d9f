# SPDX-License-Identifier: BSD-2-Clause
"""A disk with a Debian system made by mmdebstrap: ext4, systemd, and a service that does what the
guest's kernel command line says (test/guest/debian). It is made once, which takes some minutes and
root."""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from . import build, debianwork, disks, packages
from .ui import ROOT, Problem, Step, run

SUITE = "bookworm"
INCLUDED = ["systemd-sysv", "udev", "fio", "e2fsprogs", "gcc", "libc6-dev", "iputils-ping"]
SOURCE = ROOT / "test/guest/debian"
SECTORS = 7 << 20  # 3.5 GiB
FIRST = 2048


def _files_into(root):
    """The test's own files, and what would wait for a person or a network at the start."""
    shutil.copytree(SOURCE, root, dirs_exist_ok=True)
    (root / "usr/local/bin/quoin-work").chmod(0o755)
    wants = root / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir(parents=True, exist_ok=True)
    (wants / "quoin-work.service").symlink_to("../quoin-work.service")
    (wants / "systemd-networkd.service").symlink_to("/lib/systemd/system/systemd-networkd.service")
    # A getty on the line that the work speaks on hangs up whoever has it open already: on a busy
    # host that was the work, and nothing of it was heard.
    (root / "etc/systemd/system/serial-getty@ttyS0.service").symlink_to("/dev/null")
    (root / "etc/fstab").write_text("")
    (root / "etc/hostname").write_text("debian-on-quoin\n")


def _make(out):
    if os.geteuid() != 0:
        raise Problem("the Debian disk is made by mmdebstrap, which needs root here")
    packages.ensure(["debian disk", "file systems"])
    with tempfile.TemporaryDirectory(prefix="quoin-debian-") as work:
        root = Path(work) / "root"
        with Step("making a Debian system with mmdebstrap"):
            run(["mmdebstrap", "--mode=root", "--variant=minbase",
                 f"--include={','.join(INCLUDED)}", "--dpkgopt=path-exclude=/usr/share/man/*",
                 "--dpkgopt=path-exclude=/usr/share/locale/*",
                 "--dpkgopt=path-exclude=/usr/share/doc/*", SUITE, root], "mmdebstrap")
        _files_into(root)
        (Path(work) / "work").mkdir()
        expected = debianwork.put(root, Path(work) / "work")
        partial = out.with_name(f"{out.name}.{os.getpid()}.partial")
        partial.unlink(missing_ok=True)
        with open(partial, "wb") as file:
            file.truncate(SECTORS * disks.SECTOR)
        last = SECTORS - 2049
        run(["mkfs.ext4", "-q", "-F", "-d", root, "-E", f"offset={FIRST * disks.SECTOR}", partial,
             f"{(last - FIRST + 1) // 2}k"], "making the Debian disk's file system")
        with open(partial, "r+b") as file:
            for at, data in disks.tables(SECTORS, [(disks.PARTITIONS[0][0], FIRST, last)]).items():
                file.seek(at)
                file.write(data)
        _expected().write_text(json.dumps(expected))
        partial.replace(out)


def _expected():
    return build.directory() / "debian.expected"


def copy_to(file):
    """A copy of the disk, made anew when its own files have changed."""
    master = build.directory() / "debian.disk"
    made_of = [*SOURCE.rglob("*"), Path(__file__), Path(debianwork.__file__)]
    newest = max(path.stat().st_mtime for path in made_of)
    with build.alone("debian"):
        if not master.exists() or master.stat().st_mtime < newest:
            _make(master)
        subprocess.run(["cp", "--sparse=always", master, file], check=True)


def wrong_work(file, text):
    """What is wrong with the work that the guest tells of in text, or with the file system that it
    left behind; or None."""
    wrong = debianwork.check(text, json.loads(_expected().read_text()))
    if wrong is None:
        clean, said = disks.is_clean(file)
        wrong = None if clean else said.strip().splitlines()[-1]
    return wrong

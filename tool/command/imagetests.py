# SPDX-License-Identifier: BSD-2-Clause
"""Tests of the boot image as a whole."""

import hashlib
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

from . import (build, grubtests, hostiletests, hosttests, image, layout, packages, secrettests,
               tampertests, tpmtests, trust)
from .console import ESCAPE, Console, Failure
from .machine import Machine
from .session import Session
from .ui import ROOT, Problem, run


def _copy_tree(to):
    """The tree's files, without what git ignores, and the guest's packages, which are input."""
    for name in hosttests.listed_files():
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, to / name)
    shutil.copytree(build.directory() / "guest", to / "build/guest", symlinks=True)


def _difference(first, second):
    """What differs, as diffoscope says; or where, when there is no getting it."""
    try:
        packages.ensure(["differences"])
    except Problem:
        pass
    if shutil.which("diffoscope"):
        done = subprocess.run(["diffoscope", "--max-report-size", "4000", first, second],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        return [line for line in done.stdout.splitlines()
                if re.match(r"[│ ]*[-+]", line)][:40]
    a, b = first.read_bytes(), second.read_bytes()
    at = next((at for at in range(min(len(a), len(b))) if a[at] != b[at]), min(len(a), len(b)))
    return [f"{len(a)} and {len(b)} bytes, different from byte {at} on"]


def reproducible(results, name, slow):
    """Another build in another folder, at another time and in another time zone, with the same
    keys, gives the same bytes."""
    with tempfile.TemporaryDirectory(prefix="quoin-elsewhere-") as temporary:
        # Not the tree's image, which may be from before the newest commit: its time is input.
        first = Path(temporary) / "first.iso"
        image.make(first, image.payload(image.root_image()))
        tree = Path(temporary) / "another place/tree"
        second = Path(temporary) / "second.iso"
        _copy_tree(tree)
        run([sys.executable, tree / "quoin", "iso", "-y", "--out", second, "--keys",
             trust.development().folder], "building the tree in another folder",
            env=dict(os.environ, SOURCE_DATE_EPOCH=str(build.commit_time()), TZ="Asia/Tokyo",
                     LC_ALL="C.UTF-8"), cwd=temporary)
        if first.read_bytes() == second.read_bytes():
            results.ok(name)
        else:
            results.fail(name, "the two images differ", _difference(first, second))


def bytes_listed(results, name, slow):
    """./quoin verify --bytes accounts for every byte, and for each file that is loaded."""
    iso = image.current()
    rows = layout.describe(iso)
    at = 0
    for first, last, _ in rows:
        if first != at or last < first:
            results.fail(name, f"byte {at} is in no row, or in two")
            return
        at = last + 1
    loaded = [text for _, _, text in rows if text.endswith(layout.VERIFIED)]
    if at == iso.stat().st_size and len(loaded) == 4:
        results.ok(name)
    else:
        results.fail(name, f"{at} bytes of {iso.stat().st_size}, {len(loaded)} files")


def _check_tables(data_at, sectors):
    """Both copies of a disk's partition table, read anew: what is wrong with them, or None."""
    tables = []
    for at in (1, sectors - 1):
        head = bytearray(data_at(at * 512, 92))
        magic, _, size, crc = struct.unpack_from("<8sIII", head)
        here, other, first, last = struct.unpack_from("<QQQQ", head, 24)
        table_at, count, entry, table_crc = struct.unpack_from("<QIII", head, 72)
        head[16:20] = bytes(4)
        table = data_at(table_at * 512, count * entry)
        if (magic, size, here, other) != (b"EFI PART", 92, at, sectors - at):
            return f"the header in sector {at} is none"
        if zlib.crc32(head) != crc or zlib.crc32(table) != table_crc:
            return f"a checksum of the table in sector {at} is wrong"
        tables.append((first, last, table))
    if tables[0] != tables[1]:
        return "the two copies differ"
    first, last, table = tables[0]
    used = sorted(struct.unpack_from("<QQ", table, at + 32) for at in (0, 128))
    if not first <= used[0][0] <= used[0][1] < used[1][0] <= used[1][1] <= last:
        return f"partitions overlap: {used}"
    if any(table[256:]) or not 1 << 30 <= (used[0][1] - used[0][0] + 1) * 512 <= 2 << 30:
        return f"not one boot partition of 1 to 2 GiB: {used}"
    if not all(table[at + 48 + 7] & 0x10 for at in (0, 128)):
        return "a partition is not marked read-only"
    if data_at(used[0][0] * 512 + 32769, 5) != b"CD001":
        return "the boot partition holds no file system"
    return None


def _digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha512").digest()


def _kill_and_restart(results, name, session):
    """Twice each: killed in the middle of its work and started again, and restarted."""
    console = Console(session, time.monotonic() + 300)
    try:
        console.select("debian")
        for _ in range(2):
            console.order(b"k", "debian", "stopped")
            console.order(b"s", "debian", "running")
            console.order(b"r", "debian", "running")
        place = console.type(ESCAPE + b"1")
        console.text(rb"quoin-guest login:", place)
        results.ok(name)
    except Failure as failure:
        results.fail(name, str(failure), session.last_lines())


# Machines that ask for the boot medium, to write to it: the whole disk, and its partitions.
GREEDY = {"whole": "disk:51554f49-4e00-4000-8002-0000000000aa",
          "first": "partition:51554f49-4e00-4000-8002-000000000001",
          "second": "partition:51554f49-4e00-4000-8002-000000000002"}


def _greedy_image(out, work):
    files = {}
    for name, disk in GREEDY.items():
        files[f"vm/{name}.ini"] = work / f"{name}.ini"
        files[f"vm/{name}.ini"].write_text(
            f"name = {name}\nkernel = guest/vmlinuz\ninitrd = guest/initramfs\nmemory = 64M\n"
            f"order = 90\ndisk = {disk} virtio\n")
    image.make(out, image.payload(image.root_image(name="greedy.root.elf", extra=files)))


def _refused_disks(results, name, session):
    """What the log says of those machines."""
    console = Console(session, time.monotonic() + 120)
    try:
        for machine in GREEDY:
            place = console.type(ESCAPE + b"l")
            console.text(machine.encode() +
                         rb": error: disk 0: it is not there, in use, or not offered", place)
        results.ok(name)
    except Failure as failure:
        results.fail(name, str(failure), session.last_lines())


def installed(results, name, slow):
    """The image of an installed disk: its tables are good, it boots, BIOS and UEFI, and is the same
    afterwards, though the computer could write to it and machines ask for it."""
    with tempfile.TemporaryDirectory(prefix="quoin-disk-") as temporary:
        out = Path(temporary) / "disk.img"
        iso = Path(temporary) / "greedy.iso"
        _greedy_image(iso, Path(temporary))
        image.install(out, iso)
        with open(out, "rb") as file:
            def data_at(at, size):
                file.seek(at)
                return file.read(size)
            wrong = _check_tables(data_at, out.stat().st_size // 512)
        if wrong:
            results.fail(f"{name}: tables", wrong)
        else:
            results.ok(f"{name}: tables")
        before = _digest(out)
        for firmware in ("bios", "uefi"):
            with Session(Machine(disks=[out], firmware=firmware, memory="1G")) as session:
                result = session.wait({"up": "^quoin-guest login:"}, 120)
                if result != "up":
                    results.fail(f"{name}: {firmware} boots", result, session.last_lines())
                    continue
                results.ok(f"{name}: {firmware} boots")
                if firmware == "bios":
                    _refused_disks(results, f"{name}: machines that ask for it do not get it",
                                   session)
                    _kill_and_restart(results, f"{name}: its machine is killed and restarted",
                                      session)
        if _digest(out) == before:
            results.ok(f"{name}: not a bit of it has changed")
        else:
            results.fail(f"{name}: unchanged", "the boot medium was written to")


def _cli(*arguments):
    """./quoin as a person calls it: exit code and output."""
    done = subprocess.run([sys.executable, ROOT / "quoin", *map(str, arguments)],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode, done.stdout


def own_keys(results, name, slow):
    """./quoin keys, sign and verify: an image under keys of one's own, and one that was changed."""
    with tempfile.TemporaryDirectory(prefix="quoin-keys-") as temporary:
        work = Path(temporary)
        secret, keys, out = work / "passphrase", work / "keys", work / "own.iso"
        secret.write_text("correct horse\n")
        (work / "wrong").write_text("battery staple\n")
        signing = ("sign", image.current(), "--keys", keys, "--out", out, "--version", 77)
        changed = work / "changed.iso"

        def expect(what, code, pattern, *arguments):
            got, output = _cli(*arguments)
            if got == code and re.search(pattern, output):
                results.ok(f"{name}: {what}")
            else:
                results.fail(f"{name}: {what}", f"exit code {got}", output.splitlines()[-5:])

        expect("new keys", 0, "epoch 1", "keys", "new", keys, "--passphrase-file", secret)
        expect("they are not overwritten", 1, "it is not overwritten", "keys", "new", keys,
               "--passphrase-file", secret)
        expect("a wrong passphrase", 1, "passphrase is wrong", *signing, "--passphrase-file",
               work / "wrong")
        expect("sign", 0, "signed with", *signing, "--passphrase-file", secret)
        expect("verify", 0, "version 77, release keys of epoch 1", "verify", out, "--keys", keys)
        expect("verify with other keys", 1,
               "release keys, ML-DSA-87: the signature does not verify(.*\n)*.*other root keys",
               "verify", out)
        place = next(first for first, _, text in layout.describe(out) if "/root.elf" in text)
        data = bytearray(out.read_bytes())
        data[place + 5000] ^= 4
        changed.write_bytes(data)
        expect("a changed file is named", 1, r"root\.elf: the file has other contents", "verify",
               changed, "--keys", keys)
        expect("rotate", 0, "epoch 2", "keys", "rotate", keys, "--passphrase-file", secret)
        expect("sign with the new release keys", 0, "signed with", *signing, "--passphrase-file",
               secret)
        expect("it boots", 0, "found", "run", "--iso", out, "--headless", "--expect",
               "version 77, release keys of epoch 2(.*\n)*quoin init: root task", "--timeout", 60)


TESTS = {"iso-keys": own_keys, "iso-disk": installed, "iso-reproducible": reproducible, "iso-bytes": bytes_listed,
         "tamper": tampertests.tamper, "tpm": tpmtests.tpm, "attest": tpmtests.attestation,
         "secret": secrettests.small, "secret-service-fails": secrettests.service_fails,
         "secret-disk": secrettests.encrypted_disk,
         "grub-signatures": grubtests.grub, "hostile-boot-medium": hostiletests.boot_medium}


# Only with ./quoin test all, or by their exact names.
SLOW = {"secret-disk"}


def run_all(results, pattern, slow):
    """Runs the tests whose name matches and returns how many."""
    chosen = {name: function for name, function in TESTS.items()
              if (pattern is None or re.search(pattern, name))
              and (slow or name not in SLOW or name == pattern)}
    for name, function in chosen.items():
        function(results, name, slow)
    return len(chosen)

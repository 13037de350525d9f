# SPDX-License-Identifier: BSD-2-Clause
"""Disks of the machine under test: images with a partition table, and the emulator's arguments."""

import hashlib
import re
import struct
import subprocess
import uuid
import zlib

from . import build, debiandisk

SECTOR = 512
SECTORS = 131072
LINUX_DATA = uuid.UUID("0fc63daf-8483-4772-8e79-3d69d8477de4")
PARTITIONS = [(uuid.UUID("11111111-2222-3333-4444-555555555555"), 2048, 26623),
              (uuid.UUID("11111111-2222-3333-4444-666666666666"), 65536, 73727)]
VIRTIO = "virtio-blk-pci,drive=test,disable-legacy=on"
NVME = "nvme,drive=test,serial=quoin-nvme"
# A transitional or modern virtio device reaches all memory unless it is told not to.
VTD = f"{VIRTIO},iommu_platform=on"
PORT = "pcie-root-port,id=rp1,chassis=1"
# The emulator's devices: what a disk hangs on, and what that one hangs on before it.
CONTROLLERS = {"virtio": [VIRTIO],
               "sata": ["ide-hd,drive=test,bus=ide.1"],
               "vtd": [VTD],
               "nvme": [NVME],
               "nvme-port": [PORT, f"{NVME},bus=rp1"],
               "vtd-switch": [PORT, "x3130-upstream,id=up,bus=rp1",
                              "xio3130-downstream,id=down,bus=up,chassis=2", f"{VTD},bus=down"],
               "vtd-bridge": ["pcie-pci-bridge,id=bridge", f"{VTD},bus=bridge,addr=3"]}


def _header(own, other, entries_at, entries, sectors):
    """UEFI 2.10, table 5-5."""
    body = struct.pack("<QQQQ16sQIII", own, other, 34, sectors - 34, uuid.UUID(int=1).bytes_le,
                       entries_at, len(entries) // 128, 128, zlib.crc32(entries))
    start = b"EFI PART" + struct.pack("<II", 0x10000, 92)
    checksum = zlib.crc32(start + bytes(8) + body)
    return start + struct.pack("<II", checksum, 0) + body


def tables(sectors, partitions):
    """The two tables of a disk: offset -> bytes. partitions: UUID, first and last sector."""
    entries = b"".join(LINUX_DATA.bytes_le + name.bytes_le + struct.pack("<QQQ", first, last, 0) +
                       "data".encode("utf-16-le").ljust(72, b"\0")
                       for name, first, last in partitions).ljust(128 * 128, b"\0")
    found = {}
    for own, other, at in ((1, sectors - 1, 2), (sectors - 1, 1, sectors - 33)):
        found[own * SECTOR] = _header(own, other, at, entries, sectors)
        found[at * SECTOR] = entries
    return found


def content(kind):
    """Bytes of a disk: "partitions", "backup" (the primary table is damaged), "medium" (the boot
    medium, as its volume name says) or "empty"."""
    image = bytearray(SECTORS * 512)
    if kind == "empty":
        return image
    for at, data in tables(SECTORS, PARTITIONS).items():
        image[at:at + len(data)] = data
    if kind == "backup":
        image[512 + 60] ^= 1
    if kind == "medium":
        image[64 * 512:64 * 512 + 72] = b"\1CD001\1".ljust(40, b"\0") + b"QUOIN".ljust(32)
    return image


def file_of(name):
    """The file of a test's disk."""
    return build.directory() / f"test-{name}.disk"


def arguments(name, controller, kind):
    """Arguments of QEMU for a disk with this content, in a file of this name; "kept": as it is,
    "debian": a Debian system (debiandisk.py)."""
    if kind == "debian":
        debiandisk.copy_to(file_of(name))
    elif kind != "kept":
        file_of(name).write_bytes(content(kind))
    return attach(file_of(name), controller)


def attach(file, controller):
    """Arguments of QEMU for a disk that is there."""
    devices = [word for device in CONTROLLERS[controller] for word in ("-device", device)]
    return ["-drive", f"if=none,id=test,format=raw,file={file}", *devices]


def check(name, kind, text):
    """What is wrong with the disk after a guest has used it, or None: its partitions hold what the
    guest's lines "partition N HASH" say, and nothing beside the first has changed."""
    data = file_of(name).read_bytes()
    told = dict(re.findall(r"partition (\d) ([0-9a-f]{64})", text))
    if sorted(told) != ["1", "2"]:
        return "the guest did not say what it wrote"
    for number, (_, first, last) in enumerate(PARTITIONS, 1):
        part = data[first * 512:(last + 1) * 512]
        if hashlib.sha256(part).hexdigest() != told[str(number)]:
            return f"partition {number} does not hold what the guest read from it"
    return changed_beside(name, kind)


def changed_beside(name, kind):
    """What is wrong with the disk beside the first partition, or None."""
    data = file_of(name).read_bytes()
    before = content(kind)
    _, first, last = PARTITIONS[0]
    if (data[:first * 512], data[(last + 1) * 512:]) != (before[:first * 512],
                                                         before[(last + 1) * 512:]):
        return "the disk has changed beside the guest's partition"
    return None


def is_clean(file):
    """Whether the file system in the first partition is without a fault, and what e2fsck says. Its
    journal has been replayed."""
    offset = PARTITIONS[0][1] * SECTOR
    done = subprocess.run(["e2fsck", "-fn", f"{file}?offset={offset}"], text=True, check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode == 0, done.stdout

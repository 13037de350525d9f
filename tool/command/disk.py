# SPDX-License-Identifier: BSD-2-Clause
"""The image for an installed disk: the ISO at its beginning, so that it boots in the same ways, and a
GUID partition table (UEFI 2.10, chapter 5) in which a read-only boot partition of 1 to 2 GiB holds
it and leaves the rest of the disk to others."""

import struct
import uuid
import zlib

from .ui import Problem

SECTOR = 512
# The boot partition's first sector: the ISO's file system is seen from there as well
# (image.PARTITION_BLOCKS).
FIRST = 64
SIZES = (1 << 30, 2 << 30)
ENTRY_COUNT, ENTRY_SIZE = 128, 128
TABLE_SECTORS = ENTRY_COUNT * ENTRY_SIZE // SECTOR

BASIC_DATA = "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7"
EFI_SYSTEM = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
READ_ONLY, REQUIRED = 1 << 60, 1 << 0

_HEADER = struct.Struct("<8sIIIIQQQQ16sQIII")
_ENTRY = struct.Struct("<16s16sQQQ72s")


def _guid(text):
    return uuid.UUID(text).bytes_le


def _entry(kind, number, first, last, attributes, name):
    return _ENTRY.pack(_guid(kind), _guid(f"51554f49-4e00-4000-8002-00000000{number:04x}"), first,
                       last, attributes, name.encode("utf-16-le"))


def _header(at, other, table_at, sectors, table):
    """A header for sector at, with the other copy's place and its table's."""
    fields = [b"EFI PART", 0x10000, _HEADER.size, 0, 0, at, other, FIRST,
              sectors - TABLE_SECTORS - 2, _guid("51554f49-4e00-4000-8002-0000000000aa"), table_at,
              ENTRY_COUNT, ENTRY_SIZE, zlib.crc32(table)]
    fields[3] = zlib.crc32(_HEADER.pack(*fields))
    return _HEADER.pack(*fields)


def write(out, iso, esp, size=SIZES[0]):
    """Writes the disk image; esp: the bytes of the EFI system partition. The file is sparse."""
    if not SIZES[0] <= size <= SIZES[1]:
        raise Problem(f"the boot partition has 1 to 2 GiB, not {size} bytes")
    data = iso.read_bytes()
    # Tables, boot partition, EFI system partition, the tables' copy.
    end = FIRST + size // SECTOR
    esp_end = end + -(-len(esp) // SECTOR)
    sectors = (esp_end + TABLE_SECTORS + 1 + 2047) // 2048 * 2048
    if len(data) > end * SECTOR:
        raise Problem(f"{iso.name} is larger than the boot partition")
    table = (_entry(BASIC_DATA, 1, FIRST, end - 1, READ_ONLY | REQUIRED, "Quoin boot")
             + _entry(EFI_SYSTEM, 2, end, esp_end - 1, READ_ONLY | REQUIRED, "Quoin EFI"))
    table += bytes(ENTRY_COUNT * ENTRY_SIZE - len(table))
    partial = out.with_name(out.name + ".partial")
    with open(partial, "wb") as file:
        file.write(data)
        file.seek(end * SECTOR)
        file.write(esp)
        file.truncate(sectors * SECTOR)
        file.seek(SECTOR)
        file.write(_header(1, sectors - 1, 2, sectors, table).ljust(SECTOR, b"\0") + table)
        file.seek((sectors - 1 - TABLE_SECTORS) * SECTOR)
        file.write(table + _header(sectors - 1, 1, sectors - 1 - TABLE_SECTORS, sectors, table))
        # The protective entry of the MBR spans the disk (section 5.2.3).
        file.seek(446 + 12)
        file.write(struct.pack("<I", sectors - 1))
    partial.replace(out)

# SPDX-License-Identifier: BSD-2-Clause
"""ELF64 files: the entry point, and changing one variable (System V ABI, chapters 4 and 5)."""

import struct

from .ui import Problem


def _sections(data):
    """Name-less list of section headers: type, address, file offset, size, link, entry size."""
    offset, = struct.unpack_from("<Q", data, 0x28)
    size, count = struct.unpack_from("<HH", data, 0x3A)
    found = []
    for index in range(count):
        header = struct.unpack_from("<IIQQQQIIQQ", data, offset + index * size)
        found.append({"type": header[1], "address": header[3], "offset": header[4],
                      "size": header[5], "link": header[6], "entry": header[9]})
    return found


def _string(data, offset):
    return bytes(data[offset:data.index(0, offset)]).decode()


def entry(data):
    """The address of the first instruction."""
    return struct.unpack_from("<Q", data, 24)[0]


def set_variable(data, name, value):
    """Writes value (bytes) over the variable called name, zeros behind it; returns the new file."""
    sections = _sections(data)
    out = bytearray(data)
    for table in (section for section in sections if section["type"] == 2):  # SHT_SYMTAB
        strings = sections[table["link"]]["offset"]
        for offset in range(table["offset"], table["offset"] + table["size"], table["entry"]):
            label, _, _, index, address, size = struct.unpack_from("<IBBHQQ", data, offset)
            if index == 0 or _string(data, strings + label) != name:
                continue
            home = sections[index]
            if len(value) > size or home["type"] != 1:  # SHT_PROGBITS
                raise Problem(f"{name} has no room for {len(value)} bytes")
            start = home["offset"] + address - home["address"]
            out[start:start + size] = value + bytes(size - len(value))
            return bytes(out)
    raise Problem(f"the file has no variable {name}")

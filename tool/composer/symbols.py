# SPDX-License-Identifier: BSD-2-Clause
"""ELF files of components: their variables and their functions (System V ABI, chapters 4 and 5)."""

import struct

SYMBOL = struct.Struct("<IBBHQQ")
SYMTAB = 2
NO_TYPE, OBJECT, FUNCTION = 0, 1, 2

COMPACT_MAGIC = b"QSYMBOL1"
COMPACT_HEADER = struct.Struct("<8sII")
COMPACT_ENTRY = struct.Struct("<II")


class NotElf(Exception):
    pass


def _sections(data):
    if data[:7] != b"\x7fELF\x02\x01\x01" or len(data) < 64:
        raise NotElf("it is no ELF64 file")
    offset, = struct.unpack_from("<Q", data, 0x28)
    size, count = struct.unpack_from("<HH", data, 0x3A)
    if size != 64 or offset + size * count > len(data):
        raise NotElf("its section table is damaged")
    found = []
    for index in range(count):
        header = struct.unpack_from("<IIQQQQIIQQ", data, offset + index * size)
        found.append({"type": header[1], "address": header[3], "offset": header[4],
                      "size": header[5], "link": header[6], "entry": header[9]})
    return found


def symbols(data):
    """All symbols: name, kind, section's number, address, size."""
    sections = _sections(data)
    for table in sections:
        if table["type"] != SYMTAB:
            continue
        strings = sections[table["link"]]["offset"]
        for at in range(table["offset"], table["offset"] + table["size"], SYMBOL.size):
            label, info, _, section, address, size = SYMBOL.unpack_from(data, at)
            start = strings + label
            yield (bytes(data[start:data.index(0, start)]).decode(), info & 15, section, address,
                   size)


def variable(data, name):
    """Address and size of the variable called name; None when the file has none."""
    for label, kind, section, address, size in symbols(data):
        if label == name and kind in (NO_TYPE, OBJECT) and section != 0:
            return address, size
    return None


def image_end(data):
    """First address behind what the file loads."""
    _sections(data)
    offset, = struct.unpack_from("<Q", data, 0x20)
    size, count = struct.unpack_from("<HH", data, 0x36)
    end = 0
    if size != 56 or offset + size * count > len(data):
        raise NotElf("its segment table is damaged")
    for index in range(count):
        kind, _, _, address, _, _, memory, _ = struct.unpack_from("<IIQQQQQQ", data,
                                                                 offset + index * size)
        if kind == 1:
            end = max(end, address + memory)
    return end


def compact(data):
    """Function names by address, for fault reports: init/symbols.c reads it."""
    functions = sorted({(address, name) for name, kind, section, address, _ in symbols(data)
                        if kind == FUNCTION and section != 0 and address < 1 << 32})
    entries, strings = b"", b""
    last = None
    for address, name in functions:
        if address == last:
            continue
        last = address
        entries += COMPACT_ENTRY.pack(address, len(strings))
        strings += name.encode() + b"\0"
    count = len(entries) // COMPACT_ENTRY.size
    return COMPACT_HEADER.pack(COMPACT_MAGIC, count, len(strings)) + entries + strings

# SPDX-License-Identifier: BSD-2-Clause
"""The root image: init's ELF with an archive of files behind it (doc/formats.md, "Root image").

The archive becomes one more loadable segment, right behind init's last page, so that the kernel
loads it with init and init finds it there. Each file starts on a page of its own."""

import struct

from .ui import Problem

PAGE = 4096
MAGIC = b"QQARCH1\0"
NAME_SIZE = 48
HEADER = struct.Struct("<8sQQ40x")
ENTRY = struct.Struct("<48sQQ")
ELF_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
SEGMENT = struct.Struct("<IIQQQQQQ")
PT_LOAD, PF_READ = 1, 4

# Room that the loader fills: a file of the archive, to which a segment header of its own points
# (doc/formats.md, "Boot parameters").
PARAMETERS_NAME = "boot/parameters"
PARAMETERS_SIZE = 64 * 1024
PT_PARAMETERS = 0x60515031


def _pages(size):
    return (size + PAGE - 1) // PAGE * PAGE


def archive(files):
    """The bytes of an archive; files: name -> bytes."""
    offset = _pages(HEADER.size + ENTRY.size * len(files))
    table, content = b"", b""
    for name, data in sorted(files.items()):
        raw = name.encode()
        if not 0 < len(raw) < NAME_SIZE:
            raise Problem(f"{name}: a name in the root image has 1 to {NAME_SIZE - 1} bytes")
        table += ENTRY.pack(raw, offset + len(content), len(data))
        content += data + bytes(_pages(len(data)) - len(data))
    size = offset + len(content)
    head = HEADER.pack(MAGIC, size, len(files)) + table
    return head + bytes(offset - len(head)) + content


def _place(data, name):
    """Offset of a file in an archive."""
    count, = struct.unpack_from("<Q", data, 16)
    for index in range(count):
        entry, offset, _ = ENTRY.unpack_from(data, HEADER.size + index * ENTRY.size)
        if entry.rstrip(b"\0") == name.encode():
            return offset
    raise Problem(f"the archive has no file {name}")


def pack(elf, files):
    """init's ELF (bytes) with the files behind it, and room for the loader's parameters."""
    header = list(ELF_HEADER.unpack_from(elf))
    phoff, phentsize, phnum = header[5], header[9], header[10]
    segments = [SEGMENT.unpack_from(elf, phoff + i * phentsize) for i in range(phnum)]
    loads = [s for s in segments if s[0] == PT_LOAD]
    if not loads:
        raise Problem("init's ELF has nothing to load")
    end = max(_pages(s[3] + s[6]) for s in loads)
    data = archive(files | {PARAMETERS_NAME: bytes(PARAMETERS_SIZE)})
    at = _pages(len(elf))
    new_table = at + len(data)
    segments.append((PT_LOAD, PF_READ, at, end, end, len(data), len(data), PAGE))
    place = _place(data, PARAMETERS_NAME)
    segments.append((PT_PARAMETERS, PF_READ, at + place, end + place, end + place, PARAMETERS_SIZE,
                     PARAMETERS_SIZE, PAGE))
    header[5], header[10] = new_table, len(segments)
    # The section table would describe a file that is no more: leave it out.
    header[6], header[12], header[13] = 0, 0, 0
    out = bytearray(elf) + bytes(at - len(elf)) + data
    out[:ELF_HEADER.size] = ELF_HEADER.pack(*header)
    for segment in segments:
        out += SEGMENT.pack(*segment)
    return bytes(out)

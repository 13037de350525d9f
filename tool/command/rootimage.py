# SPDX-License-Identifier: BSD-2-Clause
"""The root image: init's ELF with an archive of files behind it (doc/formats.md, "Root image").

The archive becomes one more loadable segment, right behind init's last page, so that the kernel
loads it with init and init finds it there. Each file starts on a page of its own. The loader
verifies the image up to the archive's deferred files, of which the table has the digests."""

import hashlib
import struct

from .ui import Problem

PAGE = 4096
MAGIC = b"QQARCH2\0"
NAME_SIZE = 48
HEADER = struct.Struct("<8sQQQ32x")
ENTRY = struct.Struct("<48sQQ64s")
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


def _padded(data):
    return data + bytes(_pages(len(data)) - len(data))


def archive(files, deferred=()):
    """The bytes of an archive; files: name -> bytes. The deferred ones come last, each with its
    digest in the table; all before them is covered by the digest of the image."""
    first = _pages(HEADER.size + ENTRY.size * len(files))
    places, content, covered = {}, bytearray(), None
    for name in sorted(files, key=lambda name: (name in deferred, name)):
        raw = name.encode()
        if not 0 < len(raw) < NAME_SIZE:
            raise Problem(f"{name}: a name in the root image has 1 to {NAME_SIZE - 1} bytes")
        if name in deferred and covered is None:
            covered = first + len(content)
        places[name] = first + len(content)
        content += _padded(files[name])
    size = first + len(content)
    covered = size if covered is None else covered
    table = b""
    for name, at in sorted(places.items()):
        digest = hashlib.sha512(_padded(files[name])).digest() if at >= covered else b""
        table += ENTRY.pack(name.encode(), at, len(files[name]), digest)
    head = HEADER.pack(MAGIC, size, len(files), covered) + table
    return head + bytes(first - len(head)) + bytes(content)


def _entries(data):
    """Name, offset, size and digest of the files in an archive."""
    count, = struct.unpack_from("<Q", data, 16)
    for index in range(count):
        entry, offset, size, digest = ENTRY.unpack_from(data, HEADER.size + index * ENTRY.size)
        yield entry.rstrip(b"\0").decode(), offset, size, digest


def _place(data, name):
    """Offset of a file in an archive."""
    for entry, offset, _, _ in _entries(data):
        if entry == name:
            return offset
    raise Problem(f"the archive has no file {name}")


def pack(elf, files, deferred=()):
    """init's ELF (bytes) with the files behind it, and room for the loader's parameters. deferred:
    names of files that init verifies before use, and not the loader."""
    header = list(ELF_HEADER.unpack_from(elf))
    phoff, phentsize, phnum = header[5], header[9], header[10]
    segments = [SEGMENT.unpack_from(elf, phoff + i * phentsize) for i in range(phnum)]
    loads = [s for s in segments if s[0] == PT_LOAD]
    if not loads:
        raise Problem("init's ELF has nothing to load")
    end = max(_pages(s[3] + s[6]) for s in loads)
    data = archive(files | {PARAMETERS_NAME: bytes(PARAMETERS_SIZE)}, deferred)
    new_table = (len(elf) + 7) // 8 * 8
    at = _pages(new_table + SEGMENT.size * (len(segments) + 2))
    segments.append((PT_LOAD, PF_READ, at, end, end, len(data), len(data), PAGE))
    place = _place(data, PARAMETERS_NAME)
    segments.append((PT_PARAMETERS, PF_READ, at + place, end + place, end + place, PARAMETERS_SIZE,
                     PARAMETERS_SIZE, PAGE))
    header[5], header[10] = new_table, len(segments)
    # The section table would describe a file that is no more: leave it out.
    header[6], header[12], header[13] = 0, 0, 0
    out = bytearray(elf)
    out[:ELF_HEADER.size] = ELF_HEADER.pack(*header)
    out += bytes(new_table - len(out)) + b"".join(SEGMENT.pack(*segment) for segment in segments)
    return bytes(out) + bytes(at - len(out)) + data


def _archive_at(image):
    """Offset of the archive in an image, None when it has none."""
    if image[:4] != b"\x7fELF" or len(image) < ELF_HEADER.size:
        return None
    header = ELF_HEADER.unpack_from(image)
    if header[9] != SEGMENT.size or header[5] + header[10] * SEGMENT.size > len(image):
        return None
    for index in range(header[10]):
        segment = SEGMENT.unpack_from(image, header[5] + index * SEGMENT.size)
        if segment[0] == PT_LOAD and image[segment[2]:segment[2] + len(MAGIC)] == MAGIC:
            return segment[2]
    return None


def covered(image):
    """How many bytes of an image, from its start, its own digest covers: all of another file."""
    at = _archive_at(image)
    if at is None:
        return len(image)
    size, _, first = struct.unpack_from("<QQQ", image, at + 8)
    return len(image) if first >= size else at + first


def deferred(image):
    """What is behind the covered part: name, offset in the image, size with padding, and whether
    the digest in the table is its own."""
    at = _archive_at(image)
    for name, offset, size, digest in _entries(image[at:]) if at is not None else ():
        if at + offset >= covered(image):
            pages = image[at + offset:at + offset + _pages(size)]
            yield name, at + offset, len(pages), hashlib.sha512(pages).digest() == digest

# SPDX-License-Identifier: BSD-2-Clause
"""What each byte of a boot image is for, and who checks it before it has an effect."""

import re

from . import classical, image, packages, rootimage
from .ui import Problem, run

BLOCK = 2048

VERIFIED = "verified by the loader"
DEFERRED = "verified by init before it is used"
MOVER = "code of GRUB, menu and loader: verified by nobody of ours (doc/threat-model.md)"
INDEX = "where things are: a changed byte leads to no file, or to bytes that are then verified"
PADDING = "padding, read by nobody"


def _extents(iso):
    """Files of the ISO: first byte, size, name."""
    output = run(["xorriso", "-indev", iso, "-find", "/", "-type", "f", "-exec", "report_lba",
                  "--"], f"reading {iso.name}")
    found = []
    for line in output.splitlines():
        match = re.match(r"File data lba:\s*\d+ ,\s*(\d+) ,\s*\d+ ,\s*(\d+) , '(.*)'$", line)
        if match:
            found.append((int(match.group(1)) * BLOCK, int(match.group(2)), match.group(3)))
    return sorted(found)


def _purpose(name):
    if name.endswith(classical.SUFFIX):
        return "verified by GRUB, for which it is"
    if name.startswith(f"/{image.FOLDER}/"):
        return VERIFIED
    return MOVER


def _rows(iso, first, size, name):
    """A file's rows: of a root image, one for each file in it that the loader does not verify."""
    with open(iso, "rb") as file:
        file.seek(first)
        data = file.read(size)
    at = 0
    for inner, offset, length, _ in sorted(rootimage.deferred(data), key=lambda row: row[1]):
        if offset > at:
            yield first + at, first + offset - 1, f"{name}: {_purpose(name)}"
        if length:
            yield first + offset, first + offset + length - 1, f"{name}, {inner}: {DEFERRED}"
        at = offset + length
    if at < size:
        yield first + at, first + size - 1, f"{name}: {_purpose(name)}"


def describe(iso):
    """First byte, last byte, text: without gaps, from the image's beginning to its end."""
    packages.ensure(["iso"])
    total = iso.stat().st_size
    extents = _extents(iso)
    if not extents:
        raise Problem(f"{iso}: no files found in it")
    rows = [(0, 32767, "boot sector and partition table: " + MOVER)]
    at = 32768
    for first, size, name in extents:
        if first > at:
            rows.append((at, first - 1, INDEX))
        rows += _rows(iso, first, size, name)
        at = (first + size + BLOCK - 1) // BLOCK * BLOCK
        if at > first + size:
            rows.append((first + size, at - 1, PADDING))
    if total > at:
        rows.append((at, total - 1, "copy of the partition table and " + PADDING))
    return rows

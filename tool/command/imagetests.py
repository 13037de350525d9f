# SPDX-License-Identifier: BSD-2-Clause
"""Tests of the boot image as a whole."""

import hashlib
import re

from . import build, image, layout, tampertests, tpmtests
from .ui import Problem


def _hash(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def reproducible(results, name, slow):
    """The same input gives the same bytes."""
    first = build.directory() / "test-first.iso"
    second = build.directory() / "test-second.iso"
    try:
        for out in (first, second):
            root = image.root_image()
            image.make(out, image.payload(root))
            root.unlink()
    except Problem as problem:
        results.fail(name, str(problem))
        return
    if _hash(first) == _hash(second):
        results.ok(name)
    else:
        results.fail(name, f"diffoscope {first} {second} shows what differs")


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


TESTS = {"iso-reproducible": reproducible, "iso-bytes": bytes_listed,
         "tamper": tampertests.tamper, "tpm": tpmtests.tpm}


def run(results, pattern, slow):
    """Runs the tests whose name matches and returns how many."""
    chosen = {name: function for name, function in TESTS.items()
              if pattern is None or re.search(pattern, name)}
    for name, function in chosen.items():
        function(results, name, slow)
    return len(chosen)

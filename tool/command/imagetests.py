# SPDX-License-Identifier: BSD-2-Clause
"""Tests of the boot image as a whole."""

import hashlib
import re

from . import build, image, tampertests
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


TESTS = {"iso-reproducible": reproducible, "tamper": tampertests.tamper}


def run(results, pattern, slow):
    """Runs the tests whose name matches and returns how many."""
    chosen = {name: function for name, function in TESTS.items()
              if pattern is None or re.search(pattern, name)}
    for name, function in chosen.items():
        function(results, name, slow)
    return len(chosen)

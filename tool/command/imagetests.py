# SPDX-License-Identifier: BSD-2-Clause
"""Tests of the boot image that need no emulator."""

import hashlib
import re

from . import build, image
from .ui import Problem


def _hash(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def reproducible(results, name):
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


TESTS = {"iso-reproducible": reproducible}


def run(results, pattern):
    """Runs the tests whose name matches and returns how many."""
    chosen = {name: function for name, function in TESTS.items()
              if pattern is None or re.search(pattern, name)}
    for name, function in chosen.items():
        function(results, name)
    return len(chosen)

# SPDX-License-Identifier: BSD-2-Clause
"""Measured boot as seen from outside: PCR values that an image leads to, and logs of events
(doc/formats.md, "Measurements")."""

import hashlib
import re
import struct
import tempfile
from pathlib import Path

from . import rootimage, trust
from .ui import ROOT, Problem

BANKS = {"sha256": 0x0B, "sha384": 0x0C, "sha512": 0x0D}
MANIFEST, FILES, CHOICE = 11, 12, 13


def entries():
    """The menu's entries: name that the loader is told -> names of the files, in order."""
    found = {}
    for body in re.findall(r"^menuentry[^{]*\{(.*?)^\}", (ROOT / "boot/grub/grub.cfg").read_text(),
                           re.MULTILINE | re.DOTALL):
        name = re.search(r"\bentry=(\S+)", body)
        if name:
            found[name.group(1)] = re.findall(r"^\s*(?:if )?module2\s+\S+\s+([^\s;]+)", body, re.MULTILINE)
    return found


RELEASE = "kernel.elf"


def is_release(entry):
    """Whether a menu entry starts the release kernel: any other (the debug kernel) shows and lets
    change what the release kernel does not."""
    return RELEASE in entries().get(entry, ())


def events(entry, names, files, roots):
    """What the loader measures: PCR and text."""
    digests = {name: hashlib.sha512(files[name][:rootimage.covered(files[name])]).hexdigest()
               for name in names}
    return [(MANIFEST, f"quoin roots {hashlib.sha512(roots).hexdigest()}"),
            (MANIFEST, f"quoin manifest {digests['manifest']}"),
            *((FILES, f"quoin file {name} {digests[name]}") for name in names
              if name != "manifest"),
            (CHOICE, f"quoin entry {entry}")]


def extend(values, bank, pcr, digest):
    size = hashlib.new(bank).digest_size
    values[pcr] = hashlib.new(bank, values.get(pcr, bytes(size)) + digest).digest()


def predicted(iso, roots):
    """Entry -> bank -> PCR -> value, for every menu entry whose files the image has."""
    with tempfile.TemporaryDirectory(prefix="quoin-pcrs-") as temporary:
        files = {name: path.read_bytes()
                 for name, path in trust.extract(iso, Path(temporary)).items()}
    found = {}
    for entry, names in entries().items():
        if not set(names) <= set(files):
            continue
        found[entry] = {}
        for bank in BANKS:
            values = found[entry][bank] = {}
            for pcr, text in events(entry, names, files, roots.read_bytes()):
                extend(values, bank, pcr, hashlib.new(bank, text.encode()).digest())
    return found


def replay(log):
    """The PCR values that a log stands for (bank -> PCR -> value), and its events (PCR, text).
    Every event's digests must be those of its text."""
    def take(form):
        nonlocal at
        values = struct.unpack_from("<" + form, log, at)
        at += struct.calcsize("<" + form)
        return values

    at = 0
    _, kind, _, size = take("II20sI")
    if kind != 3 or log[at:at + 16] != b"Spec ID Event03\0":
        raise Problem("the log does not begin as a TPM 2.0 log does")
    at += size
    banks = {number: name for name, number in BANKS.items()}
    values, texts = {name: {} for name in BANKS}, []
    while at < len(log):
        pcr, kind, count = take("III")
        digests = {}
        for _ in range(count):
            number, = take("H")
            digest_size = hashlib.new(banks[number]).digest_size
            digests[banks[number]] = log[at:at + digest_size]
            at += digest_size
        size, = take("I")
        text = log[at:at + size]
        at += size
        for bank, digest in digests.items():
            if hashlib.new(bank, text).digest() != digest:
                raise Problem(f"the digest of {text!r} is not its own")
            extend(values[bank], bank, pcr, digest)
        texts.append((pcr, text.decode()))
    return values, texts

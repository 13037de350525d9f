# SPDX-License-Identifier: BSD-2-Clause
"""What GRUB checks with its own signatures: it refuses a changed loader and a changed manifest."""

import tempfile
from pathlib import Path
from unittest import mock

from . import classical, image, layout, tampertests, trust
from .machine import Machine
from .session import Session
from .ui import Problem

_SIGN = classical.sign


def _flipped(iso, out, at):
    data = bytearray(iso.read_bytes())
    data[at] ^= 1
    out.write_bytes(data)
    return out


def _manifest_flipped(iso, work):
    """A bit of the manifest, in the image itself."""
    at = next(first for first, _, text in layout.describe(iso) if "/manifest:" in text)
    return _flipped(iso, work / "flipped.iso", at + 1000)


def _loader_flipped(iso, work):
    """A bit of the loader in the memory disk of GRUB for UEFI, which is not compressed."""
    at = iso.read_bytes().find(trust.development().roots.read_bytes())
    if at < 0:
        raise Problem("the image has no loader that could be changed")
    return _flipped(iso, work / "flipped.iso", at + 3000)


def _signed_otherwise(sign):
    """An image whose signatures for GRUB the function makes."""
    def make(_, work):
        out = work / "otherwise.iso"
        with mock.patch.object(classical, "sign", sign):
            image.make(out, image.payload(image.root_image()))
        return out
    return make


def _of_another_loader(keys, files, seconds):
    """Signs another loader than the one that goes into the memory disk."""
    loader = next(file for file in files if file.name == "loader.elf")
    good = loader.read_bytes()
    loader.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    _SIGN(keys, files, seconds)
    loader.write_bytes(good)


def _by_another_key(keys, files, seconds):
    with tempfile.TemporaryDirectory(prefix="quoin-other-") as temporary:
        other = trust.Keys(temporary, keys.passphrase)
        classical.make(other.folder, other.passphrase)
        _SIGN(keys, files, seconds)
        _SIGN(other, [file for file in files if file.name == "manifest"], seconds)


def _without_one(keys, files, seconds):
    _SIGN(keys, files, seconds)
    for file in files:
        if file.name == "manifest":
            Path(f"{file}{classical.SUFFIX}").unlink()


# Name, how the image is made of the good one, firmware, what GRUB must refuse, slow.
CASES = [
    ("a bit of the manifest", _manifest_flipped, "bios", "manifest", False),
    ("a bit of the loader", _loader_flipped, "uefi", "loader.elf", False),
    ("another loader", _signed_otherwise(_of_another_loader), "bios", "loader.elf", False),
    ("a bit of the manifest", _manifest_flipped, "uefi", "manifest", True),
    ("another key", _signed_otherwise(_by_another_key), "bios", "manifest", True),
    ("no signature", _signed_otherwise(_without_one), "bios", "manifest", True),
]


def grub(results, name, slow):
    iso = image.current()
    for what, change, firmware, refused, rare in CASES:
        if rare and not slow:
            continue
        title = f"{name}: {what} ({firmware})"
        with tempfile.TemporaryDirectory(prefix="quoin-grub-") as temporary:
            machine = Machine(iso=change(iso, Path(temporary)), firmware=firmware, memory="512M")
            with Session(machine) as session:
                result = session.wait({"refused": f"GRUB: REFUSED: {refused} has no good signature",
                                       "started": f"^loader: |{tampertests.STARTED}"}, 120)
                if result == "refused":
                    results.ok(title)
                else:
                    results.fail(title, f"no refusal but {result}", session.last_lines())

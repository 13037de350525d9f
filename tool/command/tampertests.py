# SPDX-License-Identifier: BSD-2-Clause
"""The tamper test: whatever is changed in what the loader reads, it refuses and names the file.

The loader's own objects decide on the host (test/boot/judge.c) about every case and thousands of
flipped bits; a sample of both boots in the emulator, where GRUB, screen and serial port take part.
"""

import random
import re
import struct
import subprocess
import tempfile
from pathlib import Path

from . import build, image, rootimage, trust
from .machine import Machine
from .session import Session
from .ui import Problem

FLIPS = 2000
BOOTED_FLIPS = 20

# doc/formats.md: a part's header, its items, the sizes of the two signatures.
HEADER, ITEM, SIGNATURES = 24, 8, (4627, 29792)
ENTRY, LIST_HEADER = 144, 16
STARTED = r"quoin: \d+ core|quoin init"


class Payload:
    """What the loader reads (name -> bytes), good, and the keys and folder to make other such."""

    def __init__(self, work):
        self.work = work
        self.keys = trust.development()
        paths = trust.extract(image.current(), work)
        self.debug_kernel = paths["kernel-debug.elf"].read_bytes()
        self.files = {name: path.read_bytes() for name, path in paths.items()
                      if name != "kernel-debug.elf"}

    def signed(self, files, keys=None, version=5):
        """A manifest for files (name -> bytes)."""
        folder = self.work / "signing"
        folder.mkdir(exist_ok=True)
        paths = {}
        for name, data in files.items():
            paths[name] = folder / name
            paths[name].write_bytes(data)
        trust.manifest(folder / "manifest", paths, version, keys or self.keys)
        return (folder / "manifest").read_bytes()

    def part_size(self):
        """Of the first part of the manifest, the release keys."""
        body, = struct.unpack_from("<I", self.files["manifest"], 16)
        return HEADER + body + sum(ITEM + size for size in SIGNATURES)

    def with_manifest(self, data):
        return self.files | {"manifest": bytes(data)}

    def patched(self, offset, data):
        """With other bytes in the manifest."""
        changed = bytearray(self.files["manifest"])
        changed[offset:offset + len(data)] = data
        return self.with_manifest(changed)


def other_keys(good, name):
    keys = trust.Keys(good.work / name)
    if not keys.folder.exists():
        keys.folder.mkdir()
        (keys.folder / trust.PASSPHRASE).write_text("other\n")
        keys = trust.Keys(keys.folder)
        keys.sign_tool("new", keys.folder)
    return keys


def _without(good, name):
    return {other: data for other, data in good.files.items() if other != name}


def _swapped(good):
    return good.files | {"kernel.elf": good.files["root.elf"],
                         "root.elf": good.files["kernel.elf"]}


def _wrong_root(good):
    files = _without(good, "manifest")
    return files | {"manifest": good.signed(files, other_keys(good, "other-keys"))}


def _wrong_release(good):
    """The right list of release keys, and a list of files that others signed."""
    other = _wrong_root(good)["manifest"]
    size = good.part_size()
    return good.with_manifest(good.files["manifest"][:size] + other[size:])


def _of_other_image(good):
    files = _without(good, "manifest")
    changed = bytearray(files["root.elf"])
    changed[rootimage.covered(changed) - 1] ^= 1
    return files | {"manifest": good.signed(files | {"root.elf": bytes(changed)})}


def _one_signature(good):
    """The list of files with one signature, and a count that says so."""
    at = good.part_size()
    cut = bytearray(good.files["manifest"][:-(ITEM + SIGNATURES[1])])
    cut[at + 20:at + 24] = struct.pack("<I", 1)
    return good.with_manifest(cut)


def _end_of_list(good):
    return len(good.files["manifest"]) - sum(ITEM + size for size in SIGNATURES)


def _cut(good, name, size):
    return good.files | {name: good.files[name][:size]}


def _append(good, name):
    return good.files | {name: good.files[name] + b"\0"}


def _covers_too_little(good):
    """A manifest, signed, that covers no more than a page of the root image."""
    files = _without(good, "manifest")
    paths = {name: good.work / f"too-little-{name}" for name in files}
    for name, path in paths.items():
        path.write_bytes(files[name])
    out = good.work / "too-little"
    good.keys.sign_tool("sign", good.keys.folder, "5", out,
                        f"kernel:kernel.elf={paths['kernel.elf']}",
                        f"root/1:root.elf={paths['root.elf']}")
    return good.with_manifest(out.read_bytes())


def _swapped_inside(good):
    """A root image in which two files that init verifies have each other's first bytes."""
    changed = bytearray(good.files["root.elf"])
    (_, first, _, _), (_, second, _, _) = list(rootimage.deferred(changed))[:2]
    changed[first:first + 4096], changed[second:second + 4096] = (
        changed[second:second + 4096], changed[first:first + 4096])
    return good.files | {"root.elf": bytes(changed)}


_KEYS = "manifest: list of release keys"
_LIST = "manifest: list of files"
_BAD = "the signature does not verify"

# Name, the changed files, what the loader must say; all of it boots in the emulator, too.
CASES = {
    "swapped files": (_swapped, "kernel.elf: the file has another size"),
    "kernel cut by a byte": (lambda g: _cut(g, "kernel.elf", -1),
                             "kernel.elf: the file has another size"),
    "kernel empty": (lambda g: _cut(g, "kernel.elf", 0), "kernel.elf: the file has another size"),
    "root image cut in half": (lambda g: _cut(g, "root.elf", len(g.files["root.elf"]) // 2),
                               "root.elf: the file has another size"),
    "manifest cut by a byte": (lambda g: _cut(g, "manifest", -1), f"{_LIST}.*it is cut short"),
    "manifest cut in its header": (lambda g: _cut(g, "manifest", 20), f"{_KEYS}.*it is cut short"),
    "manifest empty": (lambda g: _cut(g, "manifest", 0), f"{_KEYS}.*it is cut short"),
    "byte after the kernel": (lambda g: _append(g, "kernel.elf"),
                              "kernel.elf: the file has another size"),
    "byte after the root image": (lambda g: _append(g, "root.elf"),
                                  "root.elf: the file has another size"),
    "byte after the manifest": (lambda g: _append(g, "manifest"), "manifest: .*bytes after its end"),
    "other root keys": (_wrong_root, f"{_KEYS}, signed by the root key ML-DSA-87: {_BAD}"),
    "other release keys": (_wrong_release,
                           f"{_LIST}, signed by the release key ML-DSA-87 of epoch 1: {_BAD}"),
    "manifest of another image": (_of_other_image, "root.elf: the file has other contents"),
    "one signature only": (_one_signature, f"{_LIST}.*beyond what is allowed"),
    "second signature of the keys zeroed": (
        lambda g: g.patched(g.part_size() - SIGNATURES[1], bytes(SIGNATURES[1])),
        f"{_KEYS}, signed by the root key SLH-DSA-SHA2-256s: {_BAD}"),
    "first signature of the files zeroed": (
        lambda g: g.patched(_end_of_list(g) + ITEM, bytes(SIGNATURES[0])),
        f"{_LIST}, signed by the release key ML-DSA-87 of epoch 1: {_BAD}"),
    "second signature of the files zeroed": (
        lambda g: g.patched(len(g.files["manifest"]) - SIGNATURES[1], bytes(SIGNATURES[1])),
        f"{_LIST}, signed by the release key SLH-DSA-SHA2-256s of epoch 1: {_BAD}"),
    "huge body": (lambda g: g.patched(16, b"\xff" * 4), f"{_KEYS}.*beyond what is allowed"),
    "body over the signatures": (lambda g: g.patched(16, struct.pack("<I", 1 << 20)),
                                 f"{_KEYS}.*it is cut short"),
    "huge key": (lambda g: g.patched(HEADER + 8 + 4, b"\xff" * 4),
                 f"{_KEYS}, ML-DSA-87: a key or signature has the wrong size"),
    "huge signature": (lambda g: g.patched(_end_of_list(g) + 4, b"\xff" * 4),
                       f"{_LIST}, ML-DSA-87: a key or signature has the wrong size"),
    "too many files": (lambda g: g.patched(g.part_size() + HEADER + 12, b"\xff" * 4),
                       f"{_LIST}.*beyond what is allowed"),
    "one file fewer": (lambda g: g.patched(g.part_size() + HEADER + 12, struct.pack("<I", 2)),
                       f"{_LIST}.*bytes after its end"),
    "huge file size": (
        lambda g: g.patched(g.part_size() + HEADER + LIST_HEADER + 64, b"\xff" * 8),
        f"{_LIST}, signed by the release key ML-DSA-87 of epoch 1: {_BAD}"),
}


# The same of what the loader leaves to init.
_INSIDE = "the file has other contents than were signed"
LATER_CASES = {
    "swapped files in the root image": (_swapped_inside, f"guest/(initramfs|vmlinuz): {_INSIDE}"),
    "last byte of the root image": (lambda g: _flip(g, "root.elf", 8 * len(g.files["root.elf"]) - 8),
                                    f"guest/vmlinuz: {_INSIDE}"),
}


def _flip(good, name, bit):
    changed = bytearray(good.files[name])
    changed[bit // 8] ^= 1 << bit % 8
    return good.files | {name: bytes(changed)}


def _judge(good, files, *options):
    """What the loader's objects say on the host: their line."""
    folder = good.work / "judged"
    folder.mkdir(exist_ok=True)
    arguments = []
    for name, data in files.items():
        (folder / name).write_bytes(data)
        arguments.append(f"{name}={folder / name}")
    # GRUB's order, which decides what is told first.
    order = ["manifest", "kernel.elf", "root.elf"]
    arguments.sort(key=lambda text: order.index(text.split("=")[0])
                   if text.split("=")[0] in order else len(order))
    done = subprocess.run([build.artifact("test/boot/boot-judge"), *options, good.keys.roots,
                           *arguments],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode not in (0, 1):
        raise Problem(f"boot-judge ended with {done.returncode}: {done.stdout}")
    return done.stdout.strip()


def _check(results, name, said, expected):
    if re.match(f"REFUSED: {expected}", said):
        results.ok(name)
    else:
        results.fail(name, f"{said!r} instead of {expected!r}")


def on_host(results, prefix, good):
    said = _judge(good, good.files)
    if said != "good":
        results.fail(f"{prefix}: good files", said)
        return
    results.ok(f"{prefix}: good files")
    for name, (change, expected) in CASES.items():
        _check(results, f"{prefix}: {name}", _judge(good, change(good)), expected)

    _check(results, f"{prefix}: too little of the root image covered",
           _judge(good, _covers_too_little(good)),
           "root.elf: the part that is verified does not hold what is loaded")
    for name, (change, expected) in LATER_CASES.items():
        _check(results, f"{prefix}: {name}", _judge(good, change(good)), f"root.elf: {expected}")

    # What GRUB's menu cannot do, but GRUB could.
    debug = {"kernel-debug.elf": good.debug_kernel}
    version = struct.unpack_from("<Q", good.files["manifest"], good.part_size() + HEADER)[0]
    for name, files, options, expected in (
            ("no manifest", _without(good, "manifest"), (), "manifest: GRUB did not load it"),
            ("no kernel", _without(good, "kernel.elf"), (), "GRUB loaded no kernel"),
            ("no root image", _without(good, "root.elf"), (), "GRUB loaded no root image"),
            ("two kernels", good.files | debug, (), "kernel-debug.elf: GRUB loaded a second"),
            ("a file nobody signed", good.files | {"extra": b"x"}, (),
             "extra: the manifest has no such file"),
            ("older version", good.files, ("--version", str(version + 1)),
             "manifest: list of files: it is older than"),
            ("replaced release keys", good.files, ("--epoch", "2"),
             "manifest: list of release keys: its release keys have been replaced")):
        _check(results, f"{prefix}: {name}", _judge(good, files, *options), expected)
    said = _judge(good, good.files, "--epoch", "1", "--version", str(version))
    if said == "good":
        results.ok(f"{prefix}: the version that ran before")
    else:
        results.fail(f"{prefix}: the version that ran before", said)


def flips_on_host(results, prefix, good):
    said = _judge(good, good.files, "--flips", str(FLIPS), "--seed", "20")
    name = f"{prefix}: {said.splitlines()[-1]}"
    if f"{FLIPS} flips, 0 not refused" in said:
        results.ok(name)
    else:
        results.fail(name, "bits may be flipped", said.splitlines())


def _iso_of(good, files):
    iso = good.work / "tampered.iso"
    paths = {}
    for file, data in files.items():
        path = good.work / f"tampered-{file}"
        path.write_bytes(data)
        paths[f"{image.FOLDER}/{file}"] = path
    image.write(iso, paths, good.keys)
    return iso


def _booted(results, name, good, files, expected, firmware="bios"):
    """Boots an ISO with these files: refused as expected, told on the screen too, nothing runs."""
    iso = _iso_of(good, files)
    dump = good.work / "screen.ppm"
    with Session(Machine(iso=iso, firmware=firmware, memory="512M")) as session:
        result = session.wait({"refused": "^Nothing was started.*\n", "started": STARTED}, 60)
        lines = session.last_lines(20)
        said = re.search(r"^loader: (REFUSED: .*)$", session.text, re.MULTILINE)
        if result == "refused":
            session.qmp("screendump", filename=str(dump))
    if result != "refused" or not said:
        results.fail(name, f"no refusal but {result}", lines)
        return
    lit = _lit(dump.read_bytes())
    if not 0.002 < lit < 0.2:
        results.fail(name, f"{lit:.2%} of the screen is lit: that is no message")
        return
    _check(results, name, said.group(1).strip(), expected)


def _booted_later(results, name, good, files, expected, firmware="bios"):
    """Boots an ISO whose root image has a file that init must refuse: it says so, and the machine
    that would have used it does not start."""
    iso = _iso_of(good, files)
    with Session(Machine(iso=iso, firmware=firmware, memory="1G")) as session:
        result = session.wait({"up": r"\d+ virtual machines?, \d+ MiB free"}, 60)
        lines = session.last_lines(20)
        said = re.search(r"init: error: (REFUSED: .*)$", session.text, re.MULTILINE)
    if result != "up" or not said or not re.search("init: 0 virtual machines,", session.text):
        results.fail(name, f"no refusal but {result}", lines)
        return
    _check(results, name, said.group(1).strip(), expected)


def _lit(ppm):
    """Share of the pixels of a binary PPM that are not black."""
    head, pixels = re.match(rb"P6\s+(\d+)\s+(\d+)\s+255\s", ppm), None
    pixels = ppm[head.end():]
    count = int(head.group(1)) * int(head.group(2))
    return sum(1 for at in range(0, 3 * count, 3) if any(pixels[at:at + 3])) / count


def in_emulator(results, prefix, good, slow):
    """A sample of everything; when slow, all cases and BOOTED_FLIPS flips."""
    source = random.Random(6)
    chosen = list(CASES) if slow else ["swapped files", "other release keys"]
    for name in chosen:
        change, expected = CASES[name]
        _booted(results, f"{prefix}: {name} boots", good, change(good), expected)
    for name in list(LATER_CASES)[:None if slow else 1]:
        change, expected = LATER_CASES[name]
        _booted_later(results, f"{prefix}: {name} boots", good, change(good), expected)
    for number in range(BOOTED_FLIPS if slow else 2):
        name = sorted(good.files)[number % len(good.files)]
        data = good.files[name]
        # By turns in what the loader verifies, and in what it leaves to init.
        covered = rootimage.covered(data)
        later = covered < len(data) and number % 2 == 1
        bit = source.randrange(8 * covered, 8 * len(data)) if later else source.randrange(8 * covered)
        firmware = "uefi" if number % 4 == 1 else "bios"
        title = f"{prefix}: bit {bit} of {name} flipped boots ({firmware})"
        if later:
            inner = next(inner for inner, at, size, _ in rootimage.deferred(data)
                         if at <= bit // 8 < at + size)
            _booted_later(results, title, good, _flip(good, name, bit), f"{inner}: ", firmware)
        else:
            _booted(results, title, good, _flip(good, name, bit), f"{name}: ", firmware)


def tamper(results, name, slow):
    with tempfile.TemporaryDirectory(prefix="quoin-tamper-") as temporary:
        try:
            good = Payload(Path(temporary))
            on_host(results, name, good)
            flips_on_host(results, name, good)
            in_emulator(results, name, good, slow)
        except Problem as problem:
            results.fail(name, str(problem))

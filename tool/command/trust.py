# SPDX-License-Identifier: BSD-2-Clause
"""./quoin keys, sign and verify: keys, signed manifests, and images against them. The work with
secrets is quoin-sign's (tool/sign); doc/formats.md has the formats."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from . import build, classical, image, layout, measured, packages, rootimage
from .ui import Problem, Step, run, say

# The development keys protect nothing: their passphrase lies beside them.
DEVELOPMENT = "keys"
PASSPHRASE = "passphrase"

# Public key of the verifier that images name, and the size of its first part.
VERIFIER, VERIFIER_SIZE = "verifier.pub", 2592

# What a file on the medium is to the loader; other files are read later, by components.
ROLES = {"kernel.elf": "kernel", "kernel-debug.elf": "kernel", "root.elf": "root"}


class Keys:
    """A folder of keys, and the file that has its passphrase (None: quoin-sign asks)."""

    def __init__(self, folder, passphrase=None):
        self.folder = Path(folder)
        beside = self.folder / PASSPHRASE
        self.passphrase = passphrase or (beside if beside.exists() else None)

    @property
    def roots(self):
        path = self.folder / "roots.pub"
        if not path.exists():
            raise Problem(f"{self.folder} holds no keys: ./quoin keys new {self.folder}")
        return path

    @property
    def verifier(self):
        """The ML-DSA-87 public key of the verifier whom images with these keys name, or b"" for none: the
        first key of the file (doc/formats.md), behind its header."""
        path = self.folder / VERIFIER
        return path.read_bytes()[8:8 + VERIFIER_SIZE] if path.exists() else b""

    def sign_tool(self, *arguments):
        """quoin-sign with the passphrase; on the terminal when it has to ask for it."""
        command = [build.artifact("tool/sign/quoin-sign")]
        if self.passphrase:
            command += ["--passphrase-file", self.passphrase]
        return run([*command, *arguments], "signing")


def development():
    """The keys of this build folder, made when there are none."""
    keys = Keys(build.directory() / DEVELOPMENT)
    if not (keys.folder / "release.part").exists():
        shutil.rmtree(keys.folder, ignore_errors=True)
        keys.folder.mkdir()
        (keys.folder / PASSPHRASE).write_text("development\n")
        keys = Keys(keys.folder)
        with Step("making development keys"):
            keys.sign_tool("new", keys.folder)
    if not keys.verifier:
        with Step("making a development key for verifiers"):
            keys.sign_tool("verifier", keys.folder)
    if not (keys.folder / classical.PUBLIC).exists():
        packages.ensure(["iso"])
        with Step("making a development key for GRUB"):
            classical.make(keys.folder, keys.passphrase)
    return keys


def chosen(options):
    """The keys that the command line names, or the development keys."""
    if getattr(options, "keys", None) is None:
        return development()
    keys = Keys(options.keys, options.passphrase_file)
    keys.roots  # a Problem when there are none
    return keys


def manifest(out, files, version, keys):
    """Writes the signed manifest of files (name on the medium -> file) to out."""
    entries = []
    for place, file in sorted(files.items()):
        name = Path(place).name
        role = ROLES.get(name, "other")
        if role == "root":
            data = Path(file).read_bytes()
            if rootimage.covered(data) < len(data):
                role += f"/{rootimage.covered(data) // rootimage.PAGE}"
        entries.append(f"{role}:{name}={file}")
    with Step(f"signing {len(files)} files"):
        keys.sign_tool("sign", keys.folder, str(version), out, *entries)


def extract(iso, work):
    """The files that the loader reads, out of an ISO: name -> file."""
    packages.ensure(["iso"])
    if not iso.exists():
        raise Problem(f"{iso}: no such file")
    folder = work / "payload"
    run(["xorriso", "-indev", iso, "-osirrox", "on", "-extract", f"/{image.FOLDER}", folder],
        f"reading {iso.name}")
    files = {file.name: file for file in folder.iterdir() if file.is_file()}
    for file in files.values():
        file.chmod(0o644)
    # That one is for GRUB.
    files.pop(f"manifest{classical.SUFFIX}", None)
    return files


def command_keys(options):
    build.build(yes=options.yes)
    keys = Keys(options.folder, options.passphrase_file)
    packages.ensure(["iso"], options.yes)
    say(keys.sign_tool(options.action, keys.folder).strip())
    if not (keys.folder / classical.PUBLIC).exists():
        classical.make(keys.folder, keys.passphrase)
    if options.action == "new":
        say(f"Keep {keys.folder}/root.key off the machines that build and sign releases.")
    return 0


def command_sign(options):
    """The same files as in another ISO, under other keys or a newer version."""
    build.build(yes=options.yes)
    keys = chosen(options)
    with tempfile.TemporaryDirectory(prefix="quoin-sign-") as temporary:
        files = extract(options.iso, Path(temporary))
        files.pop("manifest", None)
        image.make(options.out.resolve(), {f"{image.FOLDER}/{name}": file
                                           for name, file in files.items()},
                   keys, options.version)
    say(f"{options.out}: signed with the keys in {keys.folder}")
    return 0


def verify(iso, roots):
    """What is wrong with an ISO: lines, none when it is good; and a line on what it is."""
    with tempfile.TemporaryDirectory(prefix="quoin-verify-") as temporary:
        files = extract(iso, Path(temporary))
        if "manifest" not in files:
            return ["manifest: the image has none"], ""
        listed = files.pop("manifest")
        signature = listed.with_name(listed.name + classical.SUFFIX)
        done = subprocess.run(
            [build.artifact("tool/sign/quoin-sign"), "verify", roots, listed,
             *(f"{name}={file}" for name, file in sorted(files.items()))],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            check=False)
        wrong = [line.replace("quoin-sign: ", "").replace(str(listed), "manifest")
                 for line in done.stderr.splitlines()]
        if done.returncode != 0 and not wrong:
            wrong = [f"quoin-sign ended with {done.returncode}"]
        for name, file in sorted(files.items()):
            wrong += [f"{name}: {inner}: the file has other contents than the root image says"
                      for inner, _, _, good in rootimage.deferred(file.read_bytes()) if not good]
        public = roots.with_name(classical.PUBLIC)
        if public.exists() and not classical.verified(public, listed, signature):
            wrong.append("manifest.sig: not a signature of the manifest by GRUB's key")
        if not image.has_roots(iso, roots, Path(temporary)):
            wrong.append("EFI/BOOT/BOOTX64.EFI: its loader has other root keys")
        return wrong, done.stdout.strip()


def command_verify(options):
    build.build(yes=options.yes)
    roots = options.roots or chosen(options).roots
    wrong, what = verify(options.iso, roots)
    for line in wrong:
        print(f"{options.iso}: {line}", file=sys.stderr)
    if not wrong:
        say(f"{options.iso}: {what}")
    if options.pcrs and not wrong:
        for entry, values in measured.predicted(options.iso, roots).items():
            for bank, pcrs in values.items():
                for pcr, value in pcrs.items():
                    say(f"entry {entry}: PCR {pcr} {bank} {value.hex()}")
    if options.bytes:
        for first, last, text in layout.describe(options.iso):
            say(f"{first:>10} {last:>10}  {text}")
    return 1 if wrong else 0

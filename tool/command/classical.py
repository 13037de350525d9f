# SPDX-License-Identifier: BSD-2-Clause
"""What GRUB checks with its own means: OpenPGP signatures by an RSA key whose public half is in its
core image. A classical extra beside the loader's post-quantum signatures (doc/threat-model.md)."""

import subprocess
import tempfile
from pathlib import Path

from .ui import Problem, run

SECRET, PUBLIC = "grub.key", "grub.pub"
SUFFIX = ".sig"

# The dates in keys and signatures are set, so that the same input gives the same bytes.
_BIRTH = "20200101T000000!"

# How often a passphrase is hashed (RFC 4880, section 3.7.1.3): the most for the key that is kept,
# the least for gpg's own copy, which is gone in a second.
_KEPT, _PASSING = 65011712, 65536


class _Home:
    """A folder of gpg's own, and at its end no agent left behind."""

    def __init__(self, passphrase, hashed):
        self.passphrase = passphrase
        self.hashed = hashed

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="quoin-gpg-")
        (Path(self.folder.name) / "gpg-agent.conf").write_text(f"s2k-count {self.hashed}\n")
        return self

    def gpg(self, what, *arguments):
        command = ["gpg", "--homedir", self.folder.name, "--batch", "--yes", "--no-tty",
                   "--quiet", "--trust-model", "always", "--pinentry-mode", "loopback"]
        if self.passphrase:
            command += ["--passphrase-file", self.passphrase]
        return run([*command, *arguments], what)

    def __exit__(self, kind, value, trace):
        subprocess.run(["gpgconf", "--homedir", self.folder.name, "--kill", "all"],
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=False)
        self.folder.cleanup()
        return False


def make(folder, passphrase):
    """Makes the key pair, its secret half protected by the passphrase in a file."""
    if not passphrase:
        raise Problem("the key that GRUB checks with needs --passphrase-file")
    with _Home(passphrase, _KEPT) as home:
        home.gpg("making GRUB's key", "--faked-system-time", _BIRTH, "--quick-generate-key",
                 "Quoin boot medium", "rsa4096", "sign", "never")
        home.gpg("writing GRUB's key", "--output", folder / SECRET, "--export-secret-keys")
        home.gpg("writing GRUB's key", "--output", folder / PUBLIC, "--export")
    (folder / SECRET).chmod(0o600)


def sign(keys, files, seconds):
    """Writes FILE.sig beside each of the files, dated seconds after 1970."""
    if not (keys.folder / SECRET).exists():
        raise Problem(f"{keys.folder} has no key for GRUB: ./quoin keys rotate {keys.folder}")
    with _Home(keys.passphrase, _PASSING) as home:
        home.gpg("reading GRUB's key", "--import", keys.folder / SECRET)
        for file in files:
            home.gpg(f"signing {file.name} for GRUB", "--faked-system-time", f"{seconds}!",
                     "--digest-algo", "SHA512", "--output", f"{file}{SUFFIX}", "--detach-sign", file)


def verified(public, file, signature):
    """Whether the signature is the key's, of that file."""
    with tempfile.TemporaryDirectory(prefix="quoin-gpg-") as home:
        done = subprocess.run(["gpgv", "--homedir", home, "--keyring", Path(public).resolve(),
                               signature, file], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return done.returncode == 0

# SPDX-License-Identifier: BSD-2-Clause
"""The Debian packages that each part of the command needs, and their installation."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from . import ui
from .ui import Problem, Step, ci

# For each use: package, and a program or file that shows it is there.
PACKAGES = {
    "build": [
        ("gcc", "gcc"),
        ("libc6-dev", "/usr/include/stdlib.h"),
        ("binutils", "objcopy"),
        ("meson", "meson"),
        ("ninja-build", "ninja"),
        ("pkg-config", "pkg-config"),
        ("libcmocka-dev", "/usr/include/cmocka.h"),
        ("valgrind", "/usr/include/valgrind/memcheck.h"),
        ("acpica-tools", "iasl"),
        ("cloc", "cloc"),
    ],
    "clang": [
        ("clang", "clang"),
        ("libclang-rt-14-dev", "/usr/lib/llvm-14/lib/clang/14.0.6/lib/linux"),
    ],
    "format": [
        ("clang-format", "clang-format"),
    ],
    "iso": [
        ("grub-common", "grub-mkimage"),
        ("grub-pc-bin", "/usr/lib/grub/i386-pc/boot_hybrid.img"),
        ("grub-efi-amd64-bin", "/usr/lib/grub/x86_64-efi/moddep.lst"),
        ("xorriso", "xorriso"),
        ("mtools", "mformat"),
        ("gpg", "gpg"),
        ("gpg-agent", "gpg-agent"),
        ("gpgv", "gpgv"),
    ],
    "qemu": [
        ("qemu-system-x86", "qemu-system-x86_64"),
        ("ovmf", "/usr/share/OVMF/OVMF_CODE_4M.fd"),
    ],
    "bochs": [
        ("bochs", "bochs"),
        ("bochsbios", "/usr/share/bochs/BIOS-bochs-latest"),
        ("vgabios", "/usr/share/bochs/VGABIOS-lgpl-latest"),
    ],
    "tpm": [
        ("swtpm", "swtpm"),
        ("tpm2-tools", "tpm2_eventlog"),
    ],
    "tpm ca": [
        ("swtpm-tools", "swtpm_setup"),
    ],
    "attest": [
        ("openssl", "openssl"),
    ],
    "differences": [
        ("diffoscope-minimal", "diffoscope"),
    ],
    "debian disk": [
        ("mmdebstrap", "mmdebstrap"),
    ],
    "file systems": [
        ("e2fsprogs", "/usr/sbin/mkfs.ext4"),
    ],
    "debug": [
        ("gdb", "gdb"),
    ],
    "gpt": [
        ("gdisk", "sgdisk"),
    ],
    "vmlinux": [
        ("lz4", "lz4"),
    ],
    "proof": [
        ("frama-c-base", "frama-c"),
        ("why3", "why3"),
        ("z3", "z3"),
        ("cvc4", "cvc4"),
    ],
}


def _present(evidence):
    if evidence.startswith("/"):
        return Path(evidence).exists()
    return shutil.which(evidence) is not None


def missing(uses):
    names = []
    for use in uses:
        for package, evidence in PACKAGES[use]:
            if not _present(evidence) and package not in names:
                names.append(package)
    return names


def _apt(arguments, what):
    command = ["apt-get", *arguments]
    if os.geteuid() != 0:
        if shutil.which("sudo") is None:
            raise Problem(f"run this as root first: {' '.join(command)}")
        command = ["sudo", *command]
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    with Step(what):
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", check=False)
    if done.returncode != 0:
        for line in done.stdout.splitlines()[-15:]:
            print(f"    {line}", file=sys.stderr)
        raise Problem(f"{what} failed: apt-get ended with {done.returncode}")


def refresh_lists(yes=False):
    """Reads the package lists, unless the machine has some and asking was not allowed."""
    if yes or ci() or not any(Path("/var/lib/apt/lists").glob("*_Packages*")):
        _apt(["update", "-q"], "reading the package lists")


def foreign(architecture, folder):
    """Options with which apt-get and apt-cache see another architecture's packages, through lists of
    their own in folder: the machine's own package management does not learn of it."""
    for part in ("lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    (folder / "status").touch()
    settings = {"APT::Architecture": architecture, "APT::Architectures": architecture,
                "Dir::State::lists": folder / "lists", "Dir::State::status": folder / "status",
                "Dir::Cache": folder / "cache", "APT::Sandbox::User": ""}
    options = [part for name, value in settings.items() for part in ("-o", f"{name}={value}")]
    # A list that a mirror does not have in full is no error: what is not found then will be.
    subprocess.run(["apt-get", *options, "update", "-q"], stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return options


def ensure(uses, yes=False):
    """Installs what the uses need and the machine lacks, after asking unless told to (-y, CI)."""
    names = missing(uses)
    if not names:
        return
    if shutil.which("apt-get") is None:
        raise Problem(f"install these packages: {' '.join(names)}")
    if not (yes or ci()):
        if not sys.stdin.isatty():
            raise Problem(f"install these packages, or say -y: apt-get install {' '.join(names)}")
        answer = input(f"Install {' '.join(names)}? [Y/n] ").strip().lower()
        if answer not in ("", "y", "yes"):
            raise Problem(f"without these packages it does not work: {' '.join(names)}")
    print(f"missing packages: {' '.join(names)}", flush=True, file=ui.progress)
    _apt(["update", "-q"], "reading the package lists")
    _apt(["install", "-q", "-y", "--no-install-recommends", *names], "installing packages")
    still = missing(uses)
    if still:
        raise Problem(f"these packages are installed but incomplete: {' '.join(still)}")

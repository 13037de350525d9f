# SPDX-License-Identifier: BSD-2-Clause
"""The boot image: one hybrid ISO for BIOS and UEFI, CD and USB stick. The same input gives the same
bytes, so nothing here may depend on the clock, on the place of the tree or on random numbers."""

import hashlib
import io
import os
import shutil
import tarfile
import tempfile
import time
from pathlib import Path

import composer

from . import build, classical, disk, elf, guest, packages, rootimage, trust
from .ui import ROOT, Problem, Step, run

GRUB = Path("/usr/lib/grub")

# All of GRUB that is used is in its core image, with the loader and the menu in its memory disk: it
# takes nothing from the medium but the files that the loader verifies.
CORE_MODULES = ["normal", "memdisk", "tar", "iso9660", "search", "search_fs_file", "configfile",
                "part_msdos", "part_gpt", "fat", "multiboot2", "serial", "terminal", "all_video",
                "smbios", "regexp", "test", "true", "echo", "sleep", "halt", "reboot", "pgp",
                "gcry_rsa", "gcry_sha512"]
BIOS_MODULES = CORE_MODULES + ["biosdisk"]
EFI_MODULES = CORE_MODULES

# The folder of what the loader reads; names there are those of the signed manifest.
FOLDER = "boot/quoin"
MANIFEST_PLACE = f"{FOLDER}/manifest"

# Place on the medium, and what the build makes of it. The root image stands beside them.
KERNELS = {
    f"{FOLDER}/kernel.elf": "kernel/kernel32.elf",
    f"{FOLDER}/kernel-debug.elf": "kernel/kernel32-debug.elf",
}
ROOT_PLACE = f"{FOLDER}/root.elf"

# Blocks of 2 KiB behind which the file system is described a second time, for a partition that begins
# there (disk.py).
PARTITION_BLOCKS = 16

# The variable of the loader that holds the public root keys.
ROOTS_VARIABLE = "loader_roots"
# The variable of the attestation service that holds the public key of the verifier whom the image
# names.
VERIFIER_PROGRAM, VERIFIER_VARIABLE = "attest.elf", "verifier_key"

# What goes into the root image behind init, beside the guest's files (guest.py).
PROGRAMS = {
    "attest.elf": "service/attest/attest.elf",
    "console.elf": "service/console/console.elf",
    "disk-nvme.elf": "service/block/disk-nvme.elf",
    "disk-sata.elf": "service/block/disk-sata.elf",
    "disk-virtio.elf": "service/block/disk-virtio.elf",
    "entropy.elf": "service/entropy/entropy.elf",
    "network.elf": "service/net/network.elf",
    "pci.elf": "service/pci/pci.elf",
    "switch.elf": "service/net/switch.elf",
    "timer.elf": "service/timer/timer.elf",
    "vmm.elf": "vmm/vmm.elf",
}
# All that an image is made of, and with.
TARGETS = ["init/init.elf", "boot/loader/loader.elf", "tool/sign/quoin-sign", "tool/attest/quoin-attest", *KERNELS.values(),
           *PROGRAMS.values()]
SYSTEM = ROOT / "system/quoin.system"
CONFIGURATIONS = ROOT / "system/vm"


def compose(programs, system=SYSTEM):
    """What the system description becomes in the root image; programs: name -> bytes."""
    try:
        files = composer.compose(str(system.relative_to(ROOT)), system.read_bytes(), programs)
    except composer.Mistakes as mistakes:
        raise Problem(str(mistakes)) from None
    return files | {"symbols/vmm.elf": composer.compact(programs["vmm.elf"])}


def packed(content, system=SYSTEM, more=None, deferred=(), verifier=b""):
    """The bytes of a root image: init, the system's programs and what its description becomes, and
    content (name -> bytes). more: further programs, name -> what the build makes. deferred: names
    of content that init verifies when it is used, and not the loader. verifier: the public key of who
    may have the console and release secrets; nobody without."""
    files = PROGRAMS | (more or {})
    programs = {name: build.artifact(file).read_bytes() for name, file in files.items()}
    stripped = {name: _stripped(file).read_bytes() for name, file in files.items()}
    if verifier:
        stripped[VERIFIER_PROGRAM] = _without_symbols(elf.set_variable(
            programs[VERIFIER_PROGRAM], VERIFIER_VARIABLE, verifier))
    return rootimage.pack(_stripped("init/init.elf").read_bytes(),
                          stripped | compose(programs, system) | content, deferred)


def root_image(yes=False, name="root.elf", configurations=CONFIGURATIONS, extra=None, keys=None):
    """Builds root.elf: init with the system's programs, its guests and their configurations.
    extra: further files, name in the root image -> file. keys: whose verifier it names, by default the
    development keys."""
    keys = keys or trust.development()
    out = build.directory() / name.replace(".", f"{_suffix(keys)}.")
    files = {f"vm/{file.name}": file for file in sorted(configurations.glob("*.ini"))}
    files |= extra or {}
    sources = [build.artifact("init/init.elf"), *map(build.artifact, PROGRAMS.values()),
               *files.values(), *guest.sources(yes), Path(__file__), Path(rootimage.__file__),
               SYSTEM, *(ROOT / "tool/composer").glob("*.py")]
    if keys.verifier:
        sources.append(keys.folder / trust.VERIFIER)
    if out.exists() and all(file.stat().st_mtime <= out.stat().st_mtime for file in sources):
        return out
    content = {place: file.read_bytes() for place, file in files.items()}
    with Step("packing the root image"):
        partial = out.with_name(out.name + ".partial")
        guests = guest.files()
        partial.write_bytes(packed(content | guests, deferred=guests, verifier=keys.verifier))
        partial.replace(out)
    return out


def _suffix(keys):
    """What sets the files made with these keys apart from those of development."""
    if keys.folder == build.directory() / trust.DEVELOPMENT:
        return ""
    return f"-{hashlib.sha256(keys.roots.read_bytes() + keys.verifier).hexdigest()[:8]}"


def _without_symbols(data):
    """The bytes of a built file without symbols and debug information."""
    with tempfile.TemporaryDirectory(prefix="quoin-strip-") as temporary:
        file, out = Path(temporary) / "with", Path(temporary) / "without"
        file.write_bytes(data)
        run(["objcopy", "--strip-all", file, out], "stripping")
        return out.read_bytes()


def _stripped(name):
    """A built file without symbols and debug information, in which places of the build stand."""
    file = build.artifact(name)
    out = build.directory() / "stripped" / name
    out.parent.mkdir(parents=True, exist_ok=True)
    with build.alone("stripped"):
        if not out.exists() or out.stat().st_mtime < file.stat().st_mtime:
            partial = out.with_name(out.name + ".partial")
            run(["objcopy", "--strip-all", file, partial], f"stripping {file.name}")
            partial.replace(out)
    return out


def payload(root):
    """What the ISO carries with the file root as root task: place on the medium -> file."""
    return {place: _stripped(name) for place, name in KERNELS.items()} | {ROOT_PLACE: root}


def _stamp(tree, seconds):
    for path in [*tree.rglob("*"), tree]:
        os.utime(path, (seconds, seconds))
        path.chmod(0o755 if path.is_dir() else 0o644)


def _memory_disk(out, files, seconds):
    """A tar archive, as GRUB's memory disk reads it; files: name -> bytes."""
    with tarfile.open(out, "w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in sorted(files.items()):
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(data), seconds
            archive.addfile(member, io.BytesIO(data))


def _grub(tree, work, environment, seconds, keys):
    """Lays GRUB out in tree and returns the EFI system partition's image."""
    # The parser that runs before GRUB has its menu knows no comments.
    load = work / "load.cfg"
    lines = (ROOT / "boot/grub/load.cfg").read_text().splitlines()
    load.write_text("".join(line + "\n" for line in lines if not line.startswith("#")))
    loader = elf.set_variable(build.artifact("boot/loader/loader.elf").read_bytes(),
                              ROOTS_VARIABLE, keys.roots.read_bytes())
    loader_file = work / "loader.elf"
    loader_file.write_bytes(loader)
    classical.sign(keys, [loader_file, tree / MANIFEST_PLACE], seconds)
    memory_disk = work / "memdisk.tar"
    _memory_disk(memory_disk, {
        "boot/quoin/loader.elf": loader,
        "boot/quoin/loader.elf.sig": (work / "loader.elf.sig").read_bytes(),
        "boot/grub/grub.cfg": (ROOT / "boot/grub/grub.cfg").read_bytes()}, seconds)
    public = keys.folder / classical.PUBLIC
    bios = tree / "boot/grub"
    bios.mkdir(parents=True)
    run(["grub-mkimage", "-O", "i386-pc-eltorito", "--pubkey", public, "-m", memory_disk, "-p", "(memdisk)/boot/grub",
         "-c", load, "-o", bios / "eltorito.img", *BIOS_MODULES], "making GRUB for BIOS")
    boot = tree / "EFI/BOOT"
    boot.mkdir(parents=True)
    run(["grub-mkimage", "-O", "x86_64-efi", "--pubkey", public, "-m", memory_disk, "-p", "(memdisk)/boot/grub",
         "-c", load, "-o", boot / "BOOTX64.EFI", *EFI_MODULES], "making GRUB for UEFI")

    esp = work / "efi.img"
    kib = (boot / "BOOTX64.EFI").stat().st_size // 1024 + 256
    esp.write_bytes(bytes((kib + 63) // 64 * 64 * 1024))
    run(["mformat", "-i", esp, "-N", "51554f49", "-v", "QUOIN", "::"], "making the EFI partition",
        env=environment)
    run(["mmd", "-i", esp, "::/EFI", "::/EFI/BOOT"], "making the EFI partition", env=environment)
    run(["mcopy", "-i", esp, boot / "BOOTX64.EFI", "::/EFI/BOOT/BOOTX64.EFI"],
        "making the EFI partition", env=environment)
    return esp


def has_roots(iso, roots, work):
    """Whether the loader for UEFI in the ISO carries the public root keys. (The one for BIOS is
    compressed.)"""
    out = work / "BOOTX64.EFI"
    run(["xorriso", "-indev", iso, "-osirrox", "on", "-extract", "/EFI/BOOT/BOOTX64.EFI", out],
        f"reading {iso.name}")
    return roots.read_bytes() in out.read_bytes()


def make(out, files, keys=None, version=None):
    """Writes the ISO to out; files: place on the medium -> file. They are signed with the keys (by
    default the development keys) as the version (by default the time of the newest commit)."""
    keys = keys or trust.development()
    with tempfile.TemporaryDirectory(prefix="quoin-manifest-") as temporary:
        signed = Path(temporary) / "manifest"
        trust.manifest(signed, files, version or build.commit_time(), keys)
        write(out, files | {MANIFEST_PLACE: signed}, keys)


def write(out, files, keys):
    """Writes an ISO of exactly these files, with a loader that trusts the public root keys, and
    signatures for GRUB."""
    packages.ensure(["iso"], False)
    seconds = build.commit_time()
    environment = dict(os.environ, SOURCE_DATE_EPOCH=str(seconds), TZ="UTC",
                       MTOOLS_SKIP_CHECK="1")
    with Step(f"making {out}"), tempfile.TemporaryDirectory(prefix="quoin-iso-") as temporary:
        _write(out, files, keys, Path(temporary), environment, seconds)


def _write(out, files, keys, work, environment, seconds):
    date = time.strftime("%Y%m%d%H%M%S00", time.gmtime(seconds))
    tree = work / "tree"
    tree.mkdir()
    for place, file in files.items():
        (tree / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, tree / place)
    esp = _grub(tree, work, environment, seconds, keys)
    _stamp(tree, seconds)
    os.utime(esp, (seconds, seconds))
    partial = out.with_name(out.name + ".partial")
    run(["xorriso", "-as", "mkisofs", "-r", "-graft-points", "-V", "QUOIN",
         f"--modification-date={date}", "--set_all_file_dates", date,
         "-b", "boot/grub/eltorito.img", "-no-emul-boot", "-boot-load-size", "4",
         "-boot-info-table", "--grub2-boot-info",
         "--grub2-mbr", GRUB / "i386-pc/boot_hybrid.img", "--protective-msdos-label",
         "-partition_offset", str(PARTITION_BLOCKS), "--gpt_disk_guid", "51554f494e00400080000000000000aa",
         "--efi-boot-part", "--efi-boot-image", "--efi-boot", "efi.img",
         "-o", partial, tree, f"/efi.img={esp}"],
        "making the ISO", env=environment)
    partial.replace(out)


def install(out, iso):
    """Writes the image of an installed disk, from an ISO."""
    with tempfile.TemporaryDirectory(prefix="quoin-disk-") as temporary:
        esp = Path(temporary) / "efi.img"
        run(["xorriso", "-indev", iso, "-osirrox", "on", "-extract", "/efi.img", esp],
            f"reading {iso.name}")
        with Step(f"making {out}"):
            disk.write(out, iso, esp.read_bytes())


def current(yes=False, keys=None):
    """The ISO of the tree as it stands, built anew only when something in it is newer."""
    packages.ensure(["build", "iso"], yes)
    keys = keys or trust.development()
    # Each set of keys has an image of its own.
    out = build.directory() / f"quoin{_suffix(keys)}.iso"
    files = payload(root_image(yes, keys=keys))
    inputs = [*files.values(), *(ROOT / "boot/grub").glob("*"), Path(__file__),
              build.artifact("boot/loader/loader.elf"), keys.folder / "release.part",
              keys.folder / classical.PUBLIC]
    if not out.exists() or any(file.stat().st_mtime > out.stat().st_mtime for file in inputs):
        make(out, files, keys)
    return out

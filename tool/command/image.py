# SPDX-License-Identifier: BSD-2-Clause
"""The boot image: one hybrid ISO for BIOS and UEFI, CD and USB stick. The same input gives the same
bytes, so nothing here may depend on the clock, on the place of the tree or on random numbers."""

import os
import shutil
import tempfile
import time
from pathlib import Path

from . import build, guest, packages, rootimage
from .ui import ROOT, Step, run

GRUB = Path("/usr/lib/grub")

# What GRUB's core image must know to find the medium and its own modules there.
CORE_MODULES = ["normal", "iso9660", "search", "search_fs_file", "configfile"]
BIOS_MODULES = CORE_MODULES + ["biosdisk", "part_msdos", "part_gpt"]
EFI_MODULES = CORE_MODULES + ["part_msdos", "part_gpt", "fat"]

# Place on the medium, and what the build makes of it. The root image stands beside them.
KERNELS = {
    "boot/quoin/kernel.elf": "kernel/kernel32.elf",
    "boot/quoin/kernel-debug.elf": "kernel/kernel32-debug.elf",
}
ROOT_PLACE = "boot/quoin/root.elf"

# What goes into the root image behind init, beside the guest's files (guest.py).
ROOT_FILES = {
    "vmm.elf": "vmm/vmm.elf",
}
CONFIGURATIONS = ROOT / "system/vm"


def root_image(yes=False):
    """Builds root.elf: init with the system's programs, its guests and their configurations."""
    out = build.directory() / "root.elf"
    init = build.artifact("init/init.elf")
    programs = {name: build.artifact(file) for name, file in ROOT_FILES.items()}
    files = {f"vm/{file.name}": file for file in sorted(CONFIGURATIONS.glob("*.ini"))}
    sources = [init, *programs.values(), *files.values(), *guest.sources(yes), Path(__file__)]
    if out.exists() and all(file.stat().st_mtime <= out.stat().st_mtime for file in sources):
        return out
    content = {name: file.read_bytes() for name, file in [*programs.items(), *files.items()]}
    with Step("packing the root image"):
        partial = out.with_name(out.name + ".partial")
        partial.write_bytes(rootimage.pack(init.read_bytes(), content | guest.files()))
        partial.replace(out)
    return out


def payload(root):
    """What the ISO carries with the file root as root task: place on the medium -> file."""
    return {place: build.artifact(name) for place, name in KERNELS.items()} | {ROOT_PLACE: root}


def _stamp(tree, seconds):
    for path in [*tree.rglob("*"), tree]:
        os.utime(path, (seconds, seconds))
        path.chmod(0o755 if path.is_dir() else 0o644)


def _grub(tree, work, environment):
    """Lays GRUB out in tree and returns the EFI system partition's image."""
    # The parser that runs before GRUB has its modules knows no comments.
    load = work / "load.cfg"
    lines = (ROOT / "boot/grub/load.cfg").read_text().splitlines()
    load.write_text("".join(line + "\n" for line in lines if not line.startswith("#")))
    bios = tree / "boot/grub/i386-pc"
    efi = tree / "boot/grub/x86_64-efi"
    for target, folder in (("i386-pc", bios), ("x86_64-efi", efi)):
        folder.mkdir(parents=True)
        for module in sorted((GRUB / target).glob("*")):
            if module.suffix in (".mod", ".lst"):
                shutil.copyfile(module, folder / module.name)
    run(["grub-mkimage", "-O", "i386-pc-eltorito", "-p", "/boot/grub", "-c", load,
         "-o", bios / "eltorito.img", *BIOS_MODULES], "making GRUB for BIOS")
    boot = tree / "EFI/BOOT"
    boot.mkdir(parents=True)
    run(["grub-mkimage", "-O", "x86_64-efi", "-p", "/boot/grub", "-c", load,
         "-o", boot / "BOOTX64.EFI", *EFI_MODULES], "making GRUB for UEFI")
    shutil.copyfile(ROOT / "boot/grub/grub.cfg", tree / "boot/grub/grub.cfg")

    esp = work / "efi.img"
    kib = (boot / "BOOTX64.EFI").stat().st_size // 1024 + 256
    esp.write_bytes(bytes((kib + 63) // 64 * 64 * 1024))
    run(["mformat", "-i", esp, "-N", "51554f49", "-v", "QUOIN", "::"], "making the EFI partition",
        env=environment)
    run(["mmd", "-i", esp, "::/EFI", "::/EFI/BOOT"], "making the EFI partition", env=environment)
    run(["mcopy", "-i", esp, boot / "BOOTX64.EFI", "::/EFI/BOOT/BOOTX64.EFI"],
        "making the EFI partition", env=environment)
    return esp


def make(out, files):
    """Writes the ISO to out; files: place on the medium -> file."""
    packages.ensure(["iso"], False)
    seconds = build.commit_time()
    environment = dict(os.environ, SOURCE_DATE_EPOCH=str(seconds), TZ="UTC",
                       MTOOLS_SKIP_CHECK="1")
    date = time.strftime("%Y%m%d%H%M%S00", time.gmtime(seconds))
    with Step(f"making {out}"), tempfile.TemporaryDirectory(prefix="quoin-iso-") as temporary:
        work = Path(temporary)
        tree = work / "tree"
        tree.mkdir()
        for place, file in files.items():
            (tree / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, tree / place)
        esp = _grub(tree, work, environment)
        _stamp(tree, seconds)
        os.utime(esp, (seconds, seconds))
        partial = out.with_name(out.name + ".partial")
        run(["xorriso", "-as", "mkisofs", "-r", "-graft-points", "-V", "QUOIN",
             f"--modification-date={date}", "--set_all_file_dates", date,
             "-b", "boot/grub/i386-pc/eltorito.img", "-no-emul-boot", "-boot-load-size", "4",
             "-boot-info-table", "--grub2-boot-info",
             "--grub2-mbr", GRUB / "i386-pc/boot_hybrid.img", "--protective-msdos-label",
             "--gpt_disk_guid", "51554f494e00400080000000000000aa",
             "--efi-boot-part", "--efi-boot-image", "--efi-boot", "efi.img",
             "-o", partial, tree, f"/efi.img={esp}"],
            "making the ISO", env=environment)
        partial.replace(out)


def current(yes=False):
    """The ISO of the tree as it stands, built anew only when something in it is newer."""
    packages.ensure(["build", "iso"], yes)
    out = build.directory() / "quoin.iso"
    files = payload(root_image(yes))
    inputs = [*files.values(), *(ROOT / "boot/grub").glob("*"), Path(__file__)]
    if not out.exists() or any(file.stat().st_mtime > out.stat().st_mtime for file in inputs):
        make(out, files)
    return out

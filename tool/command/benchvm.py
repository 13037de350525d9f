# SPDX-License-Identifier: BSD-2-Clause
"""./quoin bench vm: a virtual machine beside the machine itself, in exact instruction counts."""

import re
import tempfile
from pathlib import Path

from . import build, guest, image
from .machine import Machine
from .session import Session
from .ui import Problem, Step

# Round trips of exits as the guest sees them (test/payload/exits.c). KVM's figures come from
# kvm-unit-tests' vmexit, on KVM in the same emulator.
EXITS = {
    "vmcall": ("VMMCALL", 3394),
    "cpuid": ("CPUID", 3257),
    "port-in": ("port, in, to a device model", 5692),
    "port-out": ("port, out, to a device model", 5509),
    "mmio-read": ("MMIO read, to a device model", 7685),
    "mmio-write": ("MMIO write, to a device model", None),
    "msr-read": ("MSR read (TSC_ADJUST)", 3230),
    "msr-write": ("MSR write (TSC_ADJUST)", 3784),
    "timer-now": ("TSC-deadline timer, due at once", 11992),
    "timer": ("TSC-deadline timer, due in 3000", 9115),
    "self-ipi": ("self-IPI with its EOI", 10397),
    "self-ipi-halt": ("self-IPI with STI, HLT", 13718),
}

# Marks in the guest: the kernel behind its decompressor (nokaslr), and busybox's first instruction.
KERNEL_ENTRY = 0x1000000
IDLE_SECONDS = 10

# KVM's figures of Debian's kernel on q35 (column kvm) and microvm (column reference), from the
# kernel's entry to /init: instructions beside the guest's own, and entries. Its guests had a larger
# initramfs, so that their own instructions do not compare.
BOOTS = {
    "serial console": ("", 749112787, 395265190, 76526, 47338),
    "quiet": ("quiet ", 158951516, 36175635, 21141, 3345),
}

# Where time counts instructions, and RDRAND is off, there is nothing random: the entropy service says
# so, and no figure depends on it.
BROKEN = "(?<!entropy: )error: |PANIC|panic:"

_LINE = re.compile(r"^bench (\S+) (\d+) (\d+)$", re.MULTILINE)


def _elf_entry(data):
    return int.from_bytes(data[24:32], "little")


def _root(command_line, kernel, initrd, content, **more):
    """A root image with one virtual machine in a file of its own."""
    lines = {"name": "bench", "kernel": kernel, "initrd": initrd, "cmdline": command_line,
             "memory": "256M"} | more
    text = "".join(f"{key} = {value}\n" for key, value in lines.items() if value)
    out = build.directory() / "bench-vm.root.elf"
    out.write_bytes(image.packed({"vm/bench.ini": text.encode()} | content))
    return out


def _run(machine, done, yes, timeout=300):
    with Session(machine, yes) as session:
        result = session.wait({"done": done, "broken": BROKEN}, timeout)
        if result == "done":
            # The plugin writes its last line when the emulator ends by itself.
            session.qmp("quit")
            session.process.wait(20)
            return session.text
        for line in session.last_lines():
            print(line)
        raise Problem(f"the benchmark did not get to its end ({result})")


def counted(machine, marks, inside, done, yes, timeout=300, settle=False):
    """Runs the machine; returns what the plugin noted: [(instructions, guest's own, entries)], one
    for each mark and one for the end. settle: it stands still until its disks have answered."""
    plugin = build.artifact("test/bench/libmarks.so")
    with tempfile.TemporaryDirectory(prefix="quoin-bench-") as folder:
        out = Path(folder) / "marks"
        arguments = [f"{plugin}", f"out={out}", *(f"mark={mark:x}" for mark in marks)]
        arguments += ["guest=on"] if inside else []
        arguments += ["settle=on"] if settle else []
        machine.qemu_args = [*machine.qemu_args, "-plugin", ",".join(arguments)]
        _run(machine, done, yes, timeout)
        lines = [line.split() for line in out.read_text().splitlines()]
    if [int(line[0], 16) for line in lines] != [*marks, 0]:
        raise Problem(f"the benchmark passed other marks: {' '.join(line[0] for line in lines)}")
    return [tuple(int(word) for word in line[1:]) for line in lines]


def _row(name, unit, quoin, bare=None, kvm=None, reference=None):
    return {"name": name, "unit": unit, "quoin": quoin, "bare": bare, "kvm": kvm, "xen": None,
            "reference": reference}


def _exits(yes):
    payload = build.artifact("test/payload/payload-exits").read_bytes()
    root = _root("", "test/payload", "", {"test/payload": payload}, hpet="on")
    machine = Machine(kernel=build.artifact("kernel/kernel32.elf"), root=root, icount=0,
                      memory="1G")
    text = _run(machine, "^bench done$", yes)
    measured = {name: int(value) for name, value, _ in _LINE.findall(text)}
    lost = set(EXITS) - set(measured)
    if lost:
        raise Problem(f"the benchmark gave no figure for {', '.join(sorted(lost))}")
    return [_row(title, "instructions", measured[name], kvm=kvm)
            for name, (title, kvm) in EXITS.items()]


def _boot(files, extra, after, yes):
    """Marks of the guest's boot on Quoin; after: what it does before it powers off."""
    command_line = f"console=ttyS0 nokaslr {extra}{after} after=poweroff"
    root = _root(command_line, "guest/vmlinuz", "test/initramfs", files)
    machine = Machine(kernel=build.artifact("kernel/kernel32.elf"), root=root, icount=0,
                      memory="1G")
    marks = [KERNEL_ENTRY, _elf_entry(guest.busybox().read_bytes())]
    return counted(machine, marks, True, "VM bench: powered off", yes)


def _bare_boot(files, extra, yes):
    kernel, initrd = (build.directory() / name for name in ("bench-vmlinuz", "bench-initramfs"))
    kernel.write_bytes(files["guest/vmlinuz"])
    initrd.write_bytes(files["test/initramfs"])
    machine = Machine(kernel=kernel, root=initrd, icount=0, memory="256M",
                      qemu_args=["-append", f"console=ttyS0 nokaslr {extra}"])
    marks = [KERNEL_ENTRY, _elf_entry(guest.busybox().read_bytes())]
    return counted(machine, marks, False, r"^guest tests: .*$", yes)


def vm(yes):
    rows = []
    with Step("exits"):
        rows += _exits(yes)
    files = guest.test_files()
    for name, (extra, more, more_microvm, entries, entries_microvm) in BOOTS.items():
        with Step(f"booting Debian's kernel, {name}"):
            start, init, _ = _boot(files, extra, "", yes)
            bare_start, bare_init, _ = _bare_boot(files, extra, yes)
        total, own = init[0] - start[0], init[1] - start[1]
        title = f"kernel entry to /init, {name}"
        rows.append(_row(f"{title}: all", "instructions", total, bare_init[0] - bare_start[0]))
        rows.append(_row(f"{title}: the guest's own", "instructions", own))
        rows.append(_row(f"{title}: beside them", "instructions", total - own, kvm=more,
                         reference=more_microvm))
        rows.append(_row(f"{title}: all / own", "ratio", round(total / own, 4)))
        rows.append(_row(f"{title}: entries", "entries", init[2] - start[2], kvm=entries,
                         reference=entries_microvm))
        if name == "quiet":
            rows.append(_row("power-on, without GRUB and the loader, to the guest's kernel", "instructions", start[0],
                             reference=2360000000))
    with Step("idling"):
        first, last = (_boot(files, "quiet ", f"tests=idle seconds={seconds}", yes)[2]
                       for seconds in (2, 2 + IDLE_SECONDS))
    rows.append(_row("idle, entries a second", "entries",
                     round((last[2] - first[2]) / IDLE_SECONDS, 1), kvm=28.4))
    return rows

# SPDX-License-Identifier: BSD-2-Clause
"""The disk's part of ./quoin bench io: instructions for what test/guest/blocks.c does, on the machine
itself and in a virtual machine."""

from composer import symbols

from . import build, disks, guest, image
from .benchvm import counted
from .machine import Machine
from .ui import Step

# What lies between two marks, and the next mark.
PARTS = [("mark_write", "64 MiB written one after the other"),
         ("mark_read", "64 MiB read one after the other"),
         ("mark_random", "20,000 times 4 KiB read somewhere")]
MARKS = [mark for mark, _ in PARTS] + ["mark_end"]
COMMAND_LINE = "console=ttyS0 quiet nokaslr tests=disk-bench"
SCRIPT = b"""#!/bin/sh
for module in virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_blk; do
    [ ! -f /lib/$module.ko ] || insmod /lib/$module.ko
done
exec /test/blocks /dev/vda
"""


def _marks(program):
    places = {name: address for name, kind, _, address, _ in symbols.symbols(program)
              if kind == symbols.FUNCTION}
    return [places[name] for name in MARKS]


def _disk():
    file = build.directory() / "bench-io.disk"
    file.write_bytes(disks.content("empty"))
    return ["-drive", f"if=none,id=bench,format=raw,file={file}",
            "-device", "virtio-blk-pci,drive=bench,serial=bench,disable-legacy=on"]


def _bare(files):
    places = {}
    for name in ("guest/vmlinuz", "test/initramfs"):
        places[name] = build.directory() / f"bench-disk-{name.rsplit('/', 1)[1]}"
        places[name].write_bytes(files[name])
    return Machine(kernel=places["guest/vmlinuz"], root=places["test/initramfs"], memory="256M",
                   icount=0, qemu_args=["-append", COMMAND_LINE, *_disk()])


def _quoin(files):
    text = ("name = bench\nkernel = guest/vmlinuz\ninitrd = test/initramfs\nmemory = 256M\n"
            f"disk = serial:bench\ncmdline = {COMMAND_LINE}\n")
    root = build.directory() / "bench-disk.root.elf"
    root.write_bytes(image.packed({"vm/bench.ini": text.encode()} | files))
    return Machine(kernel=build.artifact("kernel/kernel32.elf"), root=root, memory="1G", icount=0,
                   qemu_args=_disk())


def disk(yes):
    program = build.artifact("test/guest/guest-blocks").read_bytes()
    files = guest.test_files({"test/disk-bench": SCRIPT, "test/blocks": program})
    marks = _marks(program)
    with Step("the disk, without a hypervisor"):
        bare = counted(_bare(files), marks, False, "^guest tests: 1 passed", yes, 1200)
    with Step("the disk, in a virtual machine"):
        quoin = counted(_quoin(files), marks, True, "^guest tests: 1 passed", yes, 1200)
    rows = []
    for number, (_, title) in enumerate(PARTS):
        spent = [tuple(after - before for before, after in zip(run[number], run[number + 1]))
                 for run in (quoin, bare)]
        rows.append({"name": title, "unit": "instructions", "quoin": spent[0][0],
                     "bare": spent[1][0]})
        rows.append({"name": f"{title}: entries", "unit": "entries", "quoin": spent[0][2]})
    return [{"bare": None, "kvm": None, "xen": None, "reference": None, **row} for row in rows]

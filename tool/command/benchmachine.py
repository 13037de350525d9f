# SPDX-License-Identifier: BSD-2-Clause
"""The machines of ./quoin bench io: one test in Debian's kernel on the machine itself, in a virtual
machine of Quoin, in one of KVM with QEMU on Debian's kernel, and in one of Xen beside Debian's
kernel. All on the same emulated hardware, whose devices answer without the host's time in it: what
is counted is repeatable."""

import subprocess
from pathlib import Path

from composer import symbols

from . import benchxen, build, guest, image, ui
from .benchvm import counted
from .machine import Machine, parse_memory
from .ui import Problem, Step

DONE = "^guest tests: 1 passed"
TIMEOUT = 1800
# KVM in QEMU 7.2 does not always get to its end: its kernel or its guest's waits for itself (seen: in
# a timer's interrupt, for jiffies_lock and for the timekeeper's sequence count, on one processor),
# or the guest gets a double fault. A run takes less than a minute.
KVM_TIMEOUT = 180
KVM_TRIES = 5
# What is done many times, and how long a stream is. KVM in the emulator takes an hour for that; its
# figures for it are those of so many times less, so many times over; Xen's, too.
COUNT = 20000
MIB = 64
KVM_LESS = 40
KVM_MIB_LESS = 8
XEN_LESS = 8  # both
MEMORY = "256M"

# A request is carried out before the instruction that gives it is over (no ioeventfd, no host
# file), and the machine stands still until the emulator's main loop has answered it (marks.c):
# nothing depends on how busy the host is.
DISK = ["-blockdev", "null-co,node-name=bench,size=67108864,read-zeroes=on",
        "-device", "virtio-blk-pci,drive=bench,serial=bench,disable-legacy=on,ioeventfd=off"]
# The same behind VT-d, which a virtio device passes by unless it is told not to.
DISK_VTD = ["-machine", "kernel-irqchip=split", "-device", "intel-iommu,intremap=on,caching-mode=on",
            *DISK[:-1], f"{DISK[-1]},iommu_platform=on"]
# Of the emulator's user network 10.0.2.2 answers pings, 10.0.2.100 takes everything that is sent to
# port 9, and 10.0.2.101 sends zeroes from port 19. Frames go out by a timer of virtual time.
NETWORK = ["-chardev", "null,id=sink", "-chardev", "serial,id=source,path=/dev/zero", "-netdev",
           "user,id=net,guestfwd=tcp:10.0.2.100:9-chardev:sink,"
           "guestfwd=tcp:10.0.2.101:19-chardev:source",
           "-device", "virtio-net-pci,netdev=net,mac=52:54:00:51:00:01,ioeventfd=off,tx=timer"]

# Modules of the cloud kernel for KVM, a bridge and its tap, each behind those that it needs.
KVM_MODULES = ["virt/lib/irqbypass.ko", "arch/x86/kvm/kvm.ko", "arch/x86/kvm/kvm-amd.ko",
               "net/802/stp.ko", "net/llc/llc.ko", "net/bridge/bridge.ko", "drivers/net/tun.ko"]
# QEMU calls it with the name of its tap device.
KVM_TAP = """#!/bin/sh
brctl addif br0 $1
ip link set $1 up
"""
KVM_INIT = """#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
for module in virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci failover \\
    net_failover virtio_net virtio_blk irqbypass kvm kvm-amd llc stp bridge tun; do
    insmod /lib/$module.ko
done
mkdir -p /dev/net
[ -e /dev/net/tun ] || mknod /dev/net/tun c 10 200
if [ -e /sys/class/net/eth0 ]; then
    brctl addbr br0
    brctl addif br0 eth0
    for link in lo eth0 br0; do ip link set $link up; done
fi
"""


class Test:
    """script runs as the guest's only test; program (of test/guest) has the marks."""

    def __init__(self, name, script, program, marks, devices, options, inner_devices, xen_devices,
                 streams=False, settle=False):
        self.name = name
        self.program = program
        self.marks = marks
        self.devices = devices              # of the machine, for QEMU
        self.options = options              # lines of the virtual machine's configuration
        self.inner_devices = inner_devices  # of KVM's virtual machine, for the QEMU in it
        self.xen_devices = xen_devices      # of Xen's, in xl.cfg(5)
        self.streams = streams              # is there anything that does not depend on the count?
        self.settle = settle  # the machine stands still until its disk has answered
        data = build.artifact(f"test/guest/guest-{program}").read_bytes()
        self.overlay = {f"test/{name}": script.encode(), f"test/{program}": data}
        self.files = guest.test_files(self.overlay)

    def arguments(self, count, mib, console="ttyS0"):
        """The guest's command line; the scripts have both numbers in their environment."""
        return f"console={console} quiet nokaslr tests={self.name} count={count} mib={mib}"

    def places(self):
        """Addresses of the marks."""
        found = {name: address for name, kind, _, address, _ in
                 symbols.symbols(build.artifact(f"test/guest/guest-{self.program}").read_bytes())
                 if kind == symbols.FUNCTION}
        return [found[name] for name in self.marks]

    def file(self, kind, data):
        path = build.directory() / f"bench-{self.name}.{kind}"
        path.write_bytes(data)
        return path


def _bare(test):
    """The machine that runs the guest's kernel itself."""
    return Machine(kernel=test.file("vmlinuz", test.files["guest/vmlinuz"]),
                   root=test.file("initramfs", test.files["test/initramfs"]), memory=MEMORY,
                   icount=0, qemu_args=["-append", test.arguments(COUNT, MIB), *test.devices])


def _quoin(test, count=COUNT, mib=MIB):
    text = (f"name = bench\nkernel = guest/vmlinuz\ninitrd = test/initramfs\nmemory = {MEMORY}\n"
            f"{test.options}cmdline = {test.arguments(count, mib)}\n")
    root = test.file("root.elf", image.packed({"vm/bench.ini": text.encode()} | test.files))
    return Machine(kernel=build.artifact("kernel/kernel32.elf"), root=root, memory="1G", icount=0,
                   qemu_args=test.devices)


def _emulator():
    """QEMU as it is installed here, with its libraries and the firmware that it needs: name in an
    initramfs -> bytes."""
    program = Path("/usr/bin/qemu-system-x86_64")
    listed = subprocess.run(["ldd", program], stdout=subprocess.PIPE, text=True, check=True).stdout
    libraries = [Path(word) for word in listed.split() if word.startswith("/")]
    files = {str(path).lstrip("/"): path.read_bytes() for path in [program, *libraries]}
    firmware = ["seabios/bios-256k.bin", "qemu/linuxboot_dma.bin", "qemu/kvmvapic.bin",
                "qemu/efi-virtio.rom"]
    for name in firmware:
        path = Path("/usr/share") / name
        if path.exists():
            files[f"usr/share/qemu/{path.name}"] = path.read_bytes()
    return files


def _kvm(test):
    """Debian's kernel with KVM, and the same virtual machine in its QEMU: what is done many times."""
    return _kvm_with(test, test.arguments(COUNT // KVM_LESS, 0))


def _kvm_streams(test):
    """The same for what is as long as it is."""
    return _kvm_with(test, test.arguments(1, MIB // KVM_MIB_LESS))


def _kvm_with(test, arguments):
    command = ["qemu-system-x86_64", "-M", "q35", "-accel", "kvm", "-cpu", "host", "-m", MEMORY,
               "-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot",
               "-kernel", "/vmlinuz", "-initrd", "/initramfs",
               "-append", f"'{arguments}'", *test.inner_devices]
    overlay = _emulator() | guest.modules(guest.kernel(), guest.TEST_MODULES + KVM_MODULES) | {
        "tap": KVM_TAP.encode(),
        "init": (KVM_INIT + " ".join(command) + " </dev/console\npoweroff -f\n").encode(),
        "vmlinuz": test.files["guest/vmlinuz"], "initramfs": test.files["test/initramfs"]}
    root = test.file("kvm-initramfs", guest.initramfs(guest.busybox(), overlay))
    return Machine(kernel=guest.kernel(), root=root, memory="2G", icount=0,
                   qemu_args=["-append", "console=ttyS0 quiet nokaslr", *test.devices])


def _xen(test):
    """Xen, its first domain with the machine's devices, and the same virtual machine beside it."""
    arguments = test.arguments(COUNT // XEN_LESS, MIB // XEN_LESS, "hvc0")
    lines = [f"memory = {parse_memory(MEMORY)}", f"cmdline = '{arguments}'", test.xen_devices]
    hypervisor, kernel, initramfs = benchxen.files(test.overlay, lines)
    return Machine(kernel=test.file("xen", hypervisor), memory="1G", icount=0, qemu_args=[
        "-append", benchxen.COMMAND_LINE, "-initrd",
        f"{test.file('xen-vmlinuz', kernel)} console=hvc0 quiet,"
        f"{test.file('xen-initramfs', initramfs)}", *test.devices])


COLUMNS = {"bare": (_bare, False, "without a hypervisor"),
           "quoin": (_quoin, True, "in a virtual machine of Quoin"),
           "kvm": (_kvm, True, "in a virtual machine of KVM"),
           "kvm streams": (_kvm_streams, True, "in a virtual machine of KVM, streams"),
           "xen": (_xen, True, "in a virtual machine of Xen")}


def _spent(test, column, yes):
    """What lies between each two marks, or None: KVM did not get to its end in any of its tries, or
    Xen did not."""
    make, inside, where = COLUMNS[column]
    kvm = column.startswith("kvm")
    for _ in range(KVM_TRIES if kvm else 1):
        try:
            with Step(f"{test.name}, {where}"):
                seen = counted(make(test), test.places(), inside, DONE, yes,
                               KVM_TIMEOUT if kvm else TIMEOUT, test.settle)
        except Problem as problem:
            if not kvm and column != "xen":
                raise
            print(f"{test.name}, {where}: not counted: {problem}", file=ui.progress, flush=True)
        else:
            return [tuple(after - before for before, after in zip(*pair))
                    for pair in zip(seen, seen[1:])]
    return None


def beside(test, count, mib, yes):
    """Instructions between each two marks in a virtual machine of Quoin that are not its own."""
    seen = counted(_quoin(test, count, mib), test.places(), True, DONE, yes, TIMEOUT, test.settle)
    more = [all - own for all, own, _ in seen]
    return [after - before for before, after in zip(more, more[1:])]


def rows(test, titles, yes, without_others=False):
    """Rows of instructions and entries for what lies behind each mark but the last: its title, and
    whether it depends on the count (None: it is a stream, which is shorter for KVM and Xen)."""
    skipped = {"kvm", "kvm streams", "xen"} if without_others else set()
    spent = {column: None if column in skipped else _spent(test, column, yes) for column in COLUMNS
             if column != "kvm streams" or test.streams}
    out = []
    for number, (title, counts) in enumerate(titles):
        kvm, times = {True: ("kvm", KVM_LESS), False: ("kvm", 1),
                      None: ("kvm streams", KVM_MIB_LESS)}[counts]
        runs = {"quoin": ("quoin", 1), "kvm": (kvm, times),
                "xen": ("xen", 1 if counts is False else XEN_LESS)}
        for name, unit, which in ((title, "instructions", 0), (f"{title}: entries", "entries", 2)):
            columns = {column: spent[run] and spent[run][number][which] * factor
                       for column, (run, factor) in runs.items()}
            columns["bare"] = None if which == 2 else spent["bare"][number][which]
            out.append({"name": name, "unit": unit, "reference": None, **columns})
    return out

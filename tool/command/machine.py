# SPDX-License-Identifier: BSD-2-Clause
"""The emulated machines: what to run them with. QEMU for AMD-V, Bochs for VT-x."""

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from .ui import Problem

OVMF_CODE = Path("/usr/share/OVMF/OVMF_CODE_4M.fd")
OVMF_VARS = Path("/usr/share/OVMF/OVMF_VARS_4M.fd")
BOCHS_CPU = "corei7_skylake_x"


def exact(shift):
    """Arguments for exactly repeatable runs: one thread, and virtual time that counts instructions,
    2^shift nanoseconds each."""
    return ["-accel", "tcg,thread=single", "-icount", f"shift={shift},sleep=off",
            "-rtc", "clock=vm,base=2024-01-01", "-seed", "1"]


@dataclass
class Machine:
    """One machine. Either iso, or kernel (and root) for a boot without firmware menu."""

    iso: Path = None
    kernel: Path = None
    root: Path = None
    firmware: str = "bios"
    cpu: str = "amd"
    smp: int = 1
    memory: str = "2G"
    disks: list = field(default_factory=list)
    usbs: list = field(default_factory=list)
    cdroms: list = field(default_factory=list)
    net: str = None  # network card on the emulator's user network: virtio or e1000e
    tpm: str = None  # interface of an emulated TPM 2.0: tis or crb
    tpm_state: Path = None  # folder of its state; None: a new one
    entry: str = None
    qemu_args: list = field(default_factory=list)
    window: bool = False
    icount: int = None  # exactly repeatable, with this shift; one thread for all processors
    spread: bool = False  # its processors run at once; virtual machines' must not
    stopped: bool = False  # wait for gdb on port 1234

    @property
    def bochs(self):
        return self.cpu == "intel" and nested_kvm() != "intel"


def nested_kvm():
    """Vendor of the host's nested virtualization that we may use: intel, amd or None."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return None
    for module, vendor in (("kvm_intel", "intel"), ("kvm_amd", "amd")):
        parameter = Path(f"/sys/module/{module}/parameters/nested")
        if parameter.exists() and parameter.read_text().strip() in ("1", "Y"):
            return vendor
    return None


def parse_memory(text):
    """Size in MiB of 512M, 4G, or a number of MiB."""
    units = {"M": 1, "G": 1024}
    number, unit = (text[:-1], text[-1].upper()) if text[-1:].isalpha() else (text, "M")
    if not number.isdigit() or unit not in units or int(number) == 0:
        raise Problem(f"--memory {text}: give a number and M or G, such as 4G")
    return int(number) * units[unit]


def _acceleration(machine):
    if machine.icount is not None:
        return exact(machine.icount) + ["-cpu", "EPYC,-rdrand"]
    if nested_kvm() == machine.cpu:
        return ["-accel", "kvm", "-cpu", "host"]
    return ["-accel", "tcg,thread=multi", "-cpu", "EPYC"]


def _on_one_processor(machine):
    """What keeps all of TCG's threads on one processor of the host.

    QEMU's threads change two words of a processor's state with instructions that are not atomic.
    Each XRSTOR on any processor writes the first one's hflags2 (target/i386/tcg/sysemu/
    fpu_helper.c, cpu_clear_ignne), where VMRUN and #VMEXIT keep GIF, V_INTR_MASKING and nested
    paging; VMRUN writes interrupt_request without the lock that others hold for that
    (svm_helper.c). Seen of it: a #VMEXIT that left nested paging on, so that another followed with
    the hypervisor's own state as the guest's, and interrupts that never came. On one processor no
    thread is in the midst of such an instruction while another runs.
    """
    if machine.spread or (machine.icount is None and nested_kvm() == machine.cpu):
        return []
    processors = sorted(os.sched_getaffinity(0))
    return ["taskset", "--cpu-list", str(processors[os.getpid() % len(processors)])]


# What a disk hangs on, beside the ports of the chipset's own SATA controller.
DISK_KINDS = {"virtio": "virtio-blk-pci", "nvme": "nvme", "sata": "ide-hd"}


def parse_disk(text):
    """Kind and file of FILE, virtio:FILE, sata:FILE or nvme:FILE."""
    kind, colon, file = str(text).partition(":")
    return (kind, file) if colon and kind in DISK_KINDS else ("virtio", str(text))


def _disks(machine, port):
    """The machine's disks, with serial numbers quoin-1, quoin-2 and so on; SATA ones from this port
    on."""
    arguments = []
    for number, (kind, file) in enumerate(map(parse_disk, machine.disks), 1):
        image_format = "qcow2" if file.endswith(".qcow2") else "raw"
        place = f",bus=ide.{port}" if kind == "sata" else ""
        port += kind == "sata"
        arguments += ["-drive", f"if=none,id=disk{number},format={image_format},file={file}",
                      "-device",
                      f"{DISK_KINDS[kind]},drive=disk{number},serial=quoin-{number}{place}"]
    return arguments


def _drives(machine):
    arguments = []
    if machine.iso is not None:
        arguments += ["-drive", f"if=none,id=boot,media=cdrom,readonly=on,file={machine.iso}",
                      "-device", "ide-cd,drive=boot,bus=ide.0,bootindex=0"]
    for port, file in enumerate(machine.cdroms, 1):
        arguments += ["-drive", f"if=none,id=cd{port},media=cdrom,readonly=on,format=raw,file={file}",
                      "-device", f"ide-cd,drive=cd{port},bus=ide.{port}"]
    arguments += _disks(machine, 1 + len(machine.cdroms))
    if machine.usbs:
        arguments += ["-device", "qemu-xhci,id=xhci"]
    for index, file in enumerate(machine.usbs):
        arguments += ["-drive", f"if=none,id=usb{index},format=raw,file={file}",
                      "-device", f"usb-storage,bus=xhci.0,drive=usb{index}"]
    return arguments


NETWORK_CARDS = {"virtio": "virtio-net-pci", "e1000e": "e1000e"}


def _network(machine):
    """A card on QEMU's user network: 10.0.2.0/24, the host as 10.0.2.2."""
    if machine.net is None:
        return []
    return ["-netdev", "user,id=net", "-device",
            f"{NETWORK_CARDS[machine.net]},netdev=net,mac=52:54:00:51:00:01"]


def qemu(machine, work, serial):
    """QEMU's command line; work is a folder for its sockets, serial what -serial gets."""
    command = [*_on_one_processor(machine), "qemu-system-x86_64", "-M", "q35",
               *_acceleration(machine),
               "-m", f"{parse_memory(machine.memory)}M", "-smp", str(machine.smp),
               "-no-reboot", "-nodefaults", "-serial", serial,
               "-qmp", f"unix:{work / 'qmp'},server=on,wait=off"]
    command += ["-vga", "std"] + ([] if machine.window else ["-display", "none"])
    if machine.kernel is not None:
        command += ["-kernel", str(machine.kernel)]
        if machine.root is not None:
            command += ["-initrd", str(machine.root)]
    if machine.firmware == "uefi":
        variables = work / "vars.fd"
        shutil.copyfile(OVMF_VARS, variables)
        command += ["-drive", f"if=pflash,format=raw,readonly=on,file={OVMF_CODE}",
                    "-drive", f"if=pflash,format=raw,file={variables}"]
    if machine.iso is not None:
        # boot/grub/grub.cfg looks for it; a comma would end QEMU's value, doubled it does not.
        entry = (machine.entry or "").replace(",", ",,")
        command += ["-smbios", f"type=11,value=quoin.entry={entry}"]
    if machine.tpm:
        command += ["-chardev", f"socket,id=tpm,path={work / 'tpm'}",
                    "-tpmdev", "emulator,id=tpm0,chardev=tpm",
                    "-device", f"tpm-{machine.tpm},tpmdev=tpm0"]
    if machine.stopped:
        command += ["-S", "-gdb", "tcp:127.0.0.1:1234"]
    return command + _drives(machine) + _network(machine) + list(machine.qemu_args)


def swtpm(machine, work):
    """The command that emulates the TPM beside QEMU."""
    state = machine.tpm_state or work / "tpm-state"
    state.mkdir(exist_ok=True)
    return ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={state}",
            "--ctrl", f"type=unixio,path={work / 'tpm'}", "--flags", "startup-clear"]


def bochs(machine, work, serial):
    """Writes Bochs's configuration and returns its command line; serial is a file."""
    refused = [name for name, used in (("--firmware uefi", machine.firmware != "bios"),
                                       ("--usb", machine.usbs), ("--net", machine.net),
                                       ("--tpm", machine.tpm),
                                       ("--entry", machine.entry is not None),
                                       ("--qemu-arg", machine.qemu_args)) if used]
    if refused:
        raise Problem(f"{refused[0]} does not work with --cpu intel, which runs in Bochs here")
    if machine.iso is None:
        raise Problem("Bochs boots an ISO only")
    lines = [
        f"cpu: model={BOCHS_CPU}, count={machine.smp}, ips=100000000, reset_on_triple_fault=0",
        f"megs: {parse_memory(machine.memory)}",
        "romimage: file=/usr/share/bochs/BIOS-bochs-latest",
        "vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest",
        'display_library: rfb, options="timeout=0,hideIPS"',
        "pci: enabled=1, chipset=i440fx",
        "clock: sync=none, time0=1704067200",
        "ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14",
        "ata1: enabled=1, ioaddr1=0x170, ioaddr2=0x370, irq=15",
        f"ata0-master: type=cdrom, path={machine.iso}, status=inserted",
        "boot: cdrom",
        f"com1: enabled=1, mode=file, dev={serial}",
        f"log: {work / 'bochs.log'}",
        "panic: action=fatal",
        "error: action=report",
        "info: action=ignore",
        "debug: action=ignore",
        "sound: driver=dummy",
    ]
    places = ["ata0-slave", "ata1-master", "ata1-slave"]
    others = [("disk", "mode=flat", file) for _, file in map(parse_disk, machine.disks)]
    others += [("cdrom", "status=inserted", file) for file in machine.cdroms]
    if len(others) > len(places):
        raise Problem(f"Bochs takes at most {len(places)} disks beside the boot medium")
    for place, (kind, options, file) in zip(places, others):
        lines.append(f"{place}: type={kind}, path={file}, {options}")
    (work / "bochsrc").write_text("\n".join(lines) + "\n")
    (work / "start").write_text("c\n")  # a build with debugger waits for commands
    return ["bochs", "-q", "-f", str(work / "bochsrc"), "-rc", str(work / "start")]

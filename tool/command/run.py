# SPDX-License-Identifier: BSD-2-Clause
"""./quoin run and ./quoin debug."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from . import build, image, packages, trust
from . import machine as machines
from .machine import Machine
from .session import Session
from .ui import ROOT, Problem, say


def machine_of(options):
    """The machine that the command line describes."""
    disks = [machines.parse_disk(disk)[1] for disk in options.disk]
    for file in [*disks, *options.usb, *options.cdrom]:
        if not Path(file).exists():
            raise Problem(f"{file}: no such file")
    if not 1 <= options.smp <= 16:
        raise Problem(f"--smp {options.smp}: Quoin runs on 1 to 16 processors")
    machine = Machine(firmware=options.firmware, cpu=options.cpu, smp=options.smp,
                      memory=options.memory, disks=options.disk, usbs=options.usb,
                      cdroms=options.cdrom, tpm=options.tpm, entry=options.entry,
                      qemu_args=options.qemu_arg)
    net = options.net or ("none" if machine.bochs else "virtio")
    machine.net = None if net == "none" else net
    return machine


def _echo(piece):
    sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()


def headless(machine, options):
    """Boots without a window; 0 as soon as the expected text stands on the console."""
    with Session(machine, options.yes, echo=_echo if options.verbose else None) as session:
        patterns = {"found": options.expect} if options.expect else {}
        result = session.wait(patterns, options.timeout)
        if options.screenshot and result != "exit":
            session.screenshot(options.screenshot)
        if result == "found" or (result == "timeout" and not options.expect):
            if not options.verbose:
                matching = session.text if not options.expect else ""
                say(matching or f"found after {_elapsed(session)}: {options.expect}")
            return 0
        for line in session.last_lines():
            print(line)
        reason = ("the machine ended" if result == "exit"
                  else f"nothing like it within {options.timeout:g} s")
        print(f"not found: {options.expect} ({reason})" if options.expect else reason,
              file=sys.stderr)
        return 1


def _elapsed(session):
    return f"{time.monotonic() - session.started:.1f} s"


def run(options):
    if options.iso:
        iso = Path(options.iso).resolve()
        if not iso.exists():
            raise Problem(f"{iso}: no such file")
    else:
        build.build(yes=options.yes)
        iso = image.current(options.yes, trust.chosen(options))
    machine = machine_of(options)
    machine.iso = iso
    if options.headless or options.expect or options.screenshot:
        return headless(machine, options)
    return interactive(machine, options)


def interactive(machine, options):
    """A window where there is a display, the serial console on this terminal in any case."""
    if machine.bochs:
        say("serial console of Bochs; its screen is on VNC display :0. End with Ctrl-C.")
        try:
            with Session(machine, options.yes, echo=_echo) as session:
                session.wait({}, float("inf"))
        except KeyboardInterrupt:
            pass
        return 0
    packages.ensure(["qemu"] + (["tpm"] if machine.tpm else []), options.yes)
    machine.window = bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    if not machine.window:
        say("serial console; end with Ctrl-A X")
    with tempfile.TemporaryDirectory(prefix="quoin-run-") as work:
        tpm = subprocess.Popen(machines.swtpm(machine, Path(work))) if machine.tpm else None
        try:
            return subprocess.run(machines.qemu(machine, Path(work), "mon:stdio"),
                                  check=False).returncode
        finally:
            if tpm is not None:
                tpm.terminate()
                tpm.wait()


def debug(options):
    """QEMU stopped at the first instruction, and gdb connected to it with all symbols."""
    build.build(yes=options.yes)
    packages.ensure(["qemu", "debug"], options.yes)
    machine = machine_of(options)
    machine.kernel = build.artifact("kernel/kernel32-debug.elf")
    machine.root = build.artifact(options.root)
    machine.stopped = True
    symbols = build.artifact("kernel/kernel-debug.elf")
    commands = ["set confirm off", f"file {symbols}", f"add-symbol-file {machine.root}",
                f"directory {ROOT}", "target remote 127.0.0.1:1234"]
    gdb = ["gdb", "-q"]
    for command in commands:
        gdb += ["-ex", command]
    with Session(machine, options.yes) as session:
        log = build.directory() / "debug-console.txt"
        say(f"the machine's console goes to {log}")
        with open(log, "wb") as console:
            session.echo = lambda piece: (console.write(piece), console.flush())
            return subprocess.run(gdb + options.gdb_arg, check=False).returncode

# SPDX-License-Identifier: BSD-2-Clause
"""./quoin bench io: a machine's network, in a virtual machine and without one.

Virtual time counts instructions, a nanosecond each. The emulator's user network answers a ping before
the machine becomes idle, so a round trip takes as many nanoseconds as instructions; in some of them a
timer goes off, which is why the median counts."""

import re
from pathlib import Path

from . import benchdisk, build, guest, image
from .machine import Machine
from .session import Session
from .ui import Problem, Step

ROUND_TRIPS = 20000
COMMAND_LINE = "console=ttyS0 quiet tests=network-bench"

_MEDIAN = re.compile(r"echo: round trips of \d+ to \d+ ns, half below (\d+)")


def _files():
    script = f"#!/bin/sh\nset -e\n. /test/load-network\nip addr add 10.0.2.20/24 dev eth0\n" \
             f"ping -c 2 10.0.2.2\n/test/echo 10.0.2.2 {ROUND_TRIPS} 56 1\n"
    return guest.test_files({"test/network-bench": script.encode()})


def _bare(files):
    """The machine that runs the guest's kernel itself."""
    places = {}
    for name in ("guest/vmlinuz", "test/initramfs"):
        places[name] = build.directory() / f"bench-io-{Path(name).name}"
        places[name].write_bytes(files[name])
    return Machine(kernel=places["guest/vmlinuz"], root=places["test/initramfs"], memory="256M",
                   net="virtio", icount=0, qemu_args=["-append", COMMAND_LINE])


def _quoin(files):
    """The same in a virtual machine."""
    text = ("name = bench\nkernel = guest/vmlinuz\ninitrd = test/initramfs\nmemory = 256M\n"
            f"net = outside\ncmdline = {COMMAND_LINE}\n")
    root = build.directory() / "bench-io.root.elf"
    root.write_bytes(image.packed({"vm/bench.ini": text.encode()} | files))
    return Machine(kernel=build.artifact("kernel/kernel32.elf"), root=root, memory="1G",
                   net="virtio", icount=0)


def _round_trip(machine, what, yes):
    """Instructions of half of the round trips at most."""
    with Step(f"{ROUND_TRIPS} round trips, {what}"), Session(machine, yes) as session:
        result = session.wait({"done": r"^guest tests: 1 passed", "failed": r"^guest tests: 0 passed",
                               "broken": "PANIC|panic:"}, 1200)
        found = _MEDIAN.search(session.text)
        if result != "done" or found is None:
            for line in session.last_lines():
                print(line)
            raise Problem(f"{what}: no round trips ({result})")
    return int(found.group(1))


def io(yes):
    files = _files()
    bare = _round_trip(_bare(files), "without a hypervisor", yes)
    quoin = _round_trip(_quoin(files), "in a virtual machine", yes)
    return benchdisk.disk(yes) + [{"name": "network round trip", "unit": "instructions", "quoin": quoin, "bare": bare,
             "kvm": None, "xen": None, "reference": None}]

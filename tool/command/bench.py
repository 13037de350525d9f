# SPDX-License-Identifier: BSD-2-Clause
"""./quoin bench: instruction counts in the emulator, beside published or earlier figures."""

import json
import platform
import re

from . import benchio, benchtrust, benchvm, build, packages
from .machine import Machine, exact
from .session import Session
from .ui import Problem, Step, progress_to_stderr, run, say

# Rows of bench ipc: what test/bench/ipc.c prints, what it is, and upstream seL4 16.0.0's figure for
# the same (MCS, release, counted in the same emulator in the same way).
IPC_ROWS = {
    "call-same-space": ("Call, same address space", 231),
    "reply-same-space": ("ReplyRecv, same address space", 300),
    "call-other-space": ("Call, other address space", 227),
    "reply-other-space": ("ReplyRecv, other address space", 296),
    "call-10-words": ("Call, other address space, 10 words", 1040),
    "reply-10-words": ("ReplyRecv, other address space, 10 words", 1246),
    "send-higher": ("Send to a higher priority", 899),
    "signal-higher": ("Signal to a waiting higher priority", None),
    "fault-to-handler": ("fault to its handler", 728),
    "handler-to-faulter": ("handler back to the faulter", 1329),
    "irq-to-user": ("interrupt to a waiting driver", None),
}

_LINE = re.compile(r"^bench (\S+) (\d+) (\d+)$", re.MULTILINE)


# Rows of bench vmexit: a VMM's way into its guest and back (test/bench/vmexit.c). Upstream's figure
# is for VMCALL on VT-x, in Bochs.
VMEXIT_ROWS = {
    "exit-plain": ("VMEnter to exit", 804),
    "exit-extended": ("extended VMEnter to exit, nothing changed", None),
    "exit-extended-registers": ("extended VMEnter to exit, general registers changed", None),
    "exit-extended-all": ("extended VMEnter to exit, RFLAGS and RSP too", None),
}


def _count(root, rows, yes):
    machine = Machine(kernel=build.artifact("kernel/kernel32.elf"), root=build.artifact(root),
                      icount=0, memory="512M")
    with Step("counting instructions"), Session(machine, yes) as session:
        result = session.wait({"done": "^bench done$", "broken": "error: |PANIC"}, 120)
        text = session.text
        if result != "done":
            for line in session.last_lines():
                print(line)
            raise Problem(f"the benchmark did not get to its end ({result})")
    measured = {name: (int(value), int(spread)) for name, value, spread in _LINE.findall(text)}
    lost = set(rows) - set(measured)
    if lost:
        raise Problem(f"the benchmark gave no figure for {', '.join(sorted(lost))}")
    return [{"name": title, "unit": "instructions", "quoin": measured[name][0],
             "spread": measured[name][1], "bare": None, "kvm": None, "xen": None,
             "reference": reference}
            for name, (title, reference) in rows.items()]


def ipc(yes):
    return _count("test/bench/bench-ipc.elf", IPC_ROWS, yes)


def vmexit(yes):
    return _count("test/bench/bench-vmexit.elf", VMEXIT_ROWS, yes)


BENCHES = {"io": benchio.io, "io-vtd": benchio.io_vtd, "ipc": ipc, "trust": benchtrust.trust,
           "vm": benchvm.vm, "vmexit": vmexit}


def _machine():
    version = run(["qemu-system-x86_64", "--version"], "asking for QEMU's version").splitlines()[0]
    return {"emulator": version, "arguments": " ".join(exact(0)), "host": platform.machine()}


def _table(name, rows):
    columns = [column for column in ("quoin", "quoin_portable", "bare", "kvm", "xen", "openssl",
                                     "openssl_portable", "noble", "reference")
               if any(row.get(column) is not None for row in rows)]
    width = max(len(row["name"]) for row in rows)
    say(f"{name:<{width}}" + "".join(f"{column:>18}" for column in columns))
    for row in rows:
        cells = ["-" if row.get(column) is None else str(row[column]) for column in columns]
        say(f"{row['name']:<{width}}" + "".join(f"{cell:>18}" for cell in cells)
            + f"  {row['unit']}")


def bench(options):
    names = [options.name] if options.name else sorted(BENCHES)
    if options.name and options.name not in BENCHES:
        raise Problem(f"there is no bench {options.name}: {', '.join(sorted(BENCHES))}")
    if options.json:
        progress_to_stderr()
    build.build(yes=options.yes)
    packages.ensure(["qemu"], options.yes)
    results = []
    for name in names:
        rows = BENCHES[name](options.yes)
        results.append({"bench": name, "machine": _machine(), "rows": rows})
        if not options.json:
            _table(name, rows)
    if options.json:
        say(json.dumps(results[0] if options.name else results, indent=2))
    return 0

# SPDX-License-Identifier: BSD-2-Clause
"""./quoin bench trust: instructions of the loader, and of its verifications beside OpenSSL's; the
time of these beside the noble library's too."""

import json
import re
import statistics
import tempfile
import time
from pathlib import Path

from . import build, elf, image
from .machine import Machine
from .session import Session
from .ui import ROOT, Problem, Step, run

_TICKS = re.compile(r"^loader: ticks: (\d+) before, (\d+) here: signatures (\d+), files (\d+)",
                    re.MULTILINE)
_FILE = re.compile(r"^loader: \S+: good, (\d+) bytes", re.MULTILINE)

# What the console shows when the loader begins, when it ends, and when the root task has begun.
_BEGINS = {"loader": "^loader: Quoin's loader", "kernel": "^loader: starting the kernel",
           "root task": "^quoin init: root task is up"}
TIMED_BOOTS = 5

# Rows of bench trust that are counted on the host, beside others' (test/unit/pq/bench.py).
TRUST_ROWS = {
    "mldsa87-verify": "ML-DSA-87, one verification",
    "slhdsa-sha2-256s-verify": "SLH-DSA-SHA2-256s, one verification",
    "sha512-1m": "SHA-512 of 1 MiB",
    "sha256-1m": "SHA-256 of 1 MiB",
    "aes-256-gcm-1k": "AES-256-GCM, sealing 1 KiB",
    "aes-256-gcm-1m": "AES-256-GCM, sealing 1 MiB",
    "chacha20-poly1305-1k": "ChaCha20-Poly1305, sealing 1 KiB",
    "chacha20-poly1305-1m": "ChaCha20-Poly1305, sealing 1 MiB",
}


def _row(name, unit, value, **more):
    return {"name": name, "unit": unit, "quoin": value, "bare": None, "kvm": None, "xen": None,
            "reference": None, **more}


def _loader_ticks(yes):
    """What the loader says of itself, with one instruction to a tick; and all instructions from
    power-on to init's first one."""
    entry = elf.entry(build.artifact("init/init.elf").read_bytes())
    with tempfile.TemporaryDirectory(prefix="quoin-bench-") as folder:
        out = Path(folder) / "marks"
        plugin = f"{build.artifact('test/bench/libmarks.so')},out={out},mark={entry:x}"
        machine = Machine(iso=image.current(yes), icount=0, memory="512M",
                          qemu_args=["-plugin", plugin])
        with Step("counting the loader's instructions"), Session(machine, yes) as session:
            if session.wait({"up": _BEGINS["root task"]}, 300) != "up":
                raise Problem("the system did not get to its root task")
            text = session.text
            session.qmp("quit")
            session.process.wait(20)
        total = int(out.read_text().split()[1])
    before, here, signatures, files = map(int, _TICKS.search(text).groups())
    return before, here, signatures, files, sum(map(int, _FILE.findall(text))), total


def _loader_share(yes, firmware):
    """The loader's part of the time from power-on to the root task's first line, in percent: the
    median of several boots. Up to the kernel the processor's time stamps tell it, for the rest the
    host's clock, by which the loader's own part is known too."""
    shares = []
    for _ in range(TIMED_BOOTS):
        machine = Machine(iso=image.current(yes), memory="512M", firmware=firmware)
        with Step(f"timing a boot ({firmware})"), Session(machine, yes) as session:
            seen = {}
            for name, pattern in _BEGINS.items():
                if session.wait({name: pattern}, 120) != name:
                    raise Problem("the system did not get to its root task")
                seen[name] = time.monotonic()
            before, here = map(int, _TICKS.search(session.text).groups()[:2])
        rest = here * (seen["root task"] - seen["kernel"]) / (seen["kernel"] - seen["loader"])
        shares.append(100 * here / (before + here + rest))
    return statistics.median(shares)


def trust(yes):
    before, here, signatures, files, size, total = _loader_ticks(yes)
    rows = [_row("loader: two signatures of each kind", "instructions", signatures),
            _row("loader: all files", "instructions", files),
            _row("loader: files, per MiB", "instructions", files * (1 << 20) // size),
            _row("loader: all of it", "instructions", here),
            _row("power-on to the loader", "instructions", before),
            _row("power-on to the root task", "instructions", total),
            _row("loader: share of the instructions to the root task", "percent",
                 round(100 * here / total, 1)),
            *(_row(f"loader: share of the time to the root task, {firmware}", "percent",
                   round(_loader_share(yes, firmware), 1)) for firmware in ("bios", "uefi"))]
    for name, title in TRUST_ROWS.items():
        with Step(f"counting {name}"):
            output = run(["/usr/bin/python3", "-B", ROOT / "test/unit/pq/bench.py",
                          build.artifact("test/unit/pq/pq-bench"), "--json", "--only", name],
                         f"counting {name}")
        counted = json.loads(output[output.index("{"):])
        for row in counted["rows"]:
            unit = "instructions" if row["unit"] == "instructions" else "ns"
            rows.append(_row(title, unit, row.get("quoin") and int(row["quoin"]),
                             quoin_portable=row.get("quoin portable"),
                             openssl=row.get("openssl"),
                             openssl_portable=row.get("openssl portable"),
                             noble=row.get("noble")))
    return rows

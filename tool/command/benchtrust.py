# SPDX-License-Identifier: BSD-2-Clause
"""./quoin bench trust: instructions of the loader, and of its verifications beside OpenSSL's."""

import json
import re

from . import build, image
from .machine import Machine
from .session import Session
from .ui import ROOT, Problem, Step, run

_TICKS = re.compile(r"^loader: ticks: (\d+) before, (\d+) here: signatures (\d+), files (\d+)",
                    re.MULTILINE)
_FILE = re.compile(r"^loader: \S+: good, (\d+) bytes", re.MULTILINE)

# Rows of bench trust that are counted on the host, beside OpenSSL 3.5 (test/unit/pq/bench.py).
TRUST_ROWS = {
    "mldsa87-verify": "ML-DSA-87, one verification",
    "slhdsa-sha2-256s-verify": "SLH-DSA-SHA2-256s, one verification",
    "sha512-1m": "SHA-512 of 1 MiB",
}


def _row(name, unit, value, **more):
    return {"name": name, "unit": unit, "quoin": value, "bare": None, "kvm": None, "xen": None,
            "reference": None, **more}


def _loader_ticks(yes):
    """What the loader says of itself: with one instruction to a tick."""
    machine = Machine(iso=image.current(yes), icount=0, memory="512M")
    with Step("counting the loader's instructions"), Session(machine, yes) as session:
        if session.wait({"ticks": _TICKS.pattern + r".*\n"}, 300) != "ticks":
            raise Problem("the loader did not get to its end")
        text = session.text
    before, here, signatures, files = map(int, _TICKS.search(text).groups())
    return before, here, signatures, files, sum(map(int, _FILE.findall(text)))


def trust(yes):
    before, here, signatures, files, size = _loader_ticks(yes)
    rows = [_row("loader: two signatures of each kind", "instructions", signatures),
            _row("loader: all files", "instructions", files),
            _row("loader: files, per MiB", "instructions", files * (1 << 20) // size),
            _row("loader: all of it", "instructions", here),
            _row("loader: share of the time since power-on", "percent",
                 round(100 * here / (before + here), 1))]
    for name, title in TRUST_ROWS.items():
        with Step(f"counting {name}"):
            output = run(["/usr/bin/python3", "-B", ROOT / "test/unit/pq/bench.py",
                          build.artifact("test/unit/pq/pq-bench"), "--json", "--only", name],
                         f"counting {name}")
        counted = json.loads(output[output.index("{"):])
        for row in counted["rows"]:
            if row["unit"] == "instructions":
                rows.append(_row(title, "instructions", int(row["quoin"]),
                                 openssl=row.get("openssl"),
                                 openssl_portable=row.get("openssl portable")))
    return rows

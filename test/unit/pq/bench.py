#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Time and instructions of lib/pq beside OpenSSL 3.5's libcrypto and, in time alone, the
@noble/post-quantum library under node, on this machine in one run.

    bench.py PROGRAM [--json] [--only NAME]

PROGRAM is built from bench.c. Times are the processor's, the least of several runs, the sides by
turns; instructions are callgrind's count of one call. "quoin portable" is lib/pq without the
processor's help, in the rows in which that can matter; valgrind does not know all of it (it has no
SHA extensions), and what it does not run is not counted. "openssl portable" is libcrypto with every
processor feature beyond the x86-64 baseline switched off (it then still uses its scalar assembly).
"""

import argparse
import json
import os
import pathlib
import platform
import re
import subprocess
import sys

import parts

# Name in bench.c, unit of its time, calls per timed run.
ROWS = [
    ("sha256-1m", "ns per MiB", 4),
    ("sha512-1m", "ns per MiB", 4),
    ("sha3-256-1m", "ns per MiB", 4),
    ("mldsa87-verify", "ns", 20),
    ("mldsa87-sign", "ns", 20),
    ("mldsa87-keygen", "ns", 20),
    ("slhdsa-sha2-256s-verify", "ns", 10),
    ("mlkem1024-decapsulate", "ns", 50),
    ("chacha20-poly1305-1k", "ns per KiB", 1000),
    ("aes-256-gcm-1k", "ns per KiB", 1000),
    ("chacha20-poly1305-1m", "ns per MiB", 2),
    ("aes-256-gcm-1m", "ns per MiB", 2),
]
# What of the processor can help where.
HELP = {"sha256-1m": "sha", "slhdsa-sha2-256s-verify": "sha", "aes-256-gcm-1k": "aes",
        "aes-256-gcm-1m": "aes"}
NOT_NOBLE = tuple(name for name, _, _ in ROWS if name.startswith(("chacha", "aes")))
REPEATS = 7
PORTABLE = "quoin portable"
NOBLE = "noble"  # in time alone: node compiles it while it runs
HERE = pathlib.Path(__file__).resolve().parent


def run(command, name, count, **environment):
    done = subprocess.run([*command, name, str(count)], check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, env={**os.environ, **environment})
    return done.stdout, done.stderr


def instructions(command, name, **environment):
    # Signing takes a varying number of attempts: the mean of several.
    count = 20 if name == "mldsa87-sign" else 1
    _, report = run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
                     "--instr-atstart=no", "--collect-atstart=no", *command], name, count, **environment)
    return int(re.search(r"Collected : (\d+)", report).group(1)) // count


def found(*command):
    """The help that lib/pq finds, run by this command."""
    return subprocess.run([*command, "found"], check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True).stdout.split()


def sides(program):
    """Name, command, environment of each implementation."""
    yield "quoin", [program, "pq"], {}
    yield PORTABLE, [program, "portable"], {}
    try:
        yield NOBLE, ["node", str(HERE / "bench.mjs"), str(parts.noble())], {}
    except parts.Unavailable as reason:
        print(f"noble is left out: {reason}", file=sys.stderr)
    try:
        loader, option, libraries, _ = parts.openssl()
    except parts.Unavailable as reason:
        print(f"OpenSSL is left out: {reason}", file=sys.stderr)
        return
    command = [loader, option, libraries, program, "openssl"]
    yield "openssl", command, {}
    yield "openssl portable", command, {"OPENSSL_ia32cap": "0:0:0:0:0"}


def measure(program, only):
    every = list(sides(program))
    here = found(program)
    counted = found("valgrind", "--quiet", program)
    for name, unit, count in ROWS:
        if only and only != name:
            continue
        help = HELP.get(name)
        chosen = [side for side in every if not (side[0] == PORTABLE and help not in here)
                  and not (side[0] == NOBLE and name in NOT_NOBLE)]
        times = {side: [] for side, _, _ in chosen}
        for _ in range(REPEATS):
            for side, command, environment in chosen:
                times[side].append(float(run(command, name, count, **environment)[0]))
        yield {"name": name, "unit": unit, **{side: min(values) for side, values in times.items()}}
        yield {"name": name, "unit": "instructions",
               **{side: instructions(command, name, **environment)
                  for side, command, environment in chosen if side != NOBLE
                  and not (side == "quoin" and help in here and help not in counted)}}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only")
    arguments = parser.parse_args()
    rows = []
    for row in measure(arguments.program, arguments.only):
        rows.append(row)
        if not arguments.json:
            values = "  ".join(f"{side} {row[side]:,.0f}" for side in row
                               if side not in ("name", "unit"))
            print(f"{row['name']:26} {row['unit']:14} {values}", flush=True)
    if arguments.json:
        machine = {"processor": platform.processor() or platform.machine()}
        print(json.dumps({"bench": "pq", "machine": machine, "rows": rows}))


if __name__ == "__main__":
    main()

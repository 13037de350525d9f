#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes the assembly source of the kernel's symbol table (x86/symbols.c) from its first link.

usage: symbols.py NM KERNEL OUTPUT
"""

import subprocess
import sys


def functions(nm, kernel):
    """Address and name of each function, ascending, one per address; and where the text starts."""
    listing = subprocess.run([nm, "--numeric-sort", kernel], check=True, capture_output=True,
                             text=True).stdout
    start, found = None, {}
    for line in listing.splitlines():
        fields = line.split()
        if len(fields) != 3:
            continue
        address, kind, name = int(fields[0], 16), fields[1], fields[2]
        if name == "kernel_text_start":
            start = address
        elif name.endswith(("_start", "_end")) and name.startswith(("kernel_", "entry_text")):
            continue
        elif kind in "tT" and address >> 63 and not name.startswith("."):
            found.setdefault(address, name)
    return start, sorted(found.items())


def main(nm, kernel, output):
    start, symbols = functions(nm, kernel)
    lines = [".section .rodata.symbols, \"a\", @progbits", ".balign 8",
             ".globl symbol_table, symbol_count, symbol_names", "symbol_table:"]
    names = ""
    for address, name in symbols:
        lines.append(f".long {address - start}, {len(names)}")
        names += name + "\0"
    lines += ["symbol_count:", f".long {len(symbols)}", "symbol_names:"]
    lines += [f".asciz \"{name}\"" for _, name in symbols]
    lines.append(".section .note.GNU-stack, \"\", @progbits")
    with open(output, "w", encoding="ascii") as file:
        file.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])

# SPDX-License-Identifier: BSD-2-Clause
"""Work for the Debian system under test: it unpacks a kernel's package and compiles a program of
10,000 lines (quoin-work, in test/guest/debian). The host has done the same, and what comes out has to
be the same."""

import random
import re
import shutil
import subprocess

from . import guest
from .ui import Step, run

PROGRAM_LINES = 10000
_LINES_EACH = 10  # of a function


def program():
    """A C program of 10,000 lines, always the same, whose output depends on each function."""
    chance = random.Random(1)
    lines = ["#include <stdint.h>", "#include <stdio.h>", ""]
    calls = ["", "int main(void)", "{", "    uint64_t x = 1;"]
    end = ['    printf("%016lx\\n", (unsigned long)x);', "    return 0;", "}"]
    count = (PROGRAM_LINES - len(lines) - len(calls) - len(end)) // (_LINES_EACH + 1)
    for number in range(count):
        a, b, c = (chance.getrandbits(64) | 1 for _ in range(3))
        turns, shift = chance.randrange(3, 40), chance.randrange(7, 50)
        lines += [f"static uint64_t f{number}(uint64_t x)", "{",
                  f"    uint64_t table[8] = {{{a}u, {b}u, {c}u, x, x ^ {a}u}};",
                  f"    for (unsigned i = 0; i < {turns}; i++) {{",
                  f"        table[i & 7] += (table[(i + 3) & 7] ^ x) * {b}u;",
                  f"        x = (x << {shift} | x >> {64 - shift}) + table[(i + {turns}) & 7];",
                  f"        x = x % {turns + 2} == 1 ? x ^ {c}u : x + i;", "    }",
                  f"    return x ^ table[{turns % 8}];", "}"]
        calls.append(f"    x = f{number}(x);")
    calls += [f"    x += {number};" for number in
              range(PROGRAM_LINES - len(lines) - len(calls) - len(end))]
    return "\n".join(lines + calls + end) + "\n"


def put(root, work):
    """Puts the work into the system in root, and returns what has to come out of it: name -> hash.
    work: an empty folder."""
    with Step("doing on the host what the Debian system will do"):
        there = root / "work"
        there.mkdir()
        name = guest.kernel_package("linux-image-cloud-amd64")
        run(["apt-get", "download", "-q", name], f"downloading {name}", cwd=work)
        archive, = work.glob("*.deb")
        (there / "program.c").write_text(program())
        run(["dpkg-deb", "-x", archive, work / "tree"], "unpacking the kernel's package")
        shutil.move(archive, there / "kernel.deb")
        # The system's own compiler, so that the object files can be compared as well.
        for command in (["gcc", "-O1", "-c", "program.c", "-o", "program.o"],
                        ["gcc", "program.o", "-o", "program"]):
            run(["chroot", root, "env", "-C", "/work", *command], "compiling")
        shutil.move(there / "program.o", work)
        shutil.move(there / "program", work)
        (work / "output").write_bytes(subprocess.run([work / "program"], check=True,
                                                     stdout=subprocess.PIPE).stdout)
        found = {"tree": run([root / "usr/local/bin/quoin-tree-hash", work / "tree"], "hashing")}
        for name in ("program.o", "output"):
            found[name] = run(["sha256sum", work / name], "hashing").split()[0]
    return {name: value.strip() for name, value in found.items()}


def check(text, expected):
    """What is wrong with what the guest said, or None."""
    for name, value in expected.items():
        told = re.findall(rf"^debian: {re.escape(name)} (\S*)$", text, re.MULTILINE)
        if told != [value]:
            return f"{name}: the guest has {told}, the host {value}"
    return None


def told(text):
    """How much work it was, in the guest's words."""
    return re.search(r"^debian: (\d+ files of .*)$", text, re.MULTILINE).group(1)

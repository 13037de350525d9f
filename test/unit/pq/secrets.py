#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs the constant-time check (secrets.c) under valgrind.

    secrets.py PROGRAM
"""

import shutil
import subprocess
import sys


def memcheck(*command, **options):
    return subprocess.run(["valgrind", "--quiet", *command], check=False, **options)


def main():
    if not shutil.which("valgrind"):
        print("skipped: valgrind is not installed")
        sys.exit(77)
    # First that a leak is seen at all: the program tells it by its exit code.
    leak = memcheck(sys.argv[1], "leak", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if leak.returncode != 3:
        print("not ok 1 - a branch on a secret is seen")
        sys.exit(1)
    sys.exit(memcheck(sys.argv[1]).returncode)


if __name__ == "__main__":
    main()

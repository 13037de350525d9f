# SPDX-License-Identifier: BSD-2-Clause
"""Runs the functions of a Python unit test and prints their results for meson (protocol tap)."""

import sys


def run(names):
    """Calls every function of names (a module's globals()) whose name begins with test_, sorted,
    and ends the program: with 1 if an assertion failed."""
    tests = [(name, function) for name, function in sorted(names.items())
             if name.startswith("test_")]
    print(f"1..{len(tests)}")
    failed = False
    for number, (name, function) in enumerate(tests, 1):
        try:
            function()
            print(f"ok {number} - {name}")
        except AssertionError as error:
            failed = True
            print(f"not ok {number} - {name}")
            print(f"# {error!r} in line {error.__traceback__.tb_next.tb_lineno}")
    sys.exit(failed)

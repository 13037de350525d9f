# SPDX-License-Identifier: BSD-2-Clause
"""Counting test results: one line for each, and the closing line that checks read."""

import time

from .ui import say


class Results:
    def __init__(self):
        self.passed = 0
        self.failed = 0
        self.skipped = 0
        self.failures = []

    def ok(self, name, took=None, found=None):
        """found: what the test measured."""
        self.passed += 1
        say(f"PASS {name}" + (f" ({took:.1f} s)" if took is not None else "")
            + (f": {found}" if found is not None else ""))

    def fail(self, name, reason, details=()):
        self.failed += 1
        self.failures.append(f"{name}: {reason}")
        say(f"FAIL {name}: {reason}")
        for line in details:
            say(f"    {line}")

    def check(self, name, good, why):
        """One test whose outcome is known; why: what is wrong if it is not good."""
        if good:
            self.ok(name)
        else:
            self.fail(name, str(why))

    def skip(self, name, reason):
        self.skipped += 1
        say(f"SKIP {name}: {reason}")

    def close(self):
        """Prints what failed and the closing line; returns the command's exit code."""
        if self.passed + self.failed == 0:
            self.fail("selection", "no test has that name")
        if self.failures:
            say("")
            say("failed:")
            for failure in self.failures:
                say(f"  {failure}")
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        say(f"{self.passed} passed, {self.failed} failed{skipped}")
        return 1 if self.failed else 0


class Timer:
    def __init__(self):
        self.start = time.monotonic()

    @property
    def took(self):
        return time.monotonic() - self.start

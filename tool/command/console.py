# SPDX-License-Identifier: BSD-2-Clause
"""The serial console as a user has it, for tests that type on it: its views, its status page, and
the consoles of machines."""

import re
import time

ESCAPE = b"\x1d"
NAMES = ("left", "right")
_PAGE = re.compile(rb"\x1b\[H(Quoin   pool: .*?)\x1b\[J", re.DOTALL)
_POOL = re.compile(r"pool: (\d+) of (\d+) bytes free")
_ROW = re.compile(r"^([> ])\s*(\d+)  (\S+)\s+(none|stopped|running|stopping|failed)\s+(\d+)"
                  r"\s+(\d+) MiB\s+([\d.]+)\s+(\d+)%", re.MULTILINE)
_TICK = re.compile(rb"tick (\d+)\r\n")


class Failure(Exception):
    pass


class Page:
    """What a status page says."""

    def __init__(self, text):
        pool = _POOL.search(text)
        self.free = int(pool.group(1))
        self.rows = {row.group(3): row for row in _ROW.finditer(text)}
        self.selected = next((name for name, row in self.rows.items() if row.group(1) == ">"), None)

    def state(self, name):
        return self.rows[name].group(4) if name in self.rows else None

    def memory(self, name):
        """MiB that it has."""
        return int(self.rows[name].group(6))

    def cpu(self, name):
        """Per cent of a core that it used since the page before."""
        return float(self.rows[name].group(7))


class Console:
    """The user at the console."""

    def __init__(self, session, deadline):
        self.session = session
        self.deadline = deadline
        self.found = None  # what a test tells beside that it passed

    def type(self, data):
        """Types, and returns the place of what is shown from now on."""
        place = len(self.session.data)
        self.session.send(data)
        return place

    def wait(self, what, place, found):
        """Waits until found(bytes shown since place) gives something, and returns that."""
        while True:
            with self.session.changed:
                result = found(bytes(self.session.data[place:]))
                if result is None and self.session.reader.is_alive():
                    self.session.changed.wait(0.2)
            if result is not None:
                return result
            if b"KERNEL PANIC" in self.session.data:
                raise Failure(f"the kernel panicked while waiting for {what}")
            if not self.session.reader.is_alive():
                raise Failure(f"the machine ended while waiting for {what}")
            if time.monotonic() > self.deadline:
                raise Failure(f"no {what} in time")

    def text(self, pattern, place):
        regex = re.compile(pattern)
        return self.wait(pattern.decode(), place, regex.search)

    def page(self, what, place, good):
        """The first whole status page since place that is good."""
        def found(data):
            for match in _PAGE.finditer(data):
                page = Page(match.group(1).decode("ascii", "replace").replace("\x1b[K", "")
                            .replace("\r\n", "\n"))
                if good(page):
                    return page
            return None
        return self.wait(what, place, found)

    def status(self):
        place = self.type(ESCAPE + b"s")
        return self.page("status page", place, lambda page: True)

    def select(self, name):
        number = list(self.status().rows).index(name)
        # Ten machines have a key of their own.
        keys = b"%d" % ((number + 1) % 10) if number < 10 else b"0" + b"j" * (number - 9)
        place = self.type(keys)
        self.page(f"selection of {name}", place, lambda page: page.selected == name)

    def order(self, key, name, state, free=None):
        """A key on the status page, and the page on which the machine is in the state."""
        place = self.type(key)
        what = f"{name} {state}" + ("" if free is None else f" with {free} bytes free")
        return self.page(what, place, lambda page: page.state(name) == state
                         and free in (None, page.free))

    def tick(self, name, above=-1):
        """Looks at a machine's console until it counts beyond above; returns the count."""
        number = 1 + list(NAMES).index(name)
        place = self.type(ESCAPE + b"%d" % number)

        def found(data):
            start = data.find(b"console of " + name.encode())
            ticks = [int(tick) for tick in _TICK.findall(data[max(start, 0):])] if start >= 0 else []
            return ticks[-1] if ticks and ticks[-1] > above else None
        return self.wait(f"tick above {above} of {name}", place, found)

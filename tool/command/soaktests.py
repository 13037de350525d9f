# SPDX-License-Identifier: BSD-2-Clause
"""Four machines that work on their disks and talk to each other and to the host without end
(test/guest/files/test/soak), while one after the other is stopped, killed or restarted at random
moments, as often or as long as the row says: each of them comes up again, finds on its disk what it
had written, and leaves no byte of memory behind."""

import random
import re
import time
import uuid

from . import build, disks, guest, image
from .console import ESCAPE, Console, Failure
from .results import Timer
from .session import Session, plain
from .ui import Problem

NAMES = ("north", "east", "south", "west")
MIB = 16          # that each works on
STEP_S = 600      # that anything takes at most
ASK_S = 10        # after which a machine that does not answer is asked again
QUIET_S = 4       # at most, from what a machine was last seen to do until it is ended
_WHOLE = re.compile(r"rounds: (\d+) whole, (\d+) before")
_FIRST = 2048
_SECTORS = _FIRST + len(NAMES) * MIB * 2048 + 2048
# How machines end: a key on the status page, or a word that the guest takes as an order; and
# whether they start again by themselves.
_KEYS = {"kill": (b"k", False), "stop": (b"x", False), "button": (b"p", False),
         "restart": (b"r", True)}
_WORDS = {"poweroff": False, "reboot": True, "panic": True}


def _partition(number):
    return uuid.UUID(f"50414b00-0000-4000-8000-{number:012}")


def _make_disk(name):
    """An empty partition for each machine."""
    parts = [(_partition(number), _FIRST + number * MIB * 2048,
              _FIRST + (number + 1) * MIB * 2048 - 1) for number in range(len(NAMES))]
    with open(disks.file_of(name), "wb") as file:
        file.truncate(_SECTORS * disks.SECTOR)
        for at, data in disks.tables(_SECTORS, parts).items():
            file.seek(at)
            file.write(data)


def _root_image(name):
    button = b"#!/bin/sh\nexec /test/soak-end poweroff\n"
    files = guest.test_files({"etc/acpi/PWRF/00000080": button})
    for number, machine in enumerate(NAMES):
        files[f"vm/{machine}.ini"] = (
            f"name = {machine}\nkernel = guest/vmlinuz\ninitrd = test/initramfs\nmemory = 128M\n"
            f"order = {number}\nautostart = no\nnet = lan outside\n"
            f"disk = partition:{_partition(number)} virtio\n"
            f"cmdline = console=ttyS0 quiet panic=-1 run=soak self={number + 1} "
            f"peer={(number + 1) % len(NAMES) + 1}\n").encode()
    out = build.directory() / f"test-{name}.root.elf"
    out.write_bytes(image.packed(files))
    return out


class _Machine:
    """What is known of a machine."""

    def __init__(self, name):
        self.name = name
        self.start = None   # the name that the guest gave its present start
        self.round = 0      # the last one that it said was whole on its disk
        self.cost = None    # bytes of the pool that it takes
        self.runs = False
        self.seen = False   # to be at work since it was started last


class _Soak:
    """The user who ends and starts machines."""

    def __init__(self, session, seed):
        self.console = Console(session, 0)
        self.chance = random.Random(seed)
        self.machines = [_Machine(name) for name in NAMES]
        self.count = dict.fromkeys([*_KEYS, *_WORDS], 0)
        self.number = 0     # of what a machine was asked last
        self.early = 0      # of them: ended before they were seen to be up
        self._step()
        self.console.text(rb"disk 0: 4 partitions", 0)
        self.all_free = self.console.status().free

    def _step(self):
        self.console.deadline = time.monotonic() + STEP_S

    def _free(self):
        """What has to be free now."""
        return self.all_free - sum(each.cost for each in self.machines if each.runs)

    def _show(self, machine):
        place = self.console.type(ESCAPE + b"%d" % (1 + NAMES.index(machine.name)))
        shown = self.console.text(rb"console of " + machine.name.encode(), place)
        return place + shown.end()

    def _said(self, place):
        """Starts that the guest tells of on its console since place: name -> its lines."""
        found = {}
        text = plain(bytes(self.console.session.data[place:])).rpartition("\n")[0]
        for start, line in re.findall(r"^soak (\w{8}): (.*)$", text, re.MULTILINE):
            found.setdefault(start, []).append(line)
        return found

    def _note(self, machine, lines):
        """Takes down what a machine says; fails if it says that something is wrong, or that it
        found less on its disk than what it had told of."""
        told = machine.round
        for line in lines:
            if "WRONG" in line:
                raise Failure(f"{machine.name}: {line}")
            match = _WHOLE.fullmatch(line)
            if match and not machine.seen and int(match.group(2)) < told:
                raise Failure(f"{machine.name}: {match.group(2)} rounds are on its disk, and "
                              f"{told} were")
            if match:
                machine.round = max(machine.round, int(match.group(1)))

    def see(self, machine):
        """Waits until the machine works: it answers, has written to its disk, and has spoken to its
        neighbour and to the host."""
        if machine.seen:
            return
        self._step()
        place = self._show(machine)
        answer = None
        while answer is None or answer == "again":
            self.number += 1
            asked = time.monotonic()
            self.console.type(b"here %d\n" % self.number)

            def found(_):
                """The start that is there, or what another one had to say."""
                for start, lines in self._said(place).items():
                    text = "\n".join(lines)
                    if "WRONG" in text or (f"here {self.number}" in lines and start != machine.start
                                           and all(re.search(what, text, re.M) for what in
                                                   (" whole, ", "^peer ", "^host "))):
                        return start, lines
                # What is typed before the guest reads it may be lost.
                return "again" if time.monotonic() - asked > ASK_S else None

            answer = self.console.wait(f"{machine.name} at work", place, found)
        self._note(machine, answer[1])
        machine.start, machine.seen = answer[0], True

    def _look(self, machine):
        """Whatever a machine that is to be ended has said by now."""
        place = self._show(machine)
        time.sleep(self.chance.uniform(0, QUIET_S))
        for start, lines in self._said(place).items():
            if start == machine.start:
                self._note(machine, lines)

    def start(self, machine):
        self._step()
        self.console.select(machine.name)
        machine.runs, machine.seen = True, False
        if machine.cost is None:
            before = self.console.status().free
            self.console.order(b"s", machine.name, "running")
            self.see(machine)
            machine.cost = before - self.console.status().free
        else:
            self.console.order(b"s", machine.name, "running", self._free())

    def _stopped(self, machine):
        self.console.page(f"{machine.name} stopped with its memory back",
                          len(self.console.session.data),
                          lambda page: page.state(machine.name) == "stopped"
                          and page.free == self._free())

    def end(self, machine, how):
        """Ends the machine; it is stopped, or on its way up again, afterwards."""
        self._step()
        self.count[how] += 1
        if how in _WORDS:
            self._show(machine)
            self.console.type(how.encode() + b"\n")
            again = _WORDS[how]
            if not again:
                self.console.status()
        else:
            key, again = _KEYS[how]
            self.console.select(machine.name)
            self.console.type(key)
        if not again:
            machine.runs = False
            self._stopped(machine)
        machine.seen = False

    def turn(self):
        """One machine ends, and starts again."""
        machine = self.chance.choice(self.machines)
        hasty = self.chance.random() < 0.25
        if not hasty:
            self.see(machine)
            self._look(machine)
        elif not machine.seen:
            # The kernel is on its way, and heeds no button and no word yet.
            time.sleep(self.chance.uniform(0, QUIET_S))
        ways = ["kill", "restart"] if not machine.seen else [*_KEYS, *_WORDS]
        self.early += not machine.seen
        self.end(machine, self.chance.choice(ways))
        if not machine.runs:
            time.sleep(self.chance.uniform(0, QUIET_S))
            self.start(machine)

    def finish(self):
        """All are at work once more; then all are stopped, and all memory is back."""
        for machine in self.machines:
            self.see(machine)
        for machine in self.machines:
            self.end(machine, "stop")
        self._step()
        free = self.console.status().free
        if free != self.all_free:
            raise Failure(f"{free} bytes are free with all stopped, {self.all_free} were at first")

    def ends(self):
        """How often a machine was ended so far."""
        return sum(self.count.values())

    def __str__(self):
        ways = ", ".join(f"{number} {how}" for how, number in self.count.items() if number)
        rounds = ", ".join(str(machine.round) for machine in self.machines)
        return (f"{self.ends()} ends ({ways}; {self.early} of them early), disks "
                f"written {rounds} times, {self.all_free} bytes free at first")


def run(results, name, machine_of, wanted, timeout, yes):
    """One row: wanted has the seed, and how many machines are ended at least ("turns") or for how
    many seconds that goes on. machine_of(): the machine, whose disk is in its file."""
    timer = Timer()
    soak = None
    try:
        _make_disk(name)
        machine = machine_of()
        machine.root = _root_image(name)
        with (open(build.directory() / f"test-{name}.console", "wb", 0) as console,
              Session(machine, yes, console.write) as session):
            try:
                soak = _Soak(session, wanted["seed"])
                begun = told = time.monotonic()
                for each in soak.machines:
                    soak.start(each)
                while (soak.ends() < wanted.get("turns", 1)
                       or time.monotonic() - begun < wanted.get("seconds", 0)):
                    soak.turn()
                    if time.monotonic() - told > timeout:
                        told = time.monotonic()
                        print(f"{name}: after {told - begun:.0f} s: {soak}", flush=True)
                soak.finish()
                results.ok(name, timer.took, f"{soak} and at the end")
            except Failure as failure:
                results.fail(name, f"{failure}; until then: {soak}", session.last_lines(60))
    except Problem as problem:
        results.fail(name, str(problem))

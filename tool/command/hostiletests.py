# SPDX-License-Identifier: BSD-2-Clause
"""A monitor that was taken over (test/hostile/vmm.c) with a monitor's capabilities: what it tries is
typed on its machine's console. A neighbour of the same kind watches its own memory and counts."""

import hashlib
import re
import time
import uuid

from . import build, disks, image, packages, ui
from .console import ESCAPE, Console, Failure
from .machine import Machine
from .results import Timer
from .session import Session
from .ui import Problem

PAGE = 4096
INSTRUCTIONS = 16
# init/priority.h: DEFAULT_MACHINE_PRIORITY.
PRIORITY = 100
_ENDED = rb"VM left: (?:stopped|failed and was stopped|powered off|reset|killed), \d+ bytes free"


def _root_image(name, given=(disks.PARTITIONS[0][0],)):
    """A root image in which each machine's monitor is the hostile one; the attacker has the
    partitions given as its disks."""
    out = build.directory() / f"{name}.root.elf"
    kernel = build.artifact("test/vm/payload.elf").read_bytes()
    ini = "name = {}\nkernel = test/payload\nmemory = 16M\ncmdline = {}\norder = {}\n"
    out.write_bytes(image.packed({
        "vmm.elf": build.artifact("test/hostile/vmm.elf").read_bytes(),
        "test/payload": kernel,
        "vm/left.ini": ini.format("left", "attack\nvcpus = 2\nnet = lan\nsecret = left-key" + "".join(
            f"\ndisk = partition:{partition}" for partition in given), 0).encode(),
        "vm/right.ini": ini.format("right", "watch\nsecret = right-key", 1).encode(),
        "vm/third.ini": ini.format("third", "attack\nballoon = 8M\nautostart = no", 2).encode()}))
    return out


class Attack:
    """The attacker's console, and what must stay as it is."""

    def __init__(self, console):
        self.console = console
        self.tick = console.tick("right")
        console.select("left")
        self.free = console.status().free

    def start(self, who="left"):
        """Starts the attacker if it does not run, with all its memory back before; looks at it."""
        page = self.console.status()
        if page.selected != who:
            self.console.select(who)
        if page.state(who) != "running":
            self.console.order(b"s", who, "running", self.free if who == "left" else None)
        self.console.type(ESCAPE + b"%d" % (1 + list(page.rows).index(who)))

    def tries(self, command, patterns, who="left"):
        """Types a command; the name of the first pattern that comes, and its match."""
        self.start(who)
        place = self.console.type(command.encode() + b"\r")
        compiled = {name: re.compile(pattern) for name, pattern in patterns.items()}

        def found(data):
            for name, regex in compiled.items():
                match = regex.search(data)
                if match:
                    return name, match
            return None
        return self.console.wait(f"answer to {command}", place, found)

    def stopped_by(self, command, said):
        """The attempt ends the attacker, with init's report."""
        name, _ = self.tries(command, {"beyond": rb"BEYOND[^\r]*|REACHED[^\r]*", "good": said})
        if name != "good":
            raise Failure(f"{command}: it went on")

    def neighbour(self):
        """The neighbour counts on, and found nothing changed."""
        self.tick = self.console.tick("right", self.tick)
        if b"BEYOND" in self.console.session.data:
            place = self.console.session.data.find(b"BEYOND")
            raise Failure(bytes(self.console.session.data[place:place + 100]).decode("latin-1"))


def _own(attack):
    """The attacker's memory: [(name, address, size)]."""
    _, match = attack.tries("m", {"list": rb"(own image[^$]*?)own end"})
    return [(kind, int(address, 16), int(size, 16)) for kind, address, size in
            re.findall(r"own (\S+) (\w+) (\w+)\r\n", match.group(1).decode())]


def _targets(own):
    """Addresses that are not the attacker's: beside each of its regions, where other components have
    theirs, the kernel's; and its own that it may only read."""
    inside = lambda at: any(start <= at < start + size for _, start, size in own)
    beside = [at for _, start, size in own for at in (start - 8, start + size) if not inside(at)]
    found = [("r", at) for at in sorted(set(beside))]
    found += [("r", at) for at in (
        0, 0x7fffffffe000, 0x800000000000, 0xffff800000000000, 0xffffff8000000000,
        0xffffffff80100000, 0xffffffff80200000, 0xfffffffffffff000, 0x7fc0000000,
        0xfee00000, 0xfec00000, 0xb0000000) if not inside(at)]
    found += [("x", 0xffffffff80100000), ("w", 0xffffffff80100000), ("w", 0xffffff8000000000)]
    found += [("w", start) for kind, start, _ in own if not kind.endswith("-rw")]
    return found


def _addresses(attack):
    for how, address in _targets(_own(attack)):
        attack.stopped_by(f"{how} {address:x}", rb"error: left(?: touched \w+|: exception 13)[^$]*"
                          + _ENDED)
    attack.neighbour()


def _instructions(attack):
    for number in range(INSTRUCTIONS):
        if number != 14:  # SGDT is refused by UMIP alone, which not every processor has.
            attack.stopped_by(f"i {number:x}", rb"error: left: exception (?:13|6)\b[^$]*" + _ENDED)
    attack.neighbour()


def _capabilities(attack):
    _, match = attack.tries("c 1", {"end": rb"empty slots: (\d+) calls, (\d+) beyond"})
    if int(match.group(1)) < 20000 or int(match.group(2)) != 0:
        raise Failure(match.group(0).decode())
    for slot in (0x100, 0x1001, 0x7fffffffffffffff, 0xffffffffffffff00):
        attack.stopped_by(f"k {slot:x}", rb"error: left used capability[^$]*" + _ENDED)
    for call in (1, 0x7f, 0xffffffffffffffd0, 0xffffffffffffe000, 0x8000000000000000):
        attack.stopped_by(f"y {call:x}", rb"error: left made an unknown system call[^$]*" + _ENDED)
    _, match = attack.tries("p", {"end": rb"priority: (\d+) at most"})
    if int(match.group(1)) != PRIORITY:
        raise Failure(match.group(0).decode())
    attack.neighbour()


def _own_capabilities(attack):
    for seed in range(1, 4):
        # Its second thread may end in a fault, and the machine with it.
        attack.tries(f"o {seed:x}", {"end": rb"own slots: \d+ calls, [1-9]\d* taken",
                                     "ended": _ENDED})
        attack.neighbour()


def _shared_memory(attack):
    for seed in range(1, 6):
        attack.start()
        place = attack.console.type(b"g %x\r" % seed)
        attack.console.type(ESCAPE + b"s")
        attack.console.page("the end of the attacker", place,
                            lambda page: page.state("left") == "failed")
        attack.neighbour()


def _disk(attack):
    """Requests that reach beyond the partition are refused, and others are not; a disk that is not
    the attacker's answers nothing."""
    for seed in range(1, 4):
        _, match = attack.tries(f"d {seed:x}", {"end": rb"(disk 0:[^$]*)disks done"})
        answers = [tuple(map(int, answer)) for answer in re.findall(
            rb"disk \d: \d+ requests, (\d+) good, (\d+) refused", match.group(1))]
        if min(answers[0]) < 500 or any(answer != (0, 0) for answer in answers[1:]):
            raise Failure(match.group(0).decode())
        attack.console.status()
        attack.console.order(b"k", "left", "stopped")
    attack.neighbour()


def _balloon(attack):
    """A machine with a balloon has what it has not given away and nothing else, whatever its monitor
    says, and what it gets is empty; all of it comes back."""
    attack.start() # waits until all of its memory is back
    for seed in range(1, 4):
        _, match = attack.tries(f"b {seed:x}", {"end": rb"balloon: (\d+) done, (\d+) beyond"}, "third")
        if int(match.group(1)) < 100 or int(match.group(2)) != 0:
            raise Failure(match.group(0).decode())
        attack.neighbour()
        attack.console.select("third")
        attack.console.order(b"k", "third", "stopped", attack.free)


def _messages(attack):
    for word, said in ((0, b"failed"), (1, b"powered off"), (4, b"failed"),
                       (0xffffffffffffffff, b"failed"), (0x100000002, b"failed")):
        attack.stopped_by(f"e {word:x}", b"VM left: " + said + rb"[^$]*?\d+ bytes free")
    attack.neighbour()
    attack.start()
    if attack.console.status().state("left") != "running":
        raise Failure("it does not start again")


PARTS = {
    "addresses": _addresses,
    "privileged instructions": _instructions,
    "capabilities": _capabilities,
    "its own capabilities": _own_capabilities,
    "requests to the disk": _disk,
    "shared memory": _shared_memory,
    "its balloon": _balloon,
    "messages to init": _messages,
}


def _carry_out(results, name, machine, timeout, yes, parts):
    """Does the parts in one boot; true if all were good."""
    with Session(machine, yes) as session:
        console = Console(session, time.monotonic() + timeout)
        attack = None
        for part, test in parts.items():
            timer = Timer()
            try:
                if attack is None:
                    console.text(rb"hostile up", 0)
                    attack = Attack(console)
                test(attack)
                results.ok(f"{name}: {part}", timer.took)
            except Failure as failure:
                results.fail(f"{name}: {part}", str(failure), session.last_lines(40))
                return False
    return True


def run(results, name, machine, timeout, yes):
    """One row: all parts, in one boot."""
    try:
        machine.root = _root_image(name)
        if not _carry_out(results, name, machine, timeout, yes, PARTS):
            return
        changed = disks.changed_beside(name, "partitions")
        if changed is None:
            results.ok(f"{name}: the rest of the disk")
        else:
            results.fail(f"{name}: the rest of the disk", changed)
    except Problem as problem:
        results.fail(name, str(problem))


def _digest_beside(path, first, last):
    """SHA-512 of a disk without the sectors first to last."""
    digest = hashlib.sha512()
    with open(path, "rb") as file:
        for start, end in ((0, first * 512), ((last + 1) * 512, path.stat().st_size)):
            file.seek(start)
            while start < end:
                data = file.read(min(1 << 22, end - start))
                digest.update(data)
                start += len(data)
    return digest.hexdigest()


def boot_medium(results, name, slow):
    """Promise P2: booted from an installed disk, a monitor that has a partition of it, and asks for
    the boot partitions too, tries every request; what it was not given has the same hash then."""
    out = build.directory() / f"test-{name}.img"
    iso = out.with_suffix(".iso")
    own = uuid.UUID("11111111-2222-3333-4444-777777777777")
    root = _root_image(name, (own, "51554f49-4e00-4000-8002-000000000001",
                              "51554f49-4e00-4000-8002-000000000002"))
    image.make(iso, image.payload(root))
    image.install(out, iso)
    with open(out, "r+b") as file:
        file.truncate(out.stat().st_size + (24 << 20))
    packages.ensure(["gpt"])
    ui.run(["sgdisk", "--move-second-header", "--new=3:0:+16M", f"--partition-guid=3:{own}", out],
             "adding a partition")
    said = ui.run(["sgdisk", "--info=3", out], "looking at it")
    first, last = (int(re.search(rf"{word} sector: (\d+)", said).group(1))
                   for word in ("First", "Last"))
    before = _digest_beside(out, first, last)
    content = _digest_beside(out, 0, first - 1)
    machine = Machine(disks=[out], memory="1G")
    parts = {"requests to the boot medium": _disk, "shared memory": _shared_memory}
    if not _carry_out(results, name, machine, 300, True, parts):
        return
    if _digest_beside(out, first, last) != before:
        results.fail(f"{name}: the medium's hash", "the boot medium was written to")
    elif _digest_beside(out, 0, first - 1) == content:
        results.fail(f"{name}: the medium's hash", "nothing was written to the partition either")
    else:
        results.ok(f"{name}: the medium's hash")

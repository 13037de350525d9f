# SPDX-License-Identifier: BSD-2-Clause
"""Tests of machines' lives, over the serial console as a user has it: two small guests
(test/vm/payload.c) run at once; they are stopped, started, restarted and killed on the status page,
and what they and the page show is read."""

import itertools
import random
import re
import time

from . import build, disks, guest, image
from .console import ESCAPE, NAMES, Console, Failure
from .results import Timer
from .session import Session
from .ui import Problem

_CLOCKS = re.compile(rb"clocks (\d+) (\d+)\r\n")
_READINGS = 40      # of the guest's clocks, of which the quickest is taken
_DRIFT_S = 0.1      # what the guest's clocks may be off at the end
_STOP_S = 30        # that a machine has to stop by itself
LENT_MEMORY = 256 << 20  # of the machine whose memory its disks' devices have
RESET_MEMORY = 64 << 20  # likewise, of the small guest that resets itself
BALLOON = (384, 256, 544)  # MiB of a machine, of its balloon, of another machine
BALLOON_STEP = 64   # MiB, by a key
RESET_S = 30        # after which the machine runs again
RESETS = 5          # until one is seen while that memory comes back
_WALL_S = 2         # a real-time clock has whole seconds, and so has the guest's from it


def _balloon_image(name):
    """A root image with Debian's kernel and a balloon, and with the small guest in so much memory that
    both have room only when the balloon is full."""
    out = build.directory() / f"{name}.root.elf"
    files = guest.test_files()
    files["test/payload"] = build.artifact("test/vm/payload.elf").read_bytes()
    files["vm/left.ini"] = (
        "name = left\nkernel = guest/vmlinuz\ninitrd = test/initramfs\norder = 0\n"
        f"memory = {BALLOON[0]}M\nballoon = {BALLOON[1]}M\n"
        "cmdline = console=ttyS0 quiet run=balloon\n").encode()
    files["vm/right.ini"] = (f"name = right\nkernel = test/payload\norder = 1\nautostart = no\n"
                             f"memory = {BALLOON[2]}M\n").encode()
    out.write_bytes(image.packed(files))
    return out


def _root_image(name, machines, edited):
    """A root image with the small guest in machines: name -> further lines of its INI file. edited:
    another system description and its programs, for image.packed, or nothing."""
    out = build.directory() / f"{name}.root.elf"
    files = {"test/payload": build.artifact("test/vm/payload.elf").read_bytes()}
    for order, (machine, lines) in enumerate(machines.items()):
        memory = "" if "memory" in lines else "memory = 16M\n"
        files[f"vm/{machine}.ini"] = (f"name = {machine}\nkernel = test/payload\n{memory}"
                                      f"order = {order}\n{lines}").encode()
    out.write_bytes(image.packed(files, *edited))
    return out


def _kills(console, kills, seed):
    """Kills and starts the left machine; the right one counts on, and all memory comes back."""
    chance = random.Random(seed)
    console.select("left")
    both = console.status()
    one = None
    count = console.tick("right")
    for number in range(kills):
        console.status()
        time.sleep(chance.uniform(0, 0.7))
        page = console.order(b"k", "left", "stopped")
        if one is None:
            one = page.free
        if page.free != one:
            raise Failure(f"kill {number + 1}: {page.free} bytes free, {one} after the first")
        if page.state("right") != "running":
            raise Failure(f"kill {number + 1}: the right machine is {page.state('right')}")
        console.order(b"s", "left", "running", both.free)
        count = console.tick("right", count)
    console.tick("left")


def _own_ends(console):
    """What the guest does by itself: reset, triple fault, power off; and the power button."""
    both = console.status().free
    for key, said in ((b"r", b"reset"), (b"t", b"triple fault")):
        console.tick("left")
        place = console.type(key)
        console.text(said + rb"\r\n[^$]*--- VM left: starts again\r\n[^$]*payload up", place)
    console.tick("left")
    place = console.type(b"o")
    console.text(rb"\[quoin: log[^$]*VM left: powered off", place)
    console.select("left")
    off = console.status()
    if off.state("left") != "stopped":
        raise Failure(f"powered off, and it is {off.state('left')}")
    console.order(b"s", "left", "running", both)
    console.tick("left")
    console.status()
    console.order(b"p", "left", "stopped", off.free)
    console.order(b"s", "left", "running", both)
    console.order(b"x", "left", "stopped", off.free)
    console.order(b"s", "left", "running", both)
    console.order(b"r", "left", "running", both)
    place = console.type(b"l")
    console.text(rb"VM left: killed, \d+ bytes free", place)
    console.status()
    place = console.type(b"d" + ESCAPE + b"l")
    console.text(rb"left: vCPU 0 (runs|is halted): rip \w+[^$]*left:   r12 [^$]*left:   code \w{16}: "
                 rb"\w{16} \w{16}[^$]*left:   stack ", place)
    console.tick("right", console.tick("right"))


def _too_large(console):
    """A machine for which there is no memory fails alone."""
    free = console.status().free
    console.select("huge")
    for _ in range(2):
        place = console.type(b"s")
        console.page("huge failed", place, lambda page: page.state("huge") == "failed"
                     and page.free == free)
    place = console.type(b"l")
    console.text(rb"error: VM huge: it needs 65536 MiB, and \d+ MiB are free", place)


def _share(console):
    """A machine whose vCPU may use a tenth of a core uses no more, however much it wants."""
    console.select("waits")
    console.order(b"s", "waits", "running")
    shares = []
    for _ in range(6):
        place = len(console.session.data)
        shares.append(console.page("page", place, lambda page: True).cpu("waits"))
    console.order(b"k", "waits", "stopped")
    # The first pages may show parts of a second; of the rest none may be above its share.
    if max(shares[2:]) > 11 or max(shares) == 0:
        raise Failure(f"it used {shares} per cent")


def _quarter(console):
    """A machine that may use a quarter of a core and spins gets that quarter beside one that sleeps
    and wakes, and the latter wakes about as soon as if it were alone."""
    def wakes(place):
        def found(data):
            lines = [(int(a), int(b)) for a, b in re.findall(rb"wake (\d+) (\d+)\r\n", data)]
            return lines[2:] if len(lines) >= 6 else None
        return console.wait("times of waking", place, found)
    beside = wakes(console.type(ESCAPE + b"2"))
    console.select("left")
    shares = []
    for _ in range(8):
        place = len(console.session.data)
        shares.append(console.page("page", place, lambda page: True).cpu("left"))
    console.order(b"k", "left", "stopped")
    console.type(ESCAPE + b"2")
    console.text(rb"console of sleeper", len(console.session.data) - 1)
    alone = wakes(len(console.session.data))
    if not all(24 <= share <= 26 for share in shares[2:]):
        raise Failure(f"it used {shares} per cent")
    for which, what in enumerate(("median", "longest")):
        if max(wake[which] for wake in beside) > 2 * max(wake[which] for wake in alone):
            raise Failure(f"{what} wake-up in TSC ticks: {beside} beside it, {alone} alone")


def _many(console):
    """Sixteen machines that do nothing: they run, use no time, and give everything back."""
    names = [f"m{number:02}" for number in range(16)]
    console.text(rb"payload up", 0)
    place = console.type(ESCAPE + b"s")
    console.page("page of sixteen idle machines", place, lambda page: all(
        page.state(name) == "running" and page.cpu(name) == 0 for name in names))
    free = []
    for _ in range(2):
        for name in names:
            console.select(name)
            page = console.order(b"k", name, "stopped")
        free.append(page.free)
        for name in names:
            console.select(name)
            page = console.order(b"s", name, "running")
    if free[0] != free[1]:
        raise Failure(f"{free[0]} bytes free after all were killed, {free[1]} after it again")


def _lent(console, kills, late):
    """A machine whose disk is at work is killed: it stops at once, and all of its memory comes back;
    with a driver that is late (test/component/late.c) not before that says that it has done, and
    not until then is the machine started again."""
    back = None
    place = 0
    for number in range(kills):
        console.text(rb"load: 2\r\n", place)
        running = console.status().free
        page = console.order(b"k", "guest", "stopped")
        if late:
            if page.free >= running + LENT_MEMORY:
                raise Failure(f"kill {number + 1}: its memory was back while its driver had it")
        else:
            page = console.page("memory of the killed machine", len(console.session.data),
                                lambda page: page.free >= running + LENT_MEMORY)
            if back not in (None, page.free):
                raise Failure(f"kill {number + 1}: {page.free} bytes free, {back} the first time")
            back = page.free
        console.order(b"s", "guest", "running", running)
        place = console.type(ESCAPE + b"1")


def _reset(console):
    """A machine that resets itself while devices have its memory, which comes back late
    (test/component/late.c), stays on the screen until it is there again. The status page says
    meanwhile that it is stopping."""
    def again(data):
        if b"[quoin: log" in data:
            raise Failure("the screen went to the log while its memory came back")
        return b"payload up" in data or None

    def reset():
        console.tick("left")
        place = console.type(b"r")
        console.text(rb"reset\r\n", place)
        return place

    free = console.status().free
    place = reset()
    console.wait("the machine again", place, again)
    console.text(rb"--- VM left: starts again\r\n", place)
    for _ in range(RESETS):
        place = reset()
        late = time.monotonic() + RESET_S
        console.type(ESCAPE + b"s")
        # Init may not have heard of it yet; and a host that was away for as long as the driver takes
        # shows it running again.
        page = console.page("page while its memory comes back", place, lambda page:
                            page.state("left") != "running" or time.monotonic() > late)
        if page.state("left") == "stopping" and page.free < free + RESET_MEMORY:
            break
        if page.state("left") != "running":
            raise Failure(f"it is {page.state('left')}, {page.free} bytes are free, {free} before")
    else:
        raise Failure("no page while its memory came back")
    console.page("left running again", len(console.session.data),
                 lambda page: page.state("left") == "running" and page.free == free)
    console.tick("left")


def _balloon(console):
    """Memory that a machine gives away is there for another one; it can have it again only when there
    is some, and its driver waits for that if it does not ask before. What it keeps stays as it was."""
    numbers = itertools.count(1)

    def order(text):
        """Types an order on the guest's console; the beginning of its answer. What the console shows
        again of what was said before has other numbers."""
        place = console.type(ESCAPE + b"1")
        console.text(rb"console of left", place)
        number = next(numbers)
        console.type(b"%d %s\n" % (number, text))
        return rb"balloon %d: " % number

    def fill(mib):
        console.text(order(b"fill %d" % mib) + rb"filled\r\n", 0)

    def check():
        said = console.text(order(b"check") + rb"(?:whole, (\d+) KiB|WRONG)", 0)
        if said.group(1) is None:
            raise Failure("what was in the machine's memory is changed")
        return int(said.group(1)) >> 10

    def shrink():
        console.select("left")
        for _ in range(BALLOON[1] // BALLOON_STEP):
            console.type(b"-")
        page = console.page("memory that the machine gave", len(console.session.data),
                            lambda page: page.memory("left") <= BALLOON[0] - BALLOON[1] * 3 // 4)
        if page.free - free < (BALLOON[0] - page.memory("left")) << 20:
            raise Failure(f"it has {page.memory('left')} MiB, and {page.free} bytes are free, "
                          f"{free} before")
        console.select("right")
        console.order(b"s", "right", "running")
        place = console.type(ESCAPE + b"2")
        console.text(rb"tick [1-9]", place)

    console.text(rb"balloon: ready", 0)
    fill(48)
    whole = check()
    console.select("right")
    free = console.order(b"s", "right", "failed").free
    shrink()
    if check() > whole - BALLOON[1] * 3 // 4:
        raise Failure("the guest has more memory than it should")
    console.select("left")
    for _ in range(BALLOON[1] // BALLOON_STEP):
        console.type(b"+")
    place = console.type(b"l")
    console.text(rb"VM left: it cannot have its memory again \(\d+ MiB free\)", place)
    console.select("right")
    console.order(b"k", "right", "stopped")
    console.select("left")
    for _ in range(BALLOON[1] // BALLOON_STEP):
        console.type(b"+")
    console.page("all memory again", len(console.session.data),
                 lambda page: page.memory("left") == BALLOON[0] and page.free == free)
    if check() != whole:
        raise Failure("the guest has not all of its memory again")
    fill(192)
    check()
    fill(48)
    shrink()
    gone = order(b"leave") + b"gone"
    console.page("no memory for the driver that leaves", console.type(ESCAPE + b"s"),
                 lambda page: page.memory("left") < BALLOON[0] and page.free < 32 << 20)
    if gone in console.session.data:
        raise Failure("the driver went without its memory")
    console.select("right")
    console.order(b"k", "right", "stopped")
    console.page("all memory again", len(console.session.data),
                 lambda page: page.memory("left") == BALLOON[0] and page.free == free)
    console.type(ESCAPE + b"1")
    console.text(gone, 0)
    check()
    fill(192)
    check()
    console.select("left")
    console.order(b"k", "left", "stopped")
    console.order(b"s", "left", "running", free)


def _attacked(console):
    """A driver of disks that was taken over (test/hostile/dma.c) lets its device to the memory of a
    machine when that has lent it, and to no other memory; when the machine has ended, the device does
    not reach its memory any more, and all of that comes back. What a neighbour has lent it goes on
    reaching, and another finds its own as it was."""
    def told(pattern):
        beyond = re.compile(rb"BEYOND[^\r\n]*\r\n").search
        good = re.compile(pattern).search
        found = console.wait(pattern.decode(), console.type(b"l"),
                             lambda data: beyond(console.session.data) or good(data))
        if found.group(0).startswith(b"BEYOND"):
            raise Failure(found.group(0).decode("latin-1").strip())
    life = (rb"life %d, machine %d\r\n[^$]*before it has asked: kept from [^$]*requests for what is "
            rb"others' are refused[^$]*lent: reached [^$]*another controller's memory is not reached"
            rb"[^$]*none of [1-9]\d* addresses elsewhere is reached[^$]*")
    console.text(rb"console of left", 0)
    console.status()
    told(life % (1, 1) + life % (2, 1) + rb"waits for the end of machine 1\r\n")
    console.status()
    told(rb"life 2, machine 1\r\n[^$]*lent by the neighbour: reached ")
    console.select("left")
    running = console.status().free
    back = None
    for number in (1, 2):
        console.order(b"k", "left", "stopped")
        page = console.page("memory of the killed machine", len(console.session.data),
                            lambda page: page.free >= running + (16 << 20))
        if back not in (None, page.free):
            raise Failure(f"{page.free} bytes free after a kill, {back} after the first")
        back = page.free
        told(rb"machine %d has ended\r\n[^$]*ended: reached [^$]*released: kept from [^$]*"
             rb"still lent by the neighbour: reached " % number)
        console.status()
        console.order(b"s", "left", "running")
        told(life % (2, number + 1) + rb"waits for the end of machine %d\r\n" % (number + 1))
        console.status()
        console.page("memory as before", len(console.session.data),
                     lambda page: page.free == running)
    if b"was kept from memory at" not in console.session.data:
        raise Failure("the kernel reports no fault of the device")
    console.tick("right", console.tick("right"))


def _button(console):
    """Debian heeds the power button, by x and by p, and boots again."""
    console.text(rb"quoin-guest login:", 0)
    free = None
    for key in (b"p", b"x"):
        console.status()
        page = console.order(key, "debian", "stopped")
        place = console.type(b"l")
        console.text(rb"(.*\r\n)+.*VM debian: powered off", place)
        if free not in (None, page.free):
            raise Failure(f"{page.free} bytes free, {free} the first time")
        free = page.free
        console.status()
        console.order(b"s", "debian", "running")
        place = console.type(b"\r")
        console.text(rb"console of debian(.*\r\n)+.*quoin-guest login:", place)


def _read_clocks(console):
    """The guest's clocks beside the host's: (wall clock, time since start, host's time, how far the
    host's may be off), in seconds, of the reading that took the shortest time."""
    best = None
    for _ in range(_READINGS):
        before = time.monotonic()
        place = console.type(b"\r")
        match = console.wait("the guest's clocks", place, _CLOCKS.search)
        after = time.monotonic()
        error = (after - before) / 2
        if best is None or error < best[3]:
            best = (int(match.group(1)) / 1e9, int(match.group(2)) / 1e9, before + error, error)
    return best


def _drift(console, seconds):
    """The guest's clocks go as fast as the host's: what they differ by after the time, beyond what
    is not known of when they were read, is no more than a tenth of a second."""
    console.text(rb"clocks ready", 0)
    first = _read_clocks(console)
    wall = first[0] - time.time() + time.monotonic() - first[2]
    if abs(wall) > _WALL_S + first[3]:
        raise Failure(f"the guest's wall clock is {wall:.1f} s off")
    time.sleep(seconds)
    last = _read_clocks(console)
    unknown = first[3] + last[3]
    said = []
    for name, which in (("wall clock", 0), ("time since start", 1)):
        off = (last[which] - first[which]) - (last[2] - first[2])
        said.append(f"{name} {off * 1000:+.1f} ms")
        if abs(off) - unknown > _DRIFT_S:
            raise Failure(f"after {last[2] - first[2]:.0f} s the guest's {name} is "
                          f"{off * 1000:.1f} ms off")
    console.found = (f"after {last[2] - first[2]:.0f} s: {', '.join(said)}, each "
                     f"+-{unknown * 1000:.1f} ms")


def _deaf(console):
    """A machine that does not heed its power button is killed when its time is over, not before;
    another goes on meanwhile."""
    console.tick("left")
    place = console.type(b"d")
    console.text(rb"deaf\r\n", place)
    console.select("left")
    before = time.monotonic()
    console.order(b"x", "left", "stopping")
    console.tick("right", console.tick("right"))
    console.status()
    console.page("left stopped", len(console.session.data),
                 lambda page: page.state("left") == "stopped")
    took = time.monotonic() - before
    if took < _STOP_S * 0.99:
        raise Failure(f"it was killed {took:.1f} s after it was told to stop")
    console.found = f"killed after {took:.1f} s"


def _parts(life):
    """Machines, and what is done with them: name -> test. No machines: those of the image (None), or
    the one of the row ({})."""
    if "many" in life:
        return ({f"m{number:02}": "cmdline = idle\n" for number in range(16)},
                {"sixteen idle machines": _many})
    if "button" in life:
        return None, {"power button": _button}
    if "reset" in life:
        return ({"left": f"memory = {RESET_MEMORY >> 20}M\ndisk = {life['reset']}\n"},
                {"a reset while its memory comes back": _reset})
    if "balloon" in life:
        return {}, {"memory that comes and goes": _balloon}
    if "lent" in life:
        return {}, {f"{life['lent']} kills with a disk at work":
                    lambda console: _lent(console, life["lent"], "late" in life)}
    if "attacked" in life:
        return ({"left": f"disk = partition:{disks.PARTITIONS[0][0]}\n", "right": "",
                 "lends": f"disk = partition:{disks.PARTITIONS[1][0]} virtio read-only\n"},
                {"a driver that was taken over": _attacked})
    if "quarter" in life:
        return ({"left": "cpu = 25%\n",
                 "sleeper": "cmdline = sleep\ncpu = 50%\npriority = high\n"},
                {"a quarter of a core beside one that sleeps": _quarter})
    if "deaf" in life:
        return {name: "" for name in NAMES}, {"a machine that does not stop": _deaf}
    if "drift" in life:
        return {}, {f"clocks after {life['drift']} s":
                    lambda console: _drift(console, life["drift"])}
    if "share" in life:
        return {"busy": "", "waits": "autostart = no\ncpu = 10%\n"}, {"a tenth of a core": _share}
    kills = life["kills"]
    return ({**{name: "" for name in NAMES}, "huge": "autostart = no\nmemory = 64G\n"},
            {"machines end by themselves": _own_ends,
             "a machine that is too large": _too_large,
             f"{kills} kills, seed {life['seed']}": lambda console: _kills(console, kills,
                                                                          life["seed"])})


def run(results, name, machine, life, timeout, yes, edited=()):
    """One row: life has the number of kills and their seed, or share, quarter, many, button, deaf,
    attacked, drift with its seconds, lent with its kills, reset with a disk, or balloon. edited: the
    row's system description and programs, where it has others."""
    try:
        machines, parts = _parts(life)
        if machines:
            machine.root = _root_image(name, machines, edited)
        elif "balloon" in life:
            machine.root = _balloon_image(name)
        elif machines is None:
            machine.root = image.root_image(yes)
        with Session(machine, yes) as session:
            console = Console(session, time.monotonic() + timeout)
            for part, test in parts.items():
                timer = Timer()
                try:
                    if machines and "attacked" not in life:  # its driver keeps it waiting
                        console.text(rb"payload up", 0)
                    test(console)
                    results.ok(f"{name}: {part}", timer.took, console.found)
                except Failure as failure:
                    results.fail(f"{name}: {part}", str(failure), session.last_lines(40))
                    return
    except Problem as problem:
        results.fail(name, str(problem))

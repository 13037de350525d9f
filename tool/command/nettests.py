# SPDX-License-Identifier: BSD-2-Clause
"""Tests of networks between machines: several Debian guests, each carrying out what is typed on its
console (test/guest/files/test/serve)."""

import itertools
import re
import time

from . import build, guest, image, testguests
from .console import ESCAPE, Console, Failure
from .results import Timer
from .session import Session, plain
from .ui import Problem


class Guests:
    """The machines, in the order of their numbers on the console."""

    def __init__(self, session, names, timeout):
        self.console = Console(session, time.monotonic() + timeout)
        self.names = names
        self.count = dict.fromkeys(names, 0)
        for name in names:
            self.console.text(rb"=== ready", self.select(name))

    def select(self, name):
        """Shows the machine's console; returns the place from which on it is shown."""
        place = self.console.type(ESCAPE + b"%d" % (1 + self.names.index(name)))
        shown = self.console.text(rb"console of " + name.encode(), place)
        return place + shown.end()

    def run(self, name, command):
        """What a command prints, and its exit status."""
        self.start(name, command)
        return self.finish(name)

    def start(self, name, command):
        """Begins a command; the machine's console is shown afterwards."""
        self.select(name)
        self.count[name] += 1
        self.console.type(command.encode() + b"\n")

    def finish(self, name):
        """Waits for the end of the machine's command. The machine's console need not be shown."""
        place = self.select(name)
        number = self.count[name]
        # The console shows again what came before, so the answer is what lies between two ends.
        ended = self.console.text(rb"=== %d ended with (\d+)\r\n" % number, place)
        text = plain(bytes(self.console.session.data[place:place + ended.start()]))
        before = text.rfind(f"=== {number - 1} ended with ")
        text = text[before:].partition("\n")[2] if before >= 0 else text.rpartition("=== ready\n")[2]
        return int(ended.group(1)), text

    def must(self, name, command, what):
        """Runs a command that has to succeed; returns what it prints."""
        status, text = self.run(name, command)
        if status != 0:
            raise Failure(f"{name}: {what}: {text.strip()}")
        return text


def _root_image(name, machines, more=None):
    """A root image with Debian guests: name -> further lines of its INI file. more: further files in
    the guests, name -> bytes."""
    out = build.directory() / f"{name}.root.elf"
    files = guest.test_files(more)
    for order, (machine, lines) in enumerate(machines.items()):
        files[f"vm/{machine}.ini"] = (
            f"name = {machine}\nkernel = guest/vmlinuz\ninitrd = test/initramfs\nmemory = 128M\n"
            f"order = {order}\ncmdline = console=ttyS0 quiet run=serve\n{lines}").encode()
    out.write_bytes(image.packed(files))
    return out


def _address(guests, name):
    return f"10.5.0.{1 + guests.names.index(name)}"


def _up(guests):
    """Each machine's card with an address of its own; returns the cards' hardware addresses."""
    cards = {}
    for name in guests.names:
        text = guests.must(name, ". /test/load-network && ip addr add "
                           f"{_address(guests, name)}/24 dev eth0 && cat /sys/class/net/eth0/address",
                           "the card does not come up")
        cards[name] = text.split()[-1]
    return cards


def _reaches(guests, name, other):
    return guests.run(name, f"ping -c 3 -W 2 {_address(guests, other)}")[0] == 0


def _received(guests, name):
    """Frames that the machine's card has received."""
    return int(guests.must(name, "cat /sys/class/net/eth0/statistics/rx_packets", "no card"))


def _joined(guests):
    """Machines of one network reach each other; no frame comes to another, in either direction."""
    _up(guests)
    groups = {"left": "a", "right": "a", "apart": "b"}
    for one, other in itertools.permutations(guests.names, 2):
        reaches = _reaches(guests, one, other)
        if reaches != (groups[one] == groups[other]):
            raise Failure(f"{one} {'reaches' if reaches else 'does not reach'} {other}")
    if _received(guests, "apart") != 0:
        raise Failure("frames of another network came to a machine")


class Echo:
    """Round trips from a machine to an address."""

    def __init__(self, guests, name, other, count, size=56, window=1):
        guests.start(name, f"/test/echo {other} {count} {size} {window}")
        status, text = guests.finish(name)
        found = re.search(r"echo: round trips of (\d+) to (\d+) ns, half below (\d+), "
                          r"99 % below (\d+)", text)
        if status != 0 or found is None:
            raise Failure(f"{name} to {other}: {text.strip()}")
        self.least, self.most, self.median, self.late = map(int, found.groups())

    def __str__(self):
        return (f"half of the round trips below {self.median // 1000} us, 99 % below "
                f"{self.late // 1000} us")


def _frames(guests, name, kind, count, address=""):
    """Has a machine send frames; returns the seconds that it took, of the machine's clock."""
    text = guests.must(name, "cat /proc/uptime && "
                       f"/test/frames {kind} {count} {address} && cat /proc/uptime",
                       f"cannot send {kind}")
    first, last = re.findall(r"^([\d.]+) [\d.]+$", text, re.MULTILINE)
    return float(last) - float(first)


def _contained(guests, kind, count, address, others):
    """Frames that nobody may get: what came to others meanwhile is their own talk at most."""
    before = {name: _received(guests, name) for name in others}
    _frames(guests, "attacker", kind, count, address)
    Echo(guests, "victim", _address(guests, "friend"), 10)  # whatever was on its way has come by now
    for name in others:
        came = _received(guests, name) - before[name]
        if came > 100:
            raise Failure(f"{kind}: {came} of {count} frames came to {name}")


def _forged(guests):
    """Frames with another's address, and with tags: none arrives, and nothing is led astray."""
    cards = _up(guests)
    others = [name for name in guests.names if name != "attacker"]
    if not _reaches(guests, "attacker", "victim"):
        raise Failure("the attacker is not joined with its victim")
    for kind, address in (("spoof", "friend"), ("vlan", "victim"), ("spoof", "victim")):
        _contained(guests, kind, 20000, cards[address], others)
    _frames(guests, "attacker", "random", 20000, cards["victim"])
    Echo(guests, "victim", _address(guests, "friend"), 1000)
    if _received(guests, "apart") != 0:
        raise Failure("frames of another network came to a machine")


def _number(guests, name, command):
    return float(guests.must(name, command, "no figure").split()[0])


def _storm(guests):
    """Broadcasts without end: few pass, and what the others say takes at most twice as long."""
    count, sent, now = 3000, "cat /sys/class/net/eth0/statistics/tx_packets", "cat /proc/uptime"
    calm = Echo(guests, "victim", _address(guests, "friend"), count)
    start, came = _number(guests, "victim", now), _received(guests, "victim")
    guests.must("attacker", "/test/frames storm 1000000000 >/dev/null &", "no storm")
    # Its rate while it lasts: what is typed here takes time that the machines may spend idle.
    before, begin = _number(guests, "attacker", sent), _number(guests, "attacker", now)
    storm = Echo(guests, "victim", _address(guests, "friend"), count)
    lasted = _number(guests, "attacker", now) - begin
    sent = _number(guests, "attacker", sent) - before
    guests.run("attacker", "kill $!; wait $!")
    came = _received(guests, "victim") - came - count
    seconds = _number(guests, "victim", now) - start
    if sent < 2 * STORM_RATE * lasted:
        raise Failure(f"{sent:.0f} broadcasts in {lasted:.1f} s are no storm")
    if came > STORM_RATE * (seconds + 2):
        raise Failure(f"{came} of {sent:.0f} broadcasts came to the victim in {seconds:.1f} s")
    said = (f"{came} of {sent:.0f} broadcasts came in {seconds:.1f} s; calm: {calm}; "
            f"in the storm: {storm}")
    if storm.median > 2 * calm.median:
        raise Failure(said)
    return said


# Of service/net/switch_main.c: a machine's frames to many, in a second.
STORM_RATE = 1000

OUTSIDE = "10.0.2.2"  # the host, in the emulator's user network


def _up_outside(guests, name):
    """Gives a machine an address of the emulator's user network as well."""
    guests.must(name, "ip addr add 10.0.2.20/24 dev eth0", "no address outside")


def _pings(guests):
    """A hundred thousand round trips between two machines, and to the host, in order and whole."""
    _up(guests)
    _up_outside(guests, "left")
    between = Echo(guests, "left", _address(guests, "right"), 100000, window=16)
    large = Echo(guests, "right", _address(guests, "left"), 5000, size=1472, window=16)
    outside = Echo(guests, "left", OUTSIDE, 100000, window=16)
    return f"100000 between machines: {between}; 5000 large ones: {large}; 100000 outside: {outside}"


def _transfer(guests, name, address, options=""):
    """Sends by iperf3; returns what its last lines say."""
    text = guests.must(name, f"iperf3 -f m {options} -c {address} 2>&1", "iperf3")
    lines = re.findall(r"^\[ *\d+\] .*(?:sender|receiver)$", text, re.MULTILINE)
    if len(lines) != 2 or "error" in text:
        raise Failure(f"{name}: iperf3: {text.strip()}")
    return lines


def _rate(lines):
    """Mbit/s that were received."""
    return float(re.search(r"([\d.]+) Mbits/sec", lines[1]).group(1))


def _tcp(guests):
    """64 MiB by TCP between two machines, both ways, and to and from the host."""
    _up(guests)
    _up_outside(guests, "left")
    guests.must("right", "mkdir -p /tmp && iperf3 -s -D && sleep 1", "no server")
    said = []
    with testguests.iperf_server():
        for what, address, options in (
                ("to a machine", _address(guests, "right"), "-n 64M"),
                ("from a machine", _address(guests, "right"), "-n 64M -R"),
                ("outside", OUTSIDE, "-n 64M"), ("from outside", OUTSIDE, "-n 64M -R")):
            said.append(f"{what} {_rate(_transfer(guests, 'left', address, options)):g} Mbit/s")
    return ", ".join(said)


def _udp(guests):
    """Datagrams at a rate that leaves time for whatever else the host does: none is lost, and none
    comes behind a later one (iperf3 counts that as lost too)."""
    text = " ".join(_transfer(guests, "left", _address(guests, "right"), "-u -b 1M -l 1400 -n 2M"))
    lost = re.findall(r"(\d+)/(\d+) \(", text)
    # The server stops counting when the client says that it is done, which may be before the last.
    if len(lost) != 2 or lost[1][0] != "0" or int(lost[1][1]) < int(lost[0][1]) - 5:
        raise Failure(f"datagrams: {text}")
    return f"{lost[1][1]} datagrams"


JOINED = {"left": "net = lan\n", "right": "net = lan\n", "apart": "net = other\n"}
# On one processor: the victims run before the attacker, which has all the time that they leave.
FIRST = "net = lan\npriority = high\ncpu = 40%\n"
ATTACKED = {"apart": "net = other\n", "attacker": "net = lan\n", "victim": FIRST, "friend": FIRST}
PAIR = {"left": "net = lan outside\n", "right": "net = lan\n"}
# Machines, their further files, and what is done with them.
SCENARIOS = {
    "joined": (JOINED, None, {"joined machines reach each other, and no other": _joined}),
    "attacked": (ATTACKED, None, {"forged frames": _forged, "broadcast storm": _storm}),
    "pings": (PAIR, None, {"a hundred thousand pings": _pings}),
    "iperf": (PAIR, testguests.iperf, {"TCP": _tcp, "UDP": _udp}),
}


def run(results, name, machine, scenario, timeout, yes):
    """One row: a scenario of the table above."""
    try:
        machines, more, parts = SCENARIOS[scenario]
        machine.root = _root_image(name, machines, more and more())
        with Session(machine, yes) as session:
            timer = Timer()
            try:
                guests = Guests(session, list(machines), timeout)
                for part, test in parts.items():
                    timer = Timer()
                    said = test(guests)
                    results.ok(f"{name}: {part}{f' ({said})' if said else ''}", timer.took)
            except Failure as failure:
                results.fail(name, str(failure), session.last_lines(40))
    except Problem as problem:
        results.fail(name, str(problem))

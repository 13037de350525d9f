# SPDX-License-Identifier: BSD-2-Clause
"""Tests of a guest's disk that take more than one run of the machine."""

import random
import re
import subprocess
import time

from . import disks, packages
from .results import Timer
from .session import Session
from .ui import Problem

_STABLE = re.compile(r"^stable (\d+)$", re.MULTILINE)
_FOUND = re.compile(r"^journal: (\d+) records$", re.MULTILINE)


class Failure(Exception):
    pass


def _make_file_system(name):
    """The disk, with a file system in its first partition."""
    packages.ensure(["file systems"])
    file = disks.file_of(name)
    file.write_bytes(disks.content("partitions"))
    _, first, last = disks.PARTITIONS[0]
    subprocess.run(["mkfs.ext4", "-q", "-F", "-b", "1024", "-E", f"offset={first * disks.SECTOR}",
                    file, f"{(last - first + 1) // 2}k"], check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL)
    return file


def _until_found(session, least, timeout):
    """Waits until the guest has checked its records; all that were told of must be there."""
    result = session.wait({"found": _FOUND.pattern, "wrong": r"is wrong|FAIL|panic"}, timeout)
    if result != "found":
        raise Failure(f"the guest did not check its records ({result}): "
                      + " / ".join(session.last_lines(6)))
    count = int(_FOUND.findall(session.text)[-1])
    if count < least:
        raise Failure(f"{least} records were on stable storage, {count} are there")
    return count


def _one_life(machine, least, chance, timeout):
    """Lets the guest write and ends the emulator at some moment; returns the last record it told of."""
    with Session(machine) as session:
        count = _until_found(session, least, timeout)
        if session.wait({"writes": _STABLE.pattern}, timeout) != "writes":
            raise Failure("the guest writes nothing")
        time.sleep(chance.uniform(0.05, 3))
        session.process.kill()
        session.process.wait(20)
        session.reader.join(5)
        # A line that is cut off may name another number.
        told = _STABLE.findall(session.text.rpartition("\n")[0])
        return max(int(told[-1]) if told else 0, count)


def power(results, name, machine_with, wanted, timeout):
    """The emulator is killed again and again while the guest writes. machine_with(more): the machine,
    with more on the guest's command line; the disk is in its file."""
    timer = Timer()
    try:
        file = _make_file_system(name)
        chance = random.Random(wanted.get("seed", 1))
        least = 0
        for _ in range(wanted["kills"]):
            least = _one_life(machine_with("append=yes"), least, chance, timeout)
        with Session(machine_with("after=poweroff")) as session:
            _until_found(session, least, timeout)
            if session.wait({"off": "powered off", "wrong": "FAIL"}, timeout) != "off":
                raise Failure("the guest did not end")
        clean, said = disks.is_clean(file)
        if not clean:
            raise Failure(f"the file system is not clean: {said.strip().splitlines()[-1]}")
    except (Failure, Problem) as problem:
        results.fail(f"{name}: every stable record is there", str(problem))
        return
    results.ok(f"{name}: {wanted['kills']} kills, each of {least} stable records is there", timer.took)

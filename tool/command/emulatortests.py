# SPDX-License-Identifier: BSD-2-Clause
"""Tests that run in an emulator, as test/emulator.toml lists them."""

import re
import tomllib
from pathlib import Path

from . import (benchio, build, debiandisk, debianwork, disks, disktests, elf, guest, hostiletests, image,
               lifetests, nettests, soaktests, testguests)
from .machine import Machine
from .results import Timer
from .session import Session
from .ui import ROOT, Problem

TABLE = ROOT / "test/emulator.toml"

# What a row may say, and what it means where it says nothing.
DEFAULTS = {
    "name": None,      # required
    "kind": None,      # required: kernel, vm or boot
    "boot": "direct",  # direct: kernel and root task from the emulator; iso: from the boot image
    "kernel": "debug",
    "root": "init/init.elf",
    "only": None,      # of the tests that the root task counts: those whose names begin so
    "variables": {},   # direct: numbers of 64 bits in the root task, by name
    "cpu": "amd",
    "firmware": "bios",
    "smp": 1,
    "memory": "1G",
    "icount": None,    # time counts instructions, 2^this ns each: repeatable, one processor
    "entry": None,     # iso: menu entry
    "expect": None,    # the pattern that ends the test well, or several, in any order
    "forbid": r"KERNEL PANIC|kernel panic|panic:",
    "count": False,    # count the lines "test NAME ... ok|FAIL reason" of the root task or guest
    "limits": {},      # "bench NAME VALUE ..." lines: VALUE is below this
    "requests": None,  # instead of expect: what has limits is what benchio.py counts for a request: disk, network
    "timeout": 60,
    "slow": False,     # only with ./quoin test all
    "qemu": [],
    "each": None,      # one run for each of these: more of the guest's command line
    "net": None,       # network card on the emulator's user network: virtio or e1000e
    "disk": None,      # [controller, content]: virtio or sata, and what disks.py makes
    "power": None,     # instead of expect: disktests.py with so many kills of the emulator, and a seed
    "soak": None,      # instead of expect: soaktests.py with so many turns or seconds, and a seed
    "written": False,  # the guest's partitions of that disk hold what it says (disks.py)
    "work": False,     # the Debian system's work came out as on the host (debiandisk.py)
    "compare": None,   # the guest's lines "NAME: ..." must all come on a bare machine as well
    "life": None,      # instead of expect: what lifetests.py does at the console
    "replace": {},     # direct: programs of the system, without machines -> what the build makes
    "hostile": False,  # instead of expect: hostiletests.py
    "network": None,   # instead of expect: what nettests.py does with several machines
    "edit": [],        # guest, life: [old, new] texts of the system description, whose programs may be ones
                       # of test/component and test/hostile
    "system": None,    # direct: another system description, with the programs built beside it
    "guest": None,     # direct: the one virtual machine, instead of system/vm: what its INI file says
}

_LINE = re.compile(r"^test (\S+) \.\.\. (ok|FAIL|skip)[ \t]*(.*)$", re.MULTILINE)
# A debug kernel's own lines come in the middle of the root task's.
_BENCH = re.compile(r"^bench (\S+) (\d+) ", re.MULTILINE)
_KERNEL = re.compile(r"kernel: [^\n]*\n")
_END = r"^(?:kernel|guest) tests: (\d+) passed, (\d+) failed"


def rows():
    """The table's rows, completed and checked."""
    table = tomllib.loads(TABLE.read_text())
    found = []
    for given in table.get("test", []):
        unknown = set(given) - set(DEFAULTS)
        if unknown or "name" not in given or given.get("kind") not in ("kernel", "vm", "boot"):
            raise Problem(f"{TABLE.name}: bad row {given.get('name', given)}: "
                          f"{', '.join(sorted(unknown)) or 'name and kind are required'}")
        if not any(given.get(key) for key in ("expect", "count", "life", "hostile", "network",
                                              "power", "soak", "requests")):
            raise Problem(f"{TABLE.name}: row {given['name']} expects nothing")
        found += _expand({**DEFAULTS, **given})
    return found


def _expand(row):
    """The rows that a row with "each" stands for."""
    if row["each"] is None:
        return [row]
    return [{**row, "name": f"{row['name']}-{number}",
             "guest": {**row["guest"], "cmdline": f"{row['guest'].get('cmdline', '')} {more}"}}
            for number, more in enumerate(row["each"], 1)]


def _with_variables(row, settings):
    """The root task with the row's numbers in its variables, or those of settings."""
    variables = {name: settings.get(name, value) for name, value in row["variables"].items()}
    root = build.artifact(row["root"])
    if not variables:
        return root
    data = root.read_bytes()
    for name, value in variables.items():
        data = elf.set_variable(data, name, value.to_bytes(8, "little"))
    out = build.directory() / f"{row['name']}.elf"
    out.write_bytes(data)
    return out


def _machine(row, settings):
    machine = Machine(firmware=row["firmware"], cpu=row["cpu"], smp=row["smp"],
                      memory=row["memory"], icount=row["icount"], entry=row["entry"],
                      net=row["net"], qemu_args=row["qemu"], spread=row["kind"] == "kernel")
    if row["boot"] == "direct":
        suffix = "-debug" if row["kernel"] == "debug" else ""
        machine.kernel = build.artifact(f"kernel/kernel32{suffix}.elf")
        machine.root = _with_variables(row, settings)
        if row["system"] is not None:
            machine.root = _root_with_system(row)
        if row["guest"] is not None:
            machine.root = _root_with_guest(row)
        if row["replace"]:
            machine.root = build.directory() / f"test-{row['name']}.root.elf"
            machine.root.write_bytes(image.packed({}, more=row["replace"]))
    elif row["root"] == DEFAULTS["root"]:
        machine.iso = image.current()
    else:
        machine.iso = build.directory() / f"test-{row['name']}.iso"
        image.make(machine.iso, image.payload(build.artifact(row["root"])))
    if row["disk"] is not None:
        machine.qemu_args = [*row["qemu"], *disks.arguments(row["name"], *row["disk"])]
    return machine


def _configuration(row):
    """What the INI file of the row's virtual machine says."""
    return {"name": "guest", "kernel": "guest/vmlinuz", "initrd": "guest/initramfs",
            "memory": "256M", "cmdline": "console=ttyS0", **row["guest"]}


def _root_with_system(row):
    """A root image of the row's system, without virtual machines."""
    system = ROOT / row["system"]
    folder = system.parent.relative_to(ROOT)
    programs = {file.name: f"{folder}/{file.name}"
                for file in (build.directory() / folder).glob("*.elf")}
    out = build.directory() / f"test-{row['name']}.root.elf"
    out.write_bytes(image.packed({}, system, programs))
    return out


def _root_with_guest(row):
    """A root image whose only virtual machine is the row's."""
    lines = _configuration(row)
    several = [(key, value if isinstance(value, list) else [value]) for key, value in lines.items()]
    text = "".join(f"{key} = {value}\n" for key, values in several for value in values
                   if value != "")
    if lines["kernel"].startswith("test/payload-"):
        name = lines["kernel"].removeprefix("test/")
        content = {lines["kernel"]: build.artifact(f"test/payload/{name}").read_bytes()}
    else:
        named = {disk.split()[0] for key, values in several if key == "disk" for disk in values}
        named = {name for name in named if ":" not in name}  # the others are the machine's
        content = testguests.content({lines["kernel"], lines["initrd"], *named} - {"", "-"})
    out = build.directory() / f"test-{row['name']}.root.elf"
    out.write_bytes(image.packed({"vm/guest.ini": text.encode()} | content, *_edited(row)))
    return out


def _edited(row):
    """The row's system description, and programs beside the tree's own, for image.packed."""
    if not row["edit"]:
        return ()
    text = image.SYSTEM.read_text()
    for old, new in row["edit"]:
        if old not in text:
            raise Problem(f"{image.SYSTEM.name} does not say {old}")
        text = text.replace(old, new)
    out = build.directory() / f"test-{row['name']}.system"
    out.write_text(text)
    return out, {file.name: f"{folder}/{file.name}" for folder in ("test/component", "test/hostile")
                 for file in (build.directory() / folder).glob("*.elf")
                 if f'"{file.name}"' in text}


def _bare(row):
    """The machine that runs the guest's kernel itself."""
    lines = _configuration(row)
    files = {}
    for name, data in guest.test_files().items():
        files[name] = build.directory() / f"bare-{Path(name).name}"
        files[name].write_bytes(data)
    return Machine(kernel=files[lines["kernel"]], root=files[lines["initrd"]],
                   smp=lines.get("vcpus", 1), memory=lines["memory"],
                   qemu_args=["-append", lines["cmdline"], "-device", "virtio-serial-pci"])


def _said(text, what):
    """The lines "what: ..." without what differs from run to run: time stamps and numbers."""
    lines = re.findall(rf"^{what}: (.*)$", text, re.MULTILINE)
    lines = [re.sub(r"^<\d+>\[[ \d.]*\] ", "", line) for line in lines]
    return {re.sub(r"0x[0-9a-f]+|\d+", "N", line): line for line in lines}


def compare(results, row, text, yes):
    """Fails for each line that the guest alone prints."""
    name = f"{row['name']}: {row['compare']}"
    with Session(_bare(row), yes) as session:
        if session.wait({"found": _END}, row["timeout"]) != "found":
            results.fail(name, "the bare machine did not get to the end", session.last_lines(25))
            return
        bare = _said(session.text, row["compare"])
    extra = [line for key, line in _said(text, row["compare"]).items() if key not in bare]
    if extra:
        results.fail(name, f"{len(extra)} lines that a bare machine does not print", extra)
    else:
        results.ok(name)


def _filtered(root, only):
    """The root task told to run only the tests whose names begin with only."""
    out = build.directory() / f"filtered-{root.name}"
    out.write_bytes(elf.set_variable(root.read_bytes(), "test_filter", only.encode() + b"\0"))
    return out


def run_row(results, row, yes, only=None, settings=None):
    """Runs one row and counts its result, or those of the tests inside it."""
    timer = Timer()
    name = row["name"]
    if row["life"] is not None:
        lifetests.run(results, name, _machine(row, settings or {}), row["life"], row["timeout"], yes,
                      _edited(row))
        return
    if row["hostile"]:
        hostiletests.run(results, name, _machine(row, settings or {}), row["timeout"], yes)
        return
    if row["power"] is not None:
        def machine_with(more):
            command_line = f"{row['guest']['cmdline']} {more}"
            return _machine({**row, "guest": {**row["guest"], "cmdline": command_line}}, {})
        disktests.power(results, name, machine_with, row["power"], row["timeout"])
        return
    if row["soak"] is not None:
        soaktests.run(results, name, lambda: _machine(row, settings or {}), row["soak"],
                      row["timeout"], yes)
        return
    if row["network"] is not None:
        nettests.run(results, name, _machine(row, settings or {}), row["network"], row["timeout"],
                     yes)
        return
    if row["requests"] is not None:
        try:
            counted = {"disk": benchio.disk_requests, "network": benchio.round_trips}
            measured = counted[row["requests"]](yes)
        except Problem as problem:
            results.fail(name, str(problem))
            return
        results.ok(name, timer.took)
        compare_limits(results, name, measured, row["limits"])
        return
    try:
        machine = _machine(row, settings or {})
        if only or row["only"]:
            machine.root = _filtered(machine.root, only or row["only"])
        timeout = row["timeout"]
        expect = row["expect"] or _END
        with Session(machine, yes) as session:
            for pattern in expect if isinstance(expect, list) else [expect]:
                result = session.wait({"found": pattern, "forbidden": row["forbid"]}, timeout)
                if result != "found":
                    break
            text = session.text
            tail = session.last_lines(60)  # what was wrong stands above each vCPU's exits
    except Problem as problem:
        results.fail(name, str(problem))
        return
    if row["count"]:
        count(results, name, text, ended=result == "found")
    elif result == "found":
        results.ok(name, timer.took)
    if result == "found" and row["limits"]:
        check_limits(results, name, text, row["limits"])
    if result == "found" and row["written"]:
        wrong = disks.check(name, row["disk"][1], text)
        results.ok(f"{name}: the disk") if wrong is None else results.fail(f"{name}: the disk", wrong)
    if result == "found" and row["work"]:
        wrong = debiandisk.wrong_work(disks.file_of(name), text)
        if wrong is None:
            results.ok(f"{name}: the work", found=debianwork.told(text))
        else:
            results.fail(f"{name}: the work", wrong)
    if result == "found" and row["compare"]:
        compare(results, row, text, yes)
    if result != "found":
        said = re.search(row["forbid"], text, re.MULTILINE) if row["forbid"] else None
        reason = {"forbidden": f"the console says {said and said.group(0)!r}, which it must not",
                  "timeout": f"{pattern!r} not seen within {timeout} s",
                  "exit": "the machine ended early"}[result]
        results.fail(name, reason, tail)


def check_limits(results, name, text, limits):
    """Each figure that has a limit was printed, and is below it."""
    compare_limits(results, name, {key: int(value) for key, value in _BENCH.findall(text)}, limits)


def compare_limits(results, name, measured, limits):
    """Each limit has its figure, which is below it."""
    for key, limit in limits.items():
        if key not in measured:
            results.fail(f"{name}: {key}", "there is no such figure")
        elif measured[key] >= limit:
            results.fail(f"{name}: {key}", f"{measured[key]}, which is not below {limit}")
        else:
            results.ok(f"{name}: {key}")


def count(results, name, text, ended=True):
    """Counts the tests that a root task ran. Its own total must agree, or lines were lost."""
    passed = failed = skipped = 0
    text = _KERNEL.sub("", text)
    for match in _LINE.finditer(text):
        case = f"{name}: {match.group(1)}"
        reason = match.group(3) or "no reason given"
        if match.group(2) == "ok":
            passed += 1
            results.ok(case)
        elif match.group(2) == "skip":
            skipped += 1
            results.skip(case, reason)
        else:
            failed += 1
            results.fail(case, reason)
    told = re.search(_END, text, re.MULTILINE)
    if not ended or told is None:
        return
    if (int(told.group(1)), int(told.group(2))) != (passed, failed):
        results.fail(name, f"it counts {told.group(1)} passed and {told.group(2)} failed, its "
                           f"lines {passed} and {failed}")
    elif passed + failed + skipped == 0:
        results.fail(name, "it ran no test")


def run(results, kinds, slow, name, yes, inside, settings):
    """Runs the rows whose name matches; where none does, name is the beginning of the names of
    tests inside the rows that count, if inside. settings: numbers for variables that rows have.
    Returns how many rows ran."""
    chosen = [row for row in rows() if row["kind"] in kinds
              and (slow or not row["slow"] or row["name"] == name)]
    matching = [row for row in chosen if name is None or re.search(name, row["name"])]
    for row in matching:
        run_row(results, row, yes, settings=settings)
    if matching or not inside:
        return len(matching)
    counting = [row for row in chosen if row["kind"] == "kernel" and row["count"]]
    for row in counting:
        run_row(results, row, yes, only=name)
    return len(counting)

# SPDX-License-Identifier: BSD-2-Clause
"""From elements to the model. Every element and attribute that is not listed here is a mistake."""

import re

from . import model
from .check import check
from .model import PAGE, LARGE_PAGE

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,30}\Z")
_SYMBOL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_NUMBER = re.compile(r"(0[xX][0-9A-Fa-f_]+|[0-9][0-9_]*)\Z")
_DEVICE = re.compile(r"([0-9A-Fa-f]{1,2}):([0-9A-Fa-f]{1,2})\.([0-7])\Z")

# Of Microkit's format, and known not to be there: a clearer word than "unknown".
_ABSENT = {
    "virtual_machine": "a virtual machine is described by an INI file in system/vm",
    "domain_schedule": "domain schedules are not supported",
}


class _Fields:
    """The attributes of one element, each taken once; what is left over is unknown."""

    def __init__(self, element, report):
        self.element = element
        self.report = report
        self.left = dict(element.attributes)
        self.good = True

    def wrong(self, text):
        self.good = False
        self.report.add(self.element.line, f"{self.element.name}: {text}")

    def text(self, name, pattern=None, default=None, required=False):
        value = self.left.pop(name, None)
        if value is None:
            if required:
                self.wrong(f"the attribute {name} is missing")
            return default
        if pattern and not pattern.match(value):
            self.wrong(f"{name}=\"{value}\" is no valid name")
            return default
        return value

    def number(self, name, low, high, default=None, required=False, multiple=1):
        value = self.text(name, required=required)
        if value is None:
            return default
        if not _NUMBER.match(value):
            self.wrong(f"{name}=\"{value}\" is no number")
            return default
        number = int(value.replace("_", ""), 0) if value[:2] in ("0x", "0X") else \
            int(value.replace("_", ""), 10)
        if not low <= number <= high:
            self.wrong(f"{name}=\"{value}\" is not from {low:#x} to {high:#x}")
            return default
        if number % multiple:
            self.wrong(f"{name}=\"{value}\" is not a multiple of {multiple:#x}")
            return default
        return number

    def choice(self, name, choices, default=None, required=False):
        value = self.text(name, required=required)
        if value is None:
            return default
        if value not in choices:
            self.wrong(f"{name}=\"{value}\" is none of {', '.join(choices)}")
            return default
        return value

    def truth(self, name, default):
        return self.choice(name, ("true", "false"), "true" if default else "false") == "true"

    def close(self, children=()):
        """Whether all attributes were right; reports unknown ones and misplaced content."""
        for name in self.left:
            self.wrong(f"unknown attribute {name}")
        for child in self.element.children:
            if child.name not in children:
                reason = _ABSENT.get(child.name, f"it cannot stand in {self.element.name}")
                self.report.add(child.line, f"{child.name}: {reason}")
        if self.element.text.strip():
            self.wrong("text has no place here")
        return self.good


def _region(element, report, system):
    fields = _Fields(element, report)
    name = fields.text("name", _NAME, required=True)
    page = fields.number("page_size", PAGE, LARGE_PAGE, PAGE)
    if page not in (PAGE, LARGE_PAGE):
        fields.wrong(f"page_size must be {PAGE:#x} or {LARGE_PAGE:#x}")
        page = PAGE
    size = fields.number("size", page, model.MAX_REGION, required=True, multiple=page)
    physical = fields.number("phys_addr", 0, (1 << 52) - 1, multiple=page)
    contiguous = fields.truth("contiguous", False)
    if contiguous and (physical is not None or page != PAGE or size is None or
                       size > LARGE_PAGE or size & (size - 1)):
        fields.wrong(f"contiguous memory has small pages, no phys_addr, and as size a power of two "
                     f"up to {LARGE_PAGE:#x}")
    found = fields.truth("found", False)
    if found and (physical is not None or contiguous or size is None or
                  size > model.MAX_FOUND * page):
        fields.wrong(f"memory that is found has no phys_addr, is not contiguous, and has "
                     f"{model.MAX_FOUND} pages at most")
    if not fields.close():
        return
    if name in system.regions:
        report.add(element.line, f"memory_region: {name} exists already, from line "
                                 f"{system.regions[name].line}")
        return
    system.regions[name] = model.Region(name, element.line, size, page, physical, contiguous,
                                        found)


def _map(element, report, domain):
    fields = _Fields(element, report)
    found = model.Map(
        element.line,
        fields.text("mr", _NAME, required=True),
        fields.number("vaddr", model.LOWEST_MAPPING, model.HIGHEST_MAPPING - PAGE, required=True,
                      multiple=PAGE),
        fields.choice("perms", ("r", "rw", "rx"), "rw"),
        fields.truth("cached", True),
        fields.number("offset", 0, model.MAX_REGION, 0, multiple=PAGE),
        fields.number("size", PAGE, model.MAX_REGION, multiple=PAGE),
        fields.text("setvar_vaddr", _SYMBOL))
    size_variable = fields.text("setvar_size", _SYMBOL)
    if fields.close():
        domain.maps.append(found)
        if found.setvar:
            domain.variables.append((element.line, found.setvar, found.address))
        if size_variable:
            domain.variables.append((element.line, size_variable, ("size", found)))


def _interrupt(element, report, domain):
    fields = _Fields(element, report)
    identity = fields.number("id", 0, model.MAX_ID, required=True)
    vector = fields.number("vector", 0, model.MAX_VECTOR, required=True)
    variable = fields.text("setvar_id", _SYMBOL)
    found = model.Interrupt(element.line, identity, vector)
    if "pcidev" in element.attributes:
        device = fields.text("pcidev")
        match = _DEVICE.match(device)
        if match and int(match.group(2), 16) < 32:
            found.device = tuple(int(part, 16) for part in match.groups())
        else:
            fields.wrong(f"pcidev=\"{device}\" is not BUS:DEVICE.FUNCTION")
        found.handle = fields.number("handle", 0, 0xFFFFFFFF, required=True)
    else:
        found.ioapic = fields.number("ioapic", 0, 15, 0)
        found.pin = fields.number("pin", 0, 23, required=True)
        found.level = fields.choice("trigger", ("level", "edge"), "level") == "level"
        found.low = fields.choice("polarity", ("low", "high"), "high") == "low"
    if fields.close():
        domain.interrupts.append(found)
        if variable:
            domain.variables.append((element.line, variable, identity))


def _port(element, report, domain):
    fields = _Fields(element, report)
    identity = fields.number("id", 0, model.MAX_ID, required=True)
    first = fields.number("addr", 0, 0xFFFF, required=True)
    size = fields.number("size", 1, 0x10000, required=True)
    variables = [(fields.text("setvar_id", _SYMBOL), identity),
                 (fields.text("setvar_addr", _SYMBOL), first)]
    if fields.good and first + size > 0x10000:
        fields.wrong("it ends behind the last port, 0xffff")
    if fields.close():
        domain.ports.append(model.Port(element.line, identity, first, size))
        domain.variables += [(element.line, name, value) for name, value in variables if name]


def _timer(element, report, domain):
    fields = _Fields(element, report)
    identity = fields.number("id", 0, model.MAX_ID, required=True)
    variable = fields.text("setvar_id", _SYMBOL)
    if fields.close():
        domain.timers.append(model.Timer(element.line, identity))
        if variable:
            domain.variables.append((element.line, variable, identity))


def _program(element, report, domain):
    fields = _Fields(element, report)
    path = fields.text("path", required=True)
    if path is not None and not 0 < len(path.encode()) < 48:
        fields.wrong("the path must have 1 to 47 bytes")
    if not fields.close():
        return
    if domain.program is not None:
        report.add(element.line, f"program_image: {domain.name} has one already")
        return
    domain.program = path


def _variable(element, report, domain):
    fields = _Fields(element, report)
    symbol = fields.text("symbol", _SYMBOL, required=True)
    region = fields.text("region_paddr", _NAME, required=True)
    if fields.close():
        domain.variables.append((element.line, symbol, ("physical", region)))


def _watchdog(element, report, domain):
    fields = _Fields(element, report)
    found = model.Watchdog(element.line, fields.number("id", 0, model.MAX_ID, required=True),
                           fields.number("seconds", 2, 60, required=True))
    if not fields.close():
        return
    if domain.watchdog is not None:
        report.add(element.line, f"watchdog: {domain.name} has one already")
        return
    domain.watchdog = found


def _device_memory(element, report, kind, others):
    """A region by an id: memory that devices may reach, or memory of devices."""
    fields = _Fields(element, report)
    found = kind(element.line, fields.number("id", 0, 15, required=True),
                 fields.text("mr", _NAME, required=True))
    if not fields.close():
        return
    if any(other.id == found.id for other in others):
        report.add(element.line, f"{element.name}: id {found.id} is in use already")
        return
    others.append(found)


def _dma(element, report, domain):
    _device_memory(element, report, model.Dma, domain.dmas)


def _found(element, report, domain):
    _device_memory(element, report, model.Found, domain.founds)


_PARTS = {"program_image": _program, "map": _map, "irq": _interrupt, "ioport": _port,
          "timer": _timer, "setvar": _variable, "watchdog": _watchdog, "dma": _dma,
          "found": _found}


def _domain(element, report, system):
    fields = _Fields(element, report)
    name = fields.text("name", _NAME, required=True)
    budget = fields.number("budget", 100, 60_000_000, 1000)
    found = model.Domain(
        name, element.line,
        fields.number("priority", 0, model.MAX_PRIORITY, 0),
        budget,
        fields.number("period", 100, 60_000_000, budget),
        fields.number("cpu", 0, model.MAX_CORES - 1, 0))
    fields.number("stack_size", PAGE, 0x10000, PAGE, multiple=PAGE)
    found.restarts = fields.number("restart", 0, 255, 0)
    for absent in ("passive", "pp"):
        if fields.left.get(absent, "false") == "false":
            fields.left.pop(absent, None)
        else:
            fields.left.pop(absent)
            fields.wrong(f"{absent}=\"true\" is not supported")
    if found.budget > found.period:
        fields.wrong("the budget is larger than the period")
    if name == "init":
        fields.wrong("init is the root task's own name")
    good = fields.close(_PARTS)
    for child in element.children:
        if child.name in _PARTS:
            _PARTS[child.name](child, report, found)
    if not good:
        return
    if found.program is None:
        report.add(element.line, f"protection_domain: {name} has no program_image")
    if name in system.domains:
        report.add(element.line, f"protection_domain: {name} exists already, from line "
                                 f"{system.domains[name].line}")
        return
    system.domains[name] = found


def _end(element, report, system):
    fields = _Fields(element, report)
    found = model.End(
        element.line,
        fields.text("pd", _NAME, required=True),
        fields.number("id", 0, model.MAX_ID, required=True),
        fields.truth("notify", True),
        fields.truth("pp", False))
    variable = fields.text("setvar_id", _SYMBOL)
    if not fields.close():
        return None
    if found.domain not in system.domains:
        report.add(element.line, f"end: there is no protection_domain {found.domain}")
        return None
    if variable:
        system.domains[found.domain].variables.append((element.line, variable, found.id))
    return found


def _channel(element, report, system):
    fields = _Fields(element, report)
    good = fields.close(("end",))
    ends = [_end(child, report, system) for child in element.children if child.name == "end"]
    if len(ends) != 2:
        report.add(element.line, f"channel: it has two ends, not {len(ends)}")
    elif good and None not in ends:
        system.channels.append(model.Channel(element.line, ends))


def _set(element, system, domain, variables):
    """Variables of a domain's program; a domain that is missing is check's matter."""
    if domain in system.domains:
        system.domains[domain].variables += [(element.line, name, value)
                                             for name, value in variables if name]


def _log(element, report, system):
    fields = _Fields(element, report)
    found = model.Log(
        element.line,
        fields.text("pd", _NAME, required=True),
        fields.text("mr", _NAME, required=True),
        fields.number("first_id", 0, model.MAX_ID, required=True))
    variables = [(fields.text("setvar_first_id", _SYMBOL), found.first_id)]
    if not fields.close():
        return
    if system.log is not None:
        report.add(element.line, "log: there is one already")
        return
    system.log = found
    _set(element, system, found.domain, variables)


def _connect(element, report, system, machines):
    fields = _Fields(element, report)
    found = model.Connection(
        element.line,
        fields.choice("kind", tuple(model.CONNECTIONS), required=True),
        fields.text("pd", _NAME, required=True),
        fields.text("mr", _NAME, required=True),
        fields.text("table", _NAME, required=True),
        fields.number("first_id", 0, model.MAX_ID, required=True))
    variables = [(fields.text("setvar_first_id", _SYMBOL), found.first_id),
                 (fields.text("setvar_slots", _SYMBOL), machines.slots),
                 (fields.text("setvar_slice", _SYMBOL), ("slice", found.region, machines.slots))]
    if not fields.close():
        return
    for other in machines.connections:
        if other.kind == found.kind:
            report.add(element.line, f"connect: there is one of kind {found.kind} already, from "
                                     f"line {other.line}")
            return
    machines.connections.append(found)
    _set(element, system, found.domain, variables)


def _machines(element, report, system):
    fields = _Fields(element, report)
    found = model.Machines(
        element.line,
        fields.number("slots", 1, model.MAX_MACHINES, required=True),
        fields.number("priority", 0, model.MAX_PRIORITY, required=True),
        fields.text("console", _NAME, required=True),
        fields.text("rings", _NAME, required=True),
        fields.number("first_id", 0, model.MAX_ID, required=True),
        fields.text("table", _NAME, required=True),
        fields.text("commands", _NAME, required=True),
        fields.number("id", 0, model.MAX_ID, required=True))
    variables = [(fields.text("setvar_first_id", _SYMBOL), found.first_id),
                 (fields.text("setvar_id", _SYMBOL), found.id)]
    good = fields.close(("connect",))
    for child in element.children:
        if child.name == "connect":
            _connect(child, report, system, found)
    if not good:
        return
    if system.machines is not None:
        report.add(element.line, "machines: there is one already")
        return
    system.machines = found
    _set(element, system, found.console, variables)


def read(root, report):
    """The system that the document's root element describes; raises Mistakes."""
    system = model.System()
    if root.name != "system":
        report.add(root.line, f"the root element is {root.name}, not system")
        report.finish()
    readers = (("memory_region", _region), ("protection_domain", _domain), ("channel", _channel),
               ("log", _log), ("machines", _machines))
    _Fields(root, report).close([name for name, _ in readers])
    # In the order in which they refer to each other, wherever they stand.
    for name, reader in readers:
        for child in root.children:
            if child.name == name:
                reader(child, report, system)
    check(system, report)
    report.finish()
    return system

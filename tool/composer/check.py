# SPDX-License-Identifier: BSD-2-Clause
"""What must hold between the parts of a description."""

from . import model
from .model import PAGE


def mapped_size(found, region):
    """Bytes that a map covers."""
    return region.size - found.offset if found.size is None else found.size


def _maps(domain, system, report):
    placed = []
    for found in domain.maps:
        region = system.regions.get(found.region)
        if region is None:
            report.add(found.line, f"map: there is no memory_region {found.region}")
            continue
        if found.offset >= region.size or mapped_size(found, region) > region.size - found.offset:
            report.add(found.line, f"map: it ends behind {found.region}, which has "
                                   f"{region.size:#x} bytes")
            continue
        size = mapped_size(found, region)
        if found.address % region.page or found.offset % region.page or size % region.page:
            report.add(found.line, f"map: {found.region} has pages of {region.page:#x} bytes, and "
                                   "address, offset and size must be multiples of that")
            continue
        if found.address + size > model.HIGHEST_MAPPING:
            report.add(found.line, "map: it ends behind the address space")
            continue
        for other, start, end in placed:
            if found.address < end and start < found.address + size:
                report.add(found.line, f"map: it overlaps the one of line {other}")
        placed.append((found.line, found.address, found.address + size))


class _Ids:
    """Who uses which bit of each domain's notification."""

    def __init__(self, report):
        self.report = report
        self.used = {}

    def take(self, line, domain, number, what):
        other = self.used.setdefault((domain, number), line)
        if other != line:
            self.report.add(line, f"{what}: id {number} of {domain} is in use already, from line "
                                  f"{other}")

    def take_range(self, line, domain, first, count, what):
        if first + count - 1 > model.MAX_ID:
            self.report.add(line, f"{what}: ids {first} to {first + count - 1} do not fit, "
                                  f"{model.MAX_ID} is the last")
            return
        for number in range(first, first + count):
            self.take(line, domain, number, what)


def _hardware(system, report):
    vectors, pins, ports = {}, {}, []
    for domain in system.domains.values():
        for found in domain.interrupts:
            other = vectors.setdefault(found.vector, found.line)
            if other != found.line:
                report.add(found.line, f"irq: vector {found.vector} is in use already, from line "
                                       f"{other}")
            if found.ioapic is None:
                continue
            other = pins.setdefault((found.ioapic, found.pin), found.line)
            if other != found.line:
                report.add(found.line, f"irq: pin {found.pin} of I/O APIC {found.ioapic} is in use "
                                       f"already, from line {other}")
        port_ids = {}
        for found in domain.ports:
            other = port_ids.setdefault(found.id, found.line)
            if other != found.line:
                report.add(found.line, f"ioport: id {found.id} is in use already, from line {other}")
            for line, first, end in ports:
                if found.first < end and first < found.first + found.size:
                    report.add(found.line, f"ioport: it overlaps the one of line {line}")
            ports.append((found.line, found.first, found.first + found.size))


def _physical(system, report):
    placed = []
    for region in system.regions.values():
        if region.physical is None:
            continue
        for line, start, end in placed:
            if region.physical < end and start < region.physical + region.size:
                report.add(region.line, f"memory_region: it overlaps the one of line {line}")
        placed.append((region.line, region.physical, region.physical + region.size))


def _channels(system, ids, report):
    for channel in system.channels:
        first, second = channel.ends
        if first.domain == second.domain:
            report.add(channel.line, "channel: both ends are of the same protection_domain")
            continue
        for end in channel.ends:
            ids.take(end.line, end.domain, end.id, "end")
        if first.call and second.call:
            report.add(channel.line, "channel: only one end can have pp=\"true\"")
            continue
        for caller, callee in ((first, second), (second, first)):
            if not caller.call:
                continue
            server = system.domains[callee.domain]
            if system.domains[caller.domain].priority >= server.priority:
                report.add(caller.line, f"end: {caller.domain} cannot call {callee.domain}, whose "
                                        "priority is not higher")
            server.serves = True


def _whole(system, name, least, line, what, report, exact=False):
    """A region that init fills: ordinary memory in small pages, large enough."""
    region = system.regions.get(name)
    if region is None:
        report.add(line, f"{what}: there is no memory_region {name}")
    elif region.page != PAGE or region.physical is not None or region.found:
        report.add(line, f"{what}: {name} must be ordinary memory of {PAGE:#x} byte pages")
    elif region.size < least or (exact and region.size > least):
        report.add(line, f"{what}: {name} must have {'' if exact else 'at least '}{least:#x} bytes")


def _log(system, ids, report):
    log = system.log
    if log is None:
        return
    if log.domain not in system.domains:
        report.add(log.line, f"log: there is no protection_domain {log.domain}")
        return
    count = 1 + len(system.domains)
    _whole(system, log.region, PAGE + count * model.LOG_SLICE, log.line, "log", report)
    ids.take_range(log.line, log.domain, log.first_id, count, "log")


def _machines(system, ids, report):
    machines = system.machines
    if machines is None:
        return
    line = machines.line
    if machines.console not in system.domains:
        report.add(line, f"machines: there is no protection_domain {machines.console}")
        return
    _whole(system, machines.rings, machines.slots * model.MACHINE_SLICE, line, "machines", report)
    _whole(system, machines.table, PAGE, line, "machines", report, exact=True)
    _whole(system, machines.commands, PAGE, line, "machines", report, exact=True)
    ids.take_range(line, machines.console, machines.first_id, machines.slots, "machines")
    ids.take(line, machines.console, machines.id, "machines")
    if machines.first_id <= machines.id < machines.first_id + machines.slots:
        report.add(line, f"machines: id {machines.id} is one of the machines' own")
    if machines.priority >= model.INIT_PRIORITY:
        report.add(line, f"machines: their priority must be below init's, {model.INIT_PRIORITY}")
    if system.domains[machines.console].priority <= model.INIT_PRIORITY:
        report.add(line, f"machines: {machines.console} must have a higher priority than init, "
                         f"{model.INIT_PRIORITY}")


def slice_size(region, slots):
    """What each machine gets of the memory of a connection."""
    return region.size // slots


def _connections(system, ids, report):
    machines = system.machines
    for found in machines.connections if machines else ():
        line, slots = found.line, machines.slots
        if found.domain not in system.domains:
            report.add(line, f"connect: there is no protection_domain {found.domain}")
            continue
        _whole(system, found.table, slots * PAGE, line, "connect", report, exact=True)
        ids.take_range(line, found.domain, found.first_id, slots, "connect")
        region = system.regions.get(found.region)
        if region is None:
            report.add(line, f"connect: there is no memory_region {found.region}")
        elif region.physical is not None or region.found:
            report.add(line, f"connect: {found.region} must be ordinary memory")
        elif region.size % (slots * region.page) or region.size // slots < 2 * PAGE:
            report.add(line, f"connect: {found.region} cannot be cut into {slots} slices of whole "
                             f"pages, {2 * PAGE:#x} bytes at least")


def check(system, report):
    if len(system.domains) > model.MAX_DOMAINS:
        report.add(1, f"there are more than {model.MAX_DOMAINS} protection domains")
    ids = _Ids(report)
    for domain in system.domains.values():
        _maps(domain, system, report)
        for what, parts in (("irq", domain.interrupts), ("timer", domain.timers)):
            for part in parts:
                ids.take(part.line, domain.name, part.id, what)
        for line, _, value in domain.variables:
            if isinstance(value, tuple) and value[0] == "physical":
                region = system.regions.get(value[1])
                if region is None:
                    report.add(line, f"setvar: there is no memory_region {value[1]}")
                elif region.found or (region.physical is None and not region.contiguous and
                                      not region.page == region.size != PAGE):
                    report.add(line, f"setvar: {value[1]} has no phys_addr, is not contiguous and "
                                     "is not one large page")
        for found in domain.founds:
            region = system.regions.get(found.region)
            if region is None:
                report.add(found.line, f"found: there is no memory_region {found.region}")
            elif not region.found:
                report.add(found.line, f"found: {found.region} is not one that is found")
        for dma in domain.dmas:
            region = system.regions.get(dma.region)
            if region is None:
                report.add(dma.line, f"dma: there is no memory_region {dma.region}")
            elif not region.contiguous:
                report.add(dma.line, f"dma: {dma.region} is not contiguous")
        if domain.watchdog is not None:
            ids.take(domain.watchdog.line, domain.name, domain.watchdog.id, "watchdog")
            if domain.priority >= model.INIT_PRIORITY:
                report.add(domain.watchdog.line, f"watchdog: a domain that hangs with init's "
                                                 f"priority, {model.INIT_PRIORITY}, or more would "
                                                 "keep init from seeing it")
    _hardware(system, report)
    _physical(system, report)
    _channels(system, ids, report)
    for domain in system.domains.values():
        if domain.restarts and domain.serves:
            report.add(domain.line, f"protection_domain: {domain.name} is called by others and "
                                    "cannot be started anew: who waits for its answer would wait "
                                    "for ever")
    _log(system, ids, report)
    _machines(system, ids, report)
    _connections(system, ids, report)

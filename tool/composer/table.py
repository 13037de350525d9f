# SPDX-License-Identifier: BSD-2-Clause
"""The binary table that init reads. lib/systemtable/systemtable.h has the same layout."""

import struct

from . import model
from .check import mapped_size, slice_size

MAGIC = b"QSYSTEM1"
NONE = 0xFFFFFFFF
NO_PHYSICAL = 0xFFFFFFFFFFFFFFFF

HEADER = struct.Struct("<8sII")
SECTION = struct.Struct("<II")
REGION = struct.Struct("<32sQQII")
DOMAIN = struct.Struct("<32s48sQQIIII")
MAP = struct.Struct("<IIQQQII")
CHANNEL = struct.Struct("<IIIIII")
INTERRUPT = struct.Struct("<IIIIIIII")
PORT = struct.Struct("<IIII")
TIMER = struct.Struct("<II")
LOG = struct.Struct("<IIII")
MACHINES = struct.Struct("<IIIIIIII")
PATCH = struct.Struct("<IIQQ")
CONNECTION = struct.Struct("<IIIIII")
DMA = struct.Struct("<IIII")
FOUND = struct.Struct("<IIII")

REGION_CONTIGUOUS, REGION_FOUND = 1, 2
DOMAIN_SERVES = 1
PATCH_PHYSICAL = 0x100 # in the size: the value is a region's number, for its address
MAP_WRITE, MAP_EXECUTE, MAP_UNCACHED = 1, 2, 4
END_NOTIFY, END_CALL = 1, 2
INTERRUPT_LEVEL, INTERRUPT_LOW, INTERRUPT_MESSAGE = 1, 2, 4


def _end_flags(end):
    return (END_NOTIFY if end.notify else 0) | (END_CALL if end.call else 0)


def _rights(found):
    return ((MAP_WRITE if "w" in found.rights else 0) |
            (MAP_EXECUTE if "x" in found.rights else 0) |
            (0 if found.cached else MAP_UNCACHED))


def _interrupt(number, found):
    if found.ioapic is None:
        bus, device, function = found.device
        return INTERRUPT.pack(number, found.id, INTERRUPT_MESSAGE, found.vector,
                              bus, device, function, found.handle)
    flags = (INTERRUPT_LEVEL if found.level else 0) | (INTERRUPT_LOW if found.low else 0)
    return INTERRUPT.pack(number, found.id, flags, found.vector, found.ioapic, found.pin, 0, 0)


def _care(domain):
    """Restarts in a minute, the watchdog's patience in seconds, 1 + its id."""
    dog = domain.watchdog
    return domain.restarts | (dog.seconds << 8 | (dog.id + 1) << 16 if dog else 0)


def encode(system, patches):
    """The table's bytes. patches: domain's number, address, size and value of a variable."""
    regions = {name: index for index, name in enumerate(system.regions)}
    domains = {name: index for index, name in enumerate(system.domains)}
    sections = [[] for _ in range(13)]
    for region in system.regions.values():
        physical = NO_PHYSICAL if region.physical is None else region.physical
        sections[0].append(REGION.pack(region.name.encode(), region.size, physical,
                                       region.page.bit_length() - 1,
                                       REGION_CONTIGUOUS if region.contiguous else
                                       REGION_FOUND if region.found else 0))
    for name, domain in system.domains.items():
        number = domains[name]
        sections[1].append(DOMAIN.pack(name.encode(), domain.program.encode(), domain.budget,
                                       domain.period, domain.priority, domain.core,
                                       DOMAIN_SERVES if domain.serves else 0,
                                       _care(domain)))
        for found in domain.maps:
            sections[2].append(MAP.pack(number, regions[found.region], found.offset,
                                        mapped_size(found, system.regions[found.region]),
                                        found.address, _rights(found), 0))
        sections[4] += [_interrupt(number, found) for found in domain.interrupts]
        sections[5] += [PORT.pack(number, found.id, found.first, found.first + found.size - 1)
                        for found in domain.ports]
        sections[11] += [DMA.pack(number, found.id, regions[found.region], 0)
                         for found in domain.dmas]
        sections[12] += [FOUND.pack(number, found.id, regions[found.region], 0)
                         for found in domain.founds]
        sections[6] += [TIMER.pack(number, found.id) for found in domain.timers]
    for channel in system.channels:
        a, b = channel.ends
        sections[3].append(CHANNEL.pack(domains[a.domain], a.id, _end_flags(a),
                                        domains[b.domain], b.id, _end_flags(b)))
    if system.log is not None:
        sections[7].append(LOG.pack(domains[system.log.domain], regions[system.log.region],
                                    system.log.first_id, model.LOG_SLICE))
    if system.machines is not None:
        m = system.machines
        sections[8].append(MACHINES.pack(m.slots, m.priority, domains[m.console], regions[m.rings],
                                         m.first_id, regions[m.table], regions[m.commands], m.id))
        sections[10] = [CONNECTION.pack(model.CONNECTIONS[c.kind], domains[c.domain],
                                        regions[c.region], regions[c.table], c.first_id,
                                        slice_size(system.regions[c.region], m.slots))
                        for c in m.connections]
    sections[9] = [PATCH.pack(number, size, address, value)
                   for number, address, size, value in patches]
    offset = HEADER.size + SECTION.size * len(sections)
    index, content = b"", b""
    for records in sections:
        data = b"".join(records)
        index += SECTION.pack(offset + len(content), len(records))
        content += data
    return HEADER.pack(MAGIC, offset + len(content), len(sections)) + index + content

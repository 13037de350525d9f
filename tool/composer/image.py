# SPDX-License-Identifier: BSD-2-Clause
"""From a description and the components' programs to files of the root image."""

from . import symbols
from .check import mapped_size, slice_size
from .description import read
from .document import Report, parse
from .model import LOWEST_MAPPING
from .table import PATCH_PHYSICAL, encode


def _value(value, system):
    if not isinstance(value, tuple):
        return value
    kind, of, *more = value
    if kind == "physical":
        return system.regions[of].physical
    if kind == "slice":
        return slice_size(system.regions[of], *more)
    return mapped_size(of, system.regions[of.region])


def _patches(domain, system, data, report):
    """What to write over the program's variables: address, size, value."""
    found = []
    try:
        if symbols.image_end(data) > LOWEST_MAPPING:
            report.add(domain.line, f"{domain.program}: it ends behind {LOWEST_MAPPING:#x}")
        for line, name, value in domain.variables:
            place = symbols.variable(data, name)
            number = _value(value, system)
            late = number is None
            if late:
                number = list(system.regions).index(value[1])
            if place is None:
                report.add(line, f"{domain.program} has no variable {name}")
            elif place[1] not in (1, 2, 4, 8) or number >= 1 << (8 * place[1]):
                report.add(line, f"{domain.program}: {name} has {place[1]} bytes, {number:#x} does "
                                 "not fit")
            elif place[0] % place[1]:
                report.add(line, f"{domain.program}: {name} is not aligned")
            elif late and place[1] != 8:
                report.add(line, f"{domain.program}: {name} must have 8 bytes for an address")
            else:
                found.append((place[0], place[1] | (PATCH_PHYSICAL if late else 0), number))
    except symbols.NotElf as reason:
        report.add(domain.line, f"{domain.program}: {reason}")
    return found


def compose(name, text, programs):
    """Checks the description (bytes; name is for messages) and returns the root image's files that
    it makes: the table, and the symbols of each program. programs: path in the description -> bytes
    of the ELF file. Raises Mistakes."""
    report = Report(name)
    system = read(parse(text, report), report)
    patches, files = [], {}
    for number, domain in enumerate(system.domains.values()):
        data = programs.get(domain.program)
        if data is None:
            report.add(domain.line, f"{domain.name}: there is no program {domain.program}")
            continue
        patches += [(number, *patch) for patch in _patches(domain, system, data, report)]
    report.finish()
    for domain in system.domains.values():
        files[f"symbols/{domain.program}"] = symbols.compact(programs[domain.program])
    files["system.table"] = encode(system, patches)
    return files

# SPDX-License-Identifier: BSD-2-Clause
"""The system composer: what it accepts, and each mistake with its line."""

import struct
import sys
from pathlib import Path

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tool"))

import composer  # noqa: E402
import tap  # noqa: E402
from composer import symbols, table  # noqa: E402


def elf(variables=(), functions=(), end=0x402000):
    """A small ELF64 program with data at 0x401000."""
    strings, entries = b"\0", bytes(symbols.SYMBOL.size)
    for kind, listed in ((1, variables), (2, functions)):
        for name, address, size in listed:
            entries += symbols.SYMBOL.pack(len(strings), 0x10 | kind, 0, 1, address, size)
            strings += name.encode() + b"\0"
    segment = struct.pack("<IIQQQQQQ", 1, 6, 0, 0x401000, 0, 64, end - 0x401000, 0x1000)
    places = [64 + len(segment)]
    for part in (entries, strings):
        places.append(places[-1] + len(part))
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, 62, 1, 0x401000, 64,
                         places[2], 0, 64, 56, 1, 64, 4, 3)
    section = "<IIQQQQIIQQ"
    sections = (bytes(64) +
                struct.pack(section, 0, 1, 3, 0x401000, 64, 64, 0, 0, 8, 0) +
                struct.pack(section, 0, 2, 0, 0, places[0], len(entries), 3, 0, 8, 24) +
                struct.pack(section, 0, 3, 0, 0, places[1], len(strings), 0, 0, 1, 0))
    return header + segment + entries + strings + sections


PROGRAM = elf([("word", 0x401010, 8), ("byte", 0x401020, 1), ("odd", 0x401031, 8)],
              [("first", 0x400000, 16), ("second", 0x400100, 16)])
PROGRAMS = {"a.elf": PROGRAM, "b.elf": PROGRAM}

GOOD = """<system>
<memory_region name="m" size="0x4000" />
<memory_region name="page" size="0x1000" />
<memory_region name="page2" size="0x1000" />
<memory_region name="big" size="0x40_0000" page_size="0x200000" phys_addr="0xe0000000" />
<memory_region name="rings" size="0x20000" />
<memory_region name="logs" size="0x7000" />
<memory_region name="slices" size="0x400000" page_size="0x200000" />
<memory_region name="rows" size="0x2000" />
<protection_domain name="a" priority="10" budget="500" period="1000" restart="20">
<program_image path="a.elf" />
<map mr="m" vaddr="0x1000000" perms="rw" setvar_vaddr="word" />
<map mr="big" vaddr="0x2000000" perms="r" cached="false" />
<irq id="1" pin="4" vector="4" trigger="edge" polarity="low" />
<irq id="2" pcidev="0:1f.2" handle="7" vector="5" />
<ioport id="0" addr="0x3f8" size="8" />
<timer id="3" setvar_id="byte" />
<watchdog id="60" seconds="5" />
</protection_domain>
<protection_domain name="b" priority="150">
<program_image path="b.elf" />
<map mr="m" vaddr="0x1000000" offset="0x1000" size="0x2000" perms="r" />
<setvar symbol="word" region_paddr="big" />
</protection_domain>
<channel>
<end pd="a" id="10" pp="true" />
<end pd="b" id="11" notify="false" />
</channel>
<log pd="b" mr="logs" first_id="20" />
<machines slots="2" priority="5" console="b" rings="rings" first_id="30" table="page" commands="page2" id="40">
<connect kind="disk-virtio" pd="a" mr="slices" table="rows" first_id="50" setvar_slice="word" />
</machines>
</system>
"""


def compose(text, programs=None):
    return composer.compose("x.system", text.encode(), programs or PROGRAMS)


def mistakes(text, programs=None):
    try:
        compose(text, programs)
    except composer.Mistakes as found:
        return found.lines
    return []


def changed(old, new, count=1):
    assert old in GOOD, old
    return GOOD.replace(old, new, count)


def check(old, new, word):
    """Replaces old by new in the good text: a mistake in its lines that has the word in it."""
    found = mistakes(changed(old, new))
    assert found, f"{new}: accepted"
    first = GOOD[:GOOD.index(old)].count("\n") + 1
    lines = range(first, first + new.count("\n") + 1)
    assert any(entry.startswith(f"x.system:{line}: ") and word in entry
               for entry in found for line in lines), found


def test_good_description():
    files = compose(GOOD)
    assert sorted(files) == ["symbols/a.elf", "symbols/b.elf", "system.table"]
    data = files["system.table"]
    magic, size, sections = table.HEADER.unpack_from(data)
    assert (magic, size, sections) == (b"QSYSTEM1", len(data), 13)
    counts = [table.SECTION.unpack_from(data, 16 + 8 * i) for i in range(sections)]
    assert [count for _, count in counts] == [8, 2, 3, 1, 2, 1, 1, 1, 1, 4, 1, 0, 0]
    region = table.REGION.unpack_from(data, counts[0][0] + 3 * table.REGION.size)
    assert region == (b"big".ljust(32, b"\0"), 0x400000, 0xe0000000, 21, 0)
    domain = table.DOMAIN.unpack_from(data, counts[1][0] + table.DOMAIN.size)
    assert domain[4:8] == (150, 0, table.DOMAIN_SERVES, 0)
    domain = table.DOMAIN.unpack_from(data, counts[1][0])
    assert domain[4:8] == (10, 0, 0, 20 | 5 << 8 | 61 << 16)
    assert table.MAP.unpack_from(data, counts[2][0] + 2 * 40) == (1, 0, 0x1000, 0x2000, 0x1000000,
                                                                0, 0)
    assert table.CHANNEL.unpack_from(data, counts[3][0]) == (0, 10, 3, 1, 11, 0)
    assert table.INTERRUPT.unpack_from(data, counts[4][0] + 32) == (0, 2, 4, 5, 0, 0x1f, 2, 7)
    patches = [table.PATCH.unpack_from(data, counts[9][0] + 24 * i) for i in range(4)]
    assert patches == [(0, 8, 0x401010, 0x1000000), (0, 1, 0x401020, 3),
                       (0, 8, 0x401010, 0x200000), (1, 8, 0x401010, 0xe0000000)]
    assert table.CONNECTION.unpack_from(data, counts[10][0]) == (0, 0, 6, 7, 50, 0x200000)


def test_description_of_the_tree():
    text = (ROOT / "system/quoin.system").read_bytes()
    names = {"console.elf": ("uart_port_id", "uart_port", "uart_irq_id", "logs_address",
                             "logs_size", "machines_rings", "machines_table_address",
                             "machines_commands", "machines_commands_size", "status_timer",
                             "logs_first_id", "machines_first_id", "machines_id",
                             "remote_address", "remote_channel"),
             "pci.elf": ("config_port_id", "ecam_window", "tables", "tables_size"),
             "network.elf": ("pci_channel", "irq_id", "switch_channel", "again_id", "window_address",
                             "window_size", "dma_virtual", "dma_size", "dma_physical",
                             "ring_address", "ring_size"),
             "switch.elf": ("card_channel", "again_id", "card_ring", "card_ring_size", "machines_first_id",
                            "machines_slots", "machines_slice", "machines_memory",
                            "machines_rows"),
             **{f"disk-{kind}.elf": ("pci_channel", "irq_first_id", "tick_id", "windows", "windows_size",
                          "dma_virtual", "dma_size", "dma_physical0", "dma_physical1",
                          "dma_physical2", "dma_physical3", "machines_first_id",
                          "machines_slots", "machines_slice", "machines_slices",
                          "machines_rows")
                for kind in ("virtio", "sata", "nvme")},
             "entropy.elf": ("pci_channel", "window_address", "window_size", "dma_virtual",
                             "dma_size", "dma_physical", "machines_first_id", "machines_slots",
                             "machines_slice", "machines_memory", "machines_rows"),
             "attest.elf": ("line_port_id", "line_port", "line_irq_id", "chip_registers",
                            "machines_first_id", "machines_slots", "machines_slice",
                            "machines_memory", "machines_rows", "remote_address",
                            "remote_channel", "again_id"),
             "timer.elf": ("timer_id",)}
    programs = {program: elf([(name, 0x401000 + 8 * i, 8) for i, name in enumerate(variables)])
                for program, variables in names.items()}
    assert "system.table" in composer.compose("quoin.system", text, programs)


def test_xml():
    assert mistakes("<system>\n<a>\n</system>")[0].startswith("x.system:3: not well-formed")
    assert mistakes("") == ["x.system:1: not well-formed: no element found"]
    assert "document type" in mistakes("<!DOCTYPE x []>\n<system/>")[0]
    assert "not system" in mistakes("<sys/>")[0]
    assert "text has no place" in mistakes("<system>word</system>")[0]


def test_elements_and_attributes():
    assert "cannot stand in system" in mistakes(changed("<channel>", "<chanel/><channel>"))[0]
    assert "INI" in mistakes(changed("<channel>", "<virtual_machine/><channel>"))[0]
    assert "cannot stand in protection_domain" in mistakes(
        changed('<program_image path="a.elf" />',
                '<program_image path="a.elf" /><protection_domain name="c"/>'))[0]
    check('<timer id="3"', '<timer id="3" size="1"', "unknown attribute size")
    check('<timer id="3"', '<timer', "id is missing")
    check('<memory_region name="m" size="0x4000" />', '<memory_region name="m" />',
          "size is missing")
    check('<map mr="m" vaddr="0x1000000" perms="rw"', '<map vaddr="0x1000000" perms="rw"',
          "mr is missing")


def test_numbers_and_names():
    check('size="0x4000"', 'size="4K"', "is no number")
    check('size="0x4000"', 'size="0x4001"', "multiple of 0x1000")
    check('size="0x4000"', 'size="0"', "is not from")
    check('name="m" size', 'name="m m" size', "no valid name")
    check('name="a" priority="10"', 'name="a" priority="255"', "is not from")
    check('budget="500"', 'budget="50"', "is not from")
    check('budget="500"', 'budget="5000"', "larger than the period")
    check('priority="10"', 'priority="10" cpu="16"', "is not from")
    check('priority="10"', 'priority="10" stack_size="0x20000"', "is not from")
    check('priority="10"', 'priority="10" passive="true"', "not supported")
    check('priority="10"', 'priority="10" passive="maybe"', "not supported")
    check('name="a" priority', 'name="init" priority', "root task")
    check('perms="rw"', 'perms="w"', "none of")
    check('page_size="0x200000"', 'page_size="0x3000"', "page_size must be")
    check('trigger="edge"', 'trigger="both"', "none of")
    check('pin="4"', 'pin="24"', "is not from")
    check('vector="4"', 'vector="108"', "is not from")
    check('pcidev="0:1f.2"', 'pcidev="0:20.0"', "BUS:DEVICE.FUNCTION")
    check('addr="0x3f8"', 'addr="0xfffc"', "behind the last port")
    check('id="10" pp', 'id="63" pp', "is not from")


def test_regions_and_maps():
    check('<memory_region name="page2" size="0x1000" />',
          '<memory_region name="m" size="0x1000" />', "exists already, from line 2")
    check('mr="m" vaddr="0x1000000" perms="rw"', 'mr="n" vaddr="0x1000000" perms="rw"',
          "no memory_region n")
    check('vaddr="0x1000000" perms="rw"', 'vaddr="0x1000800" perms="rw"', "multiple of")
    check('vaddr="0x1000000" perms="rw"', 'vaddr="0x400000" perms="rw"', "is not from")
    check('vaddr="0x1000000" perms="rw"', 'vaddr="0x7ffeffffe000" perms="rw"',
          "behind the address space")
    check('vaddr="0x2000000"', 'vaddr="0x2001000"', "multiples of that")
    check('vaddr="0x2000000"', 'vaddr="0x1000000"', "overlaps")
    check('offset="0x1000" size="0x2000"', 'offset="0x4000"', "ends behind m")
    check('offset="0x1000" size="0x2000"', 'offset="0x1000" size="0x4000"', "ends behind m")
    text = changed('<memory_region name="rings" size="0x20000" />',
                   '<memory_region name="rings" size="0x20000" phys_addr="0xe0100000" />')
    assert any("x.system:6: memory_region: it overlaps the one of line 5" in entry
               for entry in mistakes(text))


def test_hardware():
    check('handle="7" vector="5"', 'handle="7" vector="4"', "vector 4 is in use already")
    check('<timer id="3"', '<irq id="4" pin="4" vector="9" /><timer id="3"', "pin 4 of I/O APIC 0")
    check('<timer id="3"', '<ioport id="0" addr="0x80" size="1" /><timer id="3"', "id 0 is in use")
    check('<setvar symbol', '<ioport id="0" addr="0x3ff" size="1" /><setvar symbol',
          "overlaps the one of line 16")
    check('<timer id="3"', '<timer id="2"', "id 2 of a is in use already, from line 15")


def test_channels():
    check('<end pd="b" id="11"', '<end pd="c" id="11"', "no protection_domain c")
    check('<end pd="a" id="10"', '<end pd="a" id="3"', "id 3 of a is in use already")
    assert any("same protection_domain" in entry for entry in
               mistakes(changed('<end pd="b" id="11"', '<end pd="a" id="11"')))
    assert any("two ends, not 1" in entry for entry in
               mistakes(changed('<end pd="a" id="10" pp="true" />\n', '')))
    assert any("only one end" in entry for entry in
               mistakes(changed('id="11" notify="false"', 'id="11" pp="true"')))
    check('<end pd="a" id="10" pp="true" />\n<end pd="b" id="11" notify="false" />',
          '<end pd="a" id="10" />\n<end pd="b" id="11" pp="true" />', "priority is not higher")


def test_programs_and_variables():
    check('<program_image path="a.elf" />', '<program_image path="a.elf" /><program_image '
          'path="b.elf" />', "has one already")
    assert any("has no program_image" in entry for entry in
               mistakes(changed('<program_image path="a.elf" />', '')))
    assert mistakes(GOOD, {"a.elf": PROGRAM}) == ["x.system:20: b: there is no program b.elf"]
    assert "no ELF64" in mistakes(GOOD, {"a.elf": b"text", "b.elf": PROGRAM})[0]
    check('setvar_vaddr="word"', 'setvar_vaddr="none"', "has no variable none")
    check('setvar_vaddr="word"', 'setvar_vaddr="byte"', "does not fit")
    check('setvar_vaddr="word"', 'setvar_vaddr="odd"', "is not aligned")
    check('setvar_vaddr="word"', 'setvar_vaddr="1st"', "no valid name")
    check('region_paddr="big"', 'region_paddr="m"', "has no phys_addr")
    check('region_paddr="big"', 'region_paddr="none"', "no memory_region none")
    large = elf([("word", 0x401010, 8), ("byte", 0x401020, 1)], end=0x1001000)
    assert "ends behind 0x1000000" in mistakes(GOOD, {"a.elf": large, "b.elf": PROGRAM})[0]


def test_log_and_machines():
    check('<log pd="b"', '<log pd="c"', "no protection_domain c")
    check('mr="logs" first_id', 'mr="m" first_id', "at least 0x7000 bytes")
    check('mr="logs" first_id', 'mr="big" first_id', "ordinary memory")
    check('first_id="20"', 'first_id="61"', "do not fit")
    check('first_id="20"', 'first_id="10"', "log")
    check('rings="rings"', 'rings="m"', "at least 0x10000 bytes")
    check('table="page"', 'table="m"', "must have 0x1000 bytes")
    check('first_id="30"', 'first_id="62"', "do not fit")
    check('id="40"', 'id="31"', "machines")
    check('slots="2" priority="5"', 'slots="2" priority="140"', "below init's")
    assert any("higher priority than init" in entry for entry in
               mistakes(changed('name="b" priority="150"', 'name="b" priority="140"')))
    check('slots="2"', 'slots="17"', "is not from")
    assert any("there is one already" in entry for entry in
               mistakes(changed("<log ", '<log pd="b" mr="logs" first_id="50" /><log ')))


def test_restarts():
    check('restart="20"', 'restart="256"', "is not from")
    check('<protection_domain name="b" priority="150"',
          '<protection_domain name="b" restart="1" priority="150"', "called by others")
    check('<watchdog id="60"', '<watchdog id="3"', "in use already")
    check('seconds="5"', 'seconds="1"', "is not from")
    check('<watchdog id="60" seconds="5" />', '<watchdog id="60" seconds="5" /><watchdog id="61" '
          'seconds="5" />', "has one already")
    assert any("keep init from seeing it" in entry for entry in
               mistakes(changed('name="a" priority="10"', 'name="a" priority="145"')))


def test_memory_of_devices():
    good = changed('<memory_region name="rows" size="0x2000" />',
                   '<memory_region name="rows" size="0x2000" /><memory_region name="buffers" '
                   'size="0x10000" contiguous="true" />')
    good = good.replace('<timer id="3"', '<dma id="2" mr="buffers" /><timer id="3"', 1)
    data = compose(good)["system.table"]
    at, count = table.SECTION.unpack_from(data, 16 + 8 * 11)
    assert count == 1 and table.DMA.unpack_from(data, at) == (0, 2, 8, 0)
    assert any("is not contiguous" in entry for entry in
               mistakes(good.replace('mr="buffers"', 'mr="page"')))
    assert any("no memory_region none" in entry for entry in
               mistakes(good.replace('mr="buffers"', 'mr="none"')))
    assert any("id 2 is in use already" in entry for entry in
               mistakes(good.replace("<dma ", '<dma id="2" mr="buffers" /><dma ', 1)))
    for size in ("0x3000", "0x400000"):
        assert any("a power of two" in entry for entry in
                   mistakes(good.replace('size="0x10000" contiguous', f'size="{size}" contiguous')))
    check('size="0x400000" page_size="0x200000"',
          'size="0x200000" contiguous="true" page_size="0x200000"', "a power of two")


def test_memory_that_is_found():
    good = changed('<memory_region name="rows" size="0x2000" />',
                   '<memory_region name="rows" size="0x2000" /><memory_region name="bars" '
                   'size="0x10000" found="true" />')
    good = good.replace('<timer id="3"', '<found id="2" mr="bars" /><timer id="3"', 1)
    data = compose(good)["system.table"]
    at, count = table.SECTION.unpack_from(data, 16 + 8 * 12)
    assert count == 1 and table.FOUND.unpack_from(data, at) == (0, 2, 8, 0)
    at, _ = table.SECTION.unpack_from(data, 16)
    assert table.REGION.unpack_from(data, at + 8 * table.REGION.size)[4] == table.REGION_FOUND
    for old, new, word in (('mr="bars"', 'mr="page"', "is not one that is found"),
                           ('mr="bars"', 'mr="none"', "no memory_region none"),
                           ("<found ", '<found id="2" mr="bars" /><found ', "in use already"),
                           ('size="0x10000" found', 'size="0x101000" found', "256 pages"),
                           ('found="true"', 'found="true" phys_addr="0xf0000000"', "no phys_addr"),
                           ('found="true"', 'found="true" contiguous="true"', "not contiguous"),
                           ('<found id="2" mr="bars" />', '<dma id="2" mr="bars" />',
                            "is not contiguous"),
                           ('region_paddr="big"', 'region_paddr="bars"', "has no phys_addr")):
        assert any(word in entry for entry in mistakes(good.replace(old, new, 1))), word
    assert any("ordinary memory" in entry for entry in
               mistakes(good.replace('mr="logs"', 'mr="bars"')))
    assert any("ordinary memory" in entry for entry in
               mistakes(good.replace('mr="slices"', 'mr="bars"')))


def test_connections():
    check('kind="disk-virtio"', 'kind="floppy"', "none of")
    check('kind="disk-virtio" pd="a"', 'kind="disk-virtio" pd="c"', "no protection_domain c")
    check('mr="slices"', 'mr="none"', "no memory_region none")
    check('mr="slices"', 'mr="big"', "ordinary memory")
    check('mr="slices"', 'mr="page"', "cannot be cut into 2 slices")
    check('mr="slices"', 'mr="rows"', "0x2000 bytes at least")
    check('table="rows"', 'table="page2"', "must have 0x2000 bytes")
    check('first_id="50"', 'first_id="62"', "do not fit")
    check('first_id="50"', 'first_id="10"', "in use already")
    assert any("of kind disk-virtio already" in entry for entry in
               mistakes(changed("</machines>", '<connect kind="disk-virtio" pd="b" mr="slices" table="rows" '
                                               'first_id="1" /></machines>')))
    assert any("connect: it cannot stand in system" in entry for entry in
               mistakes(changed("<channel>", "<connect/><channel>")))


def test_all_mistakes_at_once():
    text = changed('size="0x4000"', 'size="4K"').replace('pin="4"', 'pin="99"')
    found = mistakes(text)
    assert found[0].startswith("x.system:2:") and len(found) >= 2
    assert found == sorted(found, key=lambda entry: int(entry.split(":")[1]))


def test_symbols():
    data = composer.compact(PROGRAM)
    magic, count, size = symbols.COMPACT_HEADER.unpack_from(data)
    assert (magic, count) == (b"QSYMBOL1", 2)
    assert symbols.COMPACT_ENTRY.unpack_from(data, 24) == (0x400100, 6)
    assert data[32:] == b"first\0second\0" and size == 13


tap.run(globals())

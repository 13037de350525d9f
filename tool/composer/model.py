# SPDX-License-Identifier: BSD-2-Clause
"""What a description says, checked element by element; and the limits that hold for it."""

from dataclasses import dataclass, field

PAGE = 0x1000
LARGE_PAGE = 0x200000

# Channels, interrupts and timers of a domain share the bits of its notification; bit 63 marks calls.
MAX_ID = 62
MAX_PRIORITY = 254
INIT_PRIORITY = 140  # init/priority.h
MAX_DOMAINS = 32
MAX_MACHINES = 16
MAX_REGION = 1 << 30
MAX_FOUND = 256  # pages of device memory that is found when the system runs
MAX_VECTOR = 107  # the kernel's user interrupts: lib/sel4/include/sel4/constants.h
MAX_CORES = 16

# Below lie what init maps for the component itself and the component's image (lib/component).
LOWEST_MAPPING = 0x1000000
HIGHEST_MAPPING = 0x7FFF_0000_0000

# Layout of the memory that a log and a virtual machine's rings take.
LOG_SLICE = 0x2000
MACHINE_SLICE = 0x8000

# What machines and a domain can have between them: its number in lib/connection/connection.h.
CONNECTIONS = {"disk-virtio": 0, "net": 1, "secret": 2, "disk-sata": 3, "disk-nvme": 4,
               "entropy": 5}


@dataclass
class Region:
    name: str
    line: int
    size: int
    page: int = PAGE
    physical: int = None
    contiguous: bool = False
    found: bool = False


@dataclass
class Map:
    line: int
    region: str
    address: int
    rights: str
    cached: bool
    offset: int
    size: int  # None: to the region's end
    setvar: str = None


@dataclass
class Interrupt:
    line: int
    id: int
    vector: int
    ioapic: int = None  # None: an MSI
    pin: int = 0
    level: bool = False
    low: bool = False
    device: tuple = (0, 0, 0)
    handle: int = 0


@dataclass
class Port:
    line: int
    id: int
    first: int
    size: int


@dataclass
class Dma:
    line: int
    id: int
    region: str


@dataclass
class Found:
    line: int
    id: int
    region: str


@dataclass
class Timer:
    line: int
    id: int


@dataclass
class Watchdog:
    line: int
    id: int
    seconds: int


@dataclass
class Domain:
    name: str
    line: int
    priority: int
    budget: int
    period: int
    core: int
    program: str = None
    maps: list = field(default_factory=list)
    interrupts: list = field(default_factory=list)
    ports: list = field(default_factory=list)
    timers: list = field(default_factory=list)
    dmas: list = field(default_factory=list)
    founds: list = field(default_factory=list)
    variables: list = field(default_factory=list)  # (line, symbol, value or region name)
    serves: bool = False  # somebody may call it
    restarts: int = 0     # how often in a minute it is started anew
    watchdog: object = None


@dataclass
class End:
    line: int
    domain: str
    id: int
    notify: bool
    call: bool


@dataclass
class Channel:
    line: int
    ends: list


@dataclass
class Log:
    line: int
    domain: str
    region: str
    first_id: int


@dataclass
class Connection:
    line: int
    kind: str
    domain: str
    region: str
    table: str
    first_id: int


@dataclass
class Machines:
    line: int
    slots: int
    priority: int
    console: str
    rings: str
    first_id: int
    table: str
    commands: str
    id: int
    connections: list = field(default_factory=list)


@dataclass
class System:
    regions: dict = field(default_factory=dict)
    domains: dict = field(default_factory=dict)
    channels: list = field(default_factory=list)
    log: Log = None
    machines: Machines = None

/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A port of the controller: its registers (AHCI 1.3.1, 3.3), the command list, received FISes.
 */
#include <string.h>

#include "vmm/device/ahci_internal.h"

/* 3.3 */
enum port_register {
    CLB = 0x00,
    CLBU = 0x04,
    FB = 0x08,
    FBU = 0x0c,
    PXIS = 0x10,
    IE = 0x14,
    CMD = 0x18,
    TFD = 0x20,
    SIG = 0x24,
    SSTS = 0x28,
    SCTL = 0x2c,
    SERR = 0x30,
    SACT = 0x34,
    CI = 0x38,
};

#define CMD_START     (1u << 0)
#define CMD_SPIN_UP   (1u << 1)
#define CMD_POWER     (1u << 2)
#define CMD_OVERRIDE  (1u << 3)
#define CMD_FIS       (1u << 4)
#define CMD_FIS_ON    (1u << 14)
#define CMD_LIST_ON   (1u << 15)
#define CMD_ATAPI     (1u << 24)
#define CMD_WRITEABLE (CMD_START | CMD_SPIN_UP | CMD_POWER | CMD_FIS | CMD_ATAPI)

#define IS_D2H       (1u << 0)
#define IS_PIO       (1u << 1)
#define IS_SET_BITS  (1u << 3)
#define IS_CONNECT   (1u << 6)
#define IS_BUS_DATA  (1u << 28)
#define IS_BUS_FATAL (1u << 29)
#define IS_TASK_FILE (1u << 30)

#define SERR_EXCHANGED (1u << 26)
#define SSTS_PRESENT   0x123u /* device there, 3 Gbit/s, active */

#define SIGNATURE_DISK  0x00000101u
#define SIGNATURE_CDROM 0xeb140101u

/* Received FISes (4.2.1). */
#define AT_PIO      0x20u
#define AT_D2H      0x40u
#define AT_SET_BITS 0x58u
#define FIS_AREA    0x100u

#define TYPE_H2D      0x27u
#define TYPE_D2H      0x34u
#define TYPE_PIO      0x5fu
#define TYPE_SET_BITS 0xa1u
#define FIS_INTERRUPT 0x40u

#define CONTROL_RESET 0x04u /* SRST */

#define COMMAND_READ_QUEUED  0x60u
#define COMMAND_WRITE_QUEUED 0x61u

/* 4.2.2, 4.2.3 */
struct command_header {
    uint16_t flags;
    uint16_t prd_count;
    uint32_t transferred;
    uint64_t table;
    uint32_t reserved[4];
};

struct prd {
    uint64_t address;
    uint32_t reserved;
    uint32_t count; /* bits 21:0: bytes - 1 */
};

_Static_assert(sizeof(struct command_header) == 32, "AHCI 1.3.1, 4.2.2");
_Static_assert(sizeof(struct prd) == 16, "AHCI 1.3.1, 4.2.3.3");

#define HEADER_LENGTH 0x1fu
#define HEADER_ATAPI  0x20u
#define TABLE_PACKET  0x40u
#define TABLE_PRD     0x80u
#define PRD_COUNT     0x3fffffu

static void issue_more(struct ahci_port *port);

static void post_fis(struct ahci_port *port, unsigned at, const uint8_t *fis, uint32_t length)
{
    /* FIS receive may be off, or its memory no RAM: then the FIS is lost, as on hardware. */
    if ((port->command & CMD_FIS_ON) != 0)
        memory_write(port->ahci->memory, gpa(port->received_fis + at), fis, length);
}

static void set_status(struct ahci_port *port, uint8_t status, uint8_t error)
{
    port->task_file = (uint32_t)error << 8 | status;
}

static void raise(struct ahci_port *port, uint32_t bits)
{
    port->interrupt_status |= bits;
    ahci_port_interrupts(port);
}

/* A register FIS to the host, with the signature where the drive tells what it is. */
static void post_d2h(struct ahci_port *port, const uint8_t *command_fis, uint8_t reason)
{
    uint8_t fis[20] = {TYPE_D2H, FIS_INTERRUPT, (uint8_t)port->task_file,
                       (uint8_t)(port->task_file >> 8)};
    if (command_fis != NULL) {
        memcpy(fis + FIS_LBA, command_fis + FIS_LBA, 7);
        fis[FIS_COUNT] = reason;
    } else {
        fis[FIS_COUNT] = (uint8_t)port->signature;
        fis[FIS_LBA] = (uint8_t)(port->signature >> 8);
        fis[FIS_LBA + 1] = (uint8_t)(port->signature >> 16);
        fis[FIS_LBA + 2] = (uint8_t)(port->signature >> 24);
    }
    post_fis(port, AT_D2H, fis, sizeof(fis));
}

static void forget_commands(struct ahci_port *port)
{
    for (unsigned i = 0; i < AHCI_SLOTS; i++) {
        if (port->slot[i].under_way) {
            port->slot[i].orphan = true;
            port->slot[i].block.cancelled = true;
        }
    }
    port->current = NULL;
    port->issued = 0;
    port->sata_active = 0;
    port->halted = false;
}

/* The drive comes up: signature, and a FIS that carries it. */
static void drive_reset(struct ahci_port *port)
{
    forget_commands(port);
    port->in_reset = false;
    port->write_cache = true;
    port->queued_error = 0;
    memset(port->sense, 0, sizeof(port->sense));
    if (port->kind == AHCI_NONE) {
        port->signature = UINT32_MAX;
        set_status(port, 0x7f, 0);
        return;
    }
    port->signature = port->kind == AHCI_CDROM ? SIGNATURE_CDROM : SIGNATURE_DISK;
    /* A packet device is not ready until it is asked (ACS-3, 9.4): DRDY stays clear. */
    set_status(port, port->kind == AHCI_CDROM ? 0x10 : ATA_READY, 0x01);
    post_d2h(port, NULL, 0);
}

void ahci_port_reset(struct ahci_port *port)
{
    port->command_list = 0;
    port->received_fis = 0;
    port->interrupt_status = 0;
    port->interrupt_enable = 0;
    port->command = CMD_SPIN_UP | CMD_POWER;
    port->sata_control = 0;
    port->sata_error = 0;
    drive_reset(port);
}

uint32_t ahci_port_read(const struct ahci_port *port, unsigned offset)
{
    switch (offset) {
    case CLB:
        return (uint32_t)port->command_list;
    case CLBU:
        return (uint32_t)(port->command_list >> 32);
    case FB:
        return (uint32_t)port->received_fis;
    case FBU:
        return (uint32_t)(port->received_fis >> 32);
    case PXIS:
        return port->interrupt_status;
    case IE:
        return port->interrupt_enable;
    case CMD:
        return port->command;
    case TFD:
        return port->task_file;
    case SIG:
        return port->signature;
    case SSTS:
        return port->kind == AHCI_NONE || (port->sata_control & 0xf) == 1 ? 0 : SSTS_PRESENT;
    case SCTL:
        return port->sata_control;
    case SERR:
        return port->sata_error;
    case SACT:
        return port->sata_active;
    case CI:
        return port->issued;
    default:
        return 0;
    }
}

static void write_command(struct ahci_port *port, uint32_t value)
{
    uint32_t on = 0;
    if ((value & CMD_OVERRIDE) != 0 && (port->command & CMD_LIST_ON) == 0)
        port->task_file &= ~(ATA_BUSY | ATA_DRQ);
    if ((value & CMD_FIS) != 0)
        on |= CMD_FIS_ON;
    if ((value & CMD_START) != 0)
        on |= CMD_LIST_ON;
    bool stopped = (port->command & CMD_START) != 0 && (value & CMD_START) == 0;
    port->command = (value & CMD_WRITEABLE) | on;
    if (stopped)
        forget_commands(port);
    issue_more(port);
}

static void write_sata_control(struct ahci_port *port, uint32_t value)
{
    bool was = (port->sata_control & 0xf) == 1;
    bool is = (value & 0xf) == 1;
    port->sata_control = value & 0xfff;
    if (is && !was)
        forget_commands(port);
    if (was && !is && port->kind != AHCI_NONE) {
        drive_reset(port); /* 10.4.2: COMRESET ends, the drive comes up again */
        port->sata_error |= SERR_EXCHANGED;
        raise(port, IS_CONNECT | IS_D2H);
    }
}

static uint64_t half(uint64_t old, uint32_t value, bool high)
{
    return high ? (old & 0xffffffff) | (uint64_t)value << 32 : (old & ~0xffffffffull) | value;
}

void ahci_port_write(struct ahci_port *port, unsigned offset, uint32_t value)
{
    switch (offset) {
    case CLB:
    case CLBU:
        port->command_list =
            half(port->command_list, offset == CLB ? value & ~0x3ffu : value, offset == CLBU);
        break;
    case FB:
    case FBU:
        port->received_fis =
            half(port->received_fis, offset == FB ? value & ~0xffu : value, offset == FBU);
        break;
    case PXIS:
        port->interrupt_status &= ~value;
        break;
    case IE:
        port->interrupt_enable = value;
        ahci_port_interrupts(port);
        break;
    case CMD:
        write_command(port, value);
        break;
    case SCTL:
        write_sata_control(port, value);
        break;
    case SERR:
        port->sata_error &= ~value;
        break;
    case SACT:
        if ((port->command & CMD_START) != 0)
            port->sata_active |= value;
        break;
    case CI:
        if ((port->command & CMD_START) != 0)
            port->issued |= value;
        issue_more(port);
        break;
    default:
        break;
    }
}

static void halt(struct ahci_port *port, uint32_t bits)
{
    port->halted = true;
    raise(port, bits);
}

/* Copies FIS, packet and PRDs of a slot, and checks them all; false when they reach outside RAM. */
static bool fetch(struct ahci_port *port, struct ahci_command *command)
{
    const struct memory *memory = port->ahci->memory;
    struct command_header header;
    command->header = port->command_list + command->slot * sizeof(header);
    if (memory_read(memory, gpa(command->header), &header, sizeof(header)) != MEMORY_OK ||
        (header.flags & HEADER_LENGTH) < 5 || header.prd_count > AHCI_SEGMENTS)
        return false;
    uint64_t table = header.table & ~0x7full;
    if (memory_read(memory, gpa(table), command->fis, sizeof(command->fis)) != MEMORY_OK ||
        memory_read(memory, gpa(table + TABLE_PACKET), command->packet, sizeof(command->packet)) !=
            MEMORY_OK)
        return false;
    command->segments = 0;
    command->bytes = 0;
    for (unsigned i = 0; i < header.prd_count; i++) {
        struct prd prd;
        if (memory_read(memory, gpa(table + TABLE_PRD + i * sizeof(prd)), &prd, sizeof(prd)) !=
            MEMORY_OK)
            return false;
        uint32_t length = (prd.count & PRD_COUNT) + 1;
        uint8_t *data = memory_at(memory, gpa(prd.address), length);
        /* 4.2.3.3: addresses and lengths are even. */
        if (data == NULL || (length & 1) != 0 || (prd.address & 1) != 0)
            return false;
        command->segment[command->segments++] = (struct block_segment){{data}, length};
        command->bytes += length;
    }
    return true;
}

static bool is_queued(const struct ahci_command *command)
{
    uint8_t code = command->fis[FIS_COMMAND];
    return code == COMMAND_READ_QUEUED || code == COMMAND_WRITE_QUEUED;
}

/* A FIS without the command bit writes the device's control register: software reset (11.4). */
static void write_control(struct ahci_port *port, struct ahci_command *command)
{
    bool set = (command->fis[FIS_CONTROL] & CONTROL_RESET) != 0;
    bool ends = port->in_reset && !set;
    port->issued &= ~(1u << command->slot);
    if (ends)
        drive_reset(port);
    port->in_reset = set;
    if (ends)
        raise(port, IS_D2H);
}

static void issue(struct ahci_port *port, unsigned slot)
{
    struct ahci_command *command = &port->slot[slot];
    if (!fetch(port, command)) {
        halt(port, IS_BUS_FATAL);
        return;
    }
    if (command->fis[FIS_TYPE] != TYPE_H2D || (command->fis[FIS_FLAGS] & 0x80) == 0) {
        write_control(port, command);
        return;
    }
    command->queued = is_queued(command) && port->kind == AHCI_DISK;
    command->under_way = true;
    command->orphan = false;
    command->block = (struct block_request){.owner = command};
    if (command->queued) {
        /* 5.5.1: accepted, it leaves PxCI; PxSACT holds it until it is done. */
        port->issued &= ~(1u << slot);
    } else {
        port->current = command;
        port->task_file |= ATA_BUSY;
    }
    if (port->kind == AHCI_CDROM)
        ahci_cdrom_command(command);
    else
        ahci_disk_command(command);
}

/* Can this slot go now? A command that is not queued waits until the drive is idle, and so do all.
 */
static bool next_slot(const struct ahci_port *port, unsigned *slot)
{
    for (unsigned i = 0; i < AHCI_SLOTS; i++) {
        /* A slot whose forgotten command is not back yet waits for it. */
        if ((port->issued & (1u << i)) != 0 && !port->slot[i].under_way) {
            *slot = i;
            return true;
        }
    }
    return false;
}

static void issue_more(struct ahci_port *port)
{
    unsigned slot;
    if (port->issuing)
        return; /* a command that ends at once comes back here from inside */
    port->issuing = true;
    while ((port->command & CMD_LIST_ON) != 0 && !port->halted && port->kind != AHCI_NONE &&
           port->current == NULL && next_slot(port, &slot))
        issue(port, slot);
    port->issuing = false;
}

static void report_transfer(struct ahci_command *command, uint32_t transferred)
{
    memory_write(command->port->ahci->memory, gpa(command->header + 4), &transferred,
                 sizeof(transferred));
}

static void finish_queued(struct ahci_command *command, uint8_t error)
{
    struct ahci_port *port = command->port;
    uint32_t bit = error == 0 ? 1u << command->slot : 0;
    uint8_t status = error == 0 ? ATA_READY : ATA_READY | ATA_ERROR;
    uint8_t fis[8] = {TYPE_SET_BITS, FIS_INTERRUPT, status & 0x77, error};
    for (unsigned i = 0; i < 4; i++)
        fis[4 + i] = (uint8_t)(bit >> (8 * i));
    set_status(port, status, error);
    post_fis(port, AT_SET_BITS, fis, sizeof(fis));
    port->sata_active &= ~bit;
    if (error == 0) {
        raise(port, IS_SET_BITS);
    } else {
        port->queued_error = command->slot + 1;
        halt(port, IS_SET_BITS | IS_TASK_FILE);
    }
}

static void finish(struct ahci_command *command, uint8_t error, uint8_t reason, uint32_t bits)
{
    struct ahci_port *port = command->port;
    uint8_t status = error == 0 ? ATA_READY : ATA_READY | ATA_ERROR;
    port->current = NULL;
    set_status(port, status, error);
    port->issued &= ~(error == 0 ? 1u << command->slot : 0u);
    if ((bits & IS_PIO) == 0 || error != 0)
        post_d2h(port, command->fis, reason);
    if (error == 0)
        raise(port, bits);
    else
        halt(port, IS_D2H | IS_TASK_FILE);
}

/* The command is over; false when nobody wants to know any more. */
static bool end(struct ahci_command *command, uint32_t transferred)
{
    command->under_way = false;
    if (command->orphan) {
        issue_more(command->port); /* its slot may be wanted again */
        return false;
    }
    report_transfer(command, transferred);
    return true;
}

void ahci_finish(struct ahci_command *command, uint8_t error, uint32_t transferred)
{
    if (!end(command, transferred))
        return;
    if (command->queued)
        finish_queued(command, error);
    else
        finish(command, error, command->fis[FIS_COUNT], IS_D2H);
    issue_more(command->port);
}

void ahci_finish_packet(struct ahci_command *command, uint8_t sense_key, uint32_t transferred)
{
    if (!end(command, transferred))
        return;
    uint8_t error = (uint8_t)(sense_key == 0 ? 0 : (unsigned)sense_key << 4 | ATA_ABORT);
    finish(command, error, 3 /* interrupt reason: command over (ACS-3, 7.18.4) */, IS_D2H);
    issue_more(command->port);
}

void ahci_finish_pio(struct ahci_command *command, const void *data, uint32_t length)
{
    struct ahci_port *port = command->port;
    uint32_t put = ahci_put(command, data, length);
    if (!end(command, put))
        return;
    uint8_t fis[20] = {TYPE_PIO, FIS_INTERRUPT | 0x20, ATA_READY | ATA_DRQ};
    fis[15] = ATA_READY; /* ending status */
    fis[16] = (uint8_t)length;
    fis[17] = (uint8_t)(length >> 8);
    post_fis(port, AT_PIO, fis, sizeof(fis));
    finish(command, put == length ? 0 : ATA_ABORT, command->fis[FIS_COUNT], IS_PIO);
    issue_more(port);
}

uint32_t ahci_put(struct ahci_command *command, const void *data, uint32_t length)
{
    command->block.segment = command->segment;
    command->block.segments = command->segments;
    return block_scatter(&command->block, 0, data, length);
}

bool ahci_transfer(struct ahci_command *command, enum block_operation operation, uint64_t sector,
                   uint64_t count, bool force,
                   void (*complete)(struct block_request *, enum block_status))
{
    uint64_t bytes = count * BLOCK_SECTOR;
    struct block_request *request = &command->block;
    if (bytes > command->bytes)
        return false;
    /* PRDs may hold more than the command moves: the last ones are cut. */
    for (unsigned i = 0; i < command->segments; i++) {
        if (command->segment[i].length >= bytes) {
            command->segment[i].length = (uint32_t)bytes;
            command->segments = i + 1;
        }
        bytes -= command->segment[i].length;
    }
    *request = (struct block_request){
        .operation = operation,
        .force_unit_access = force,
        .sector = sector,
        .count = count,
        .segment = command->segment,
        .segments = command->segments,
        .complete = complete,
        .owner = command,
    };
    block_submit(command->port->block, request);
    return true;
}

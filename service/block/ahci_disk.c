/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Commands of one disk: queued ones for reads and writes, one at a time for the rest; recovery from
 * errors (AHCI 1.3.1, 6.2.2).
 */
#include <string.h>

#include "service/block/ahci_internal.h"

enum ata {
    ATA_READ_EXT = 0x25,
    ATA_WRITE_EXT = 0x35,
    ATA_WRITE_FUA_EXT = 0x3d,
    ATA_READ_QUEUED = 0x60,
    ATA_WRITE_QUEUED = 0x61,
    ATA_FLUSH_EXT = 0xea,
    ATA_IDENTIFY = 0xec,
    ATA_DISCARD = 0x06,
};

#define ATA_LBA   0x40u
#define ATA_FORCE 0x80u
#define LIMIT     10u /* ticks that a command may take */

/* 4.2.2, 4.2.3 */
struct command_header {
    uint32_t flags; /* length of the FIS in words, bit 6: write; bits 31:16: number of PRDs */
    uint32_t transferred;
    uint64_t table;
    uint32_t reserved[4];
};

struct prd {
    uint64_t address;
    uint32_t reserved;
    uint32_t count;
};

struct command_table {
    uint8_t fis[64];
    uint8_t packet[16];
    uint8_t reserved[48];
    struct prd prd[TABLE_PRDS];
};

_Static_assert(sizeof(struct command_header) == 32, "AHCI 1.3.1, 4.2.2");
_Static_assert(offsetof(struct command_table, prd) == 0x80, "AHCI 1.3.1, 4.2.3");
_Static_assert(sizeof(struct command_table) == TABLE_SIZE, "one command table");

#define HEADER_FIS   5u
#define HEADER_WRITE (1u << 6)

static struct command_table *table_of(const struct ahci_disk *disk, unsigned tag)
{
    return (struct command_table *)(void *)(disk->memory + AT_TABLES + tag * TABLE_SIZE);
}

static void set_header(const struct ahci_disk *disk, unsigned tag, bool write, unsigned prds)
{
    struct command_header *header =
        (struct command_header *)(void *)(disk->memory + AT_LIST + tag * sizeof(*header));
    uint64_t memory = dma_address(disk->driver->dma, disk->memory);
    *header = (struct command_header){
        .flags = HEADER_FIS | (write ? HEADER_WRITE : 0) | prds << 16,
        .table = memory + AT_TABLES + tag * TABLE_SIZE,
    };
}

/* A register FIS with a 48-bit address and a 16-bit count (SATA 3.2, 10.5.5). */
static void set_fis(struct command_table *table, uint8_t command, uint64_t sector, uint32_t count)
{
    memset(table->fis, 0, sizeof(table->fis));
    table->fis[0] = 0x27;
    table->fis[1] = 0x80;
    table->fis[2] = command;
    table->fis[7] = ATA_LBA;
    for (unsigned i = 0; i < 3; i++) {
        table->fis[4 + i] = (uint8_t)(sector >> (8 * i));
        table->fis[8 + i] = (uint8_t)(sector >> (24 + 8 * i));
    }
    table->fis[12] = (uint8_t)count;
    table->fis[13] = (uint8_t)(count >> 8);
}

bool ahci_identify(struct ahci_disk *disk, uint64_t address)
{
    struct command_table *table = table_of(disk, 0);
    set_fis(table, ATA_IDENTIFY, 0, 0);
    table->fis[7] = 0;
    table->prd[0] = (struct prd){.address = address, .count = BLOCK_SECTOR - 1};
    set_header(disk, 0, false, 1);
    port_write(disk, PORT_CI, 1);
    bool done = port_wait(disk, PORT_CI, 1, 0);
    bool failed = (port_read(disk, PORT_IS) & IS_ERRORS) != 0;
    port_write(disk, PORT_IS, UINT32_MAX);
    return done && !failed;
}

static bool moves_data(const struct block_request *request)
{
    return request->operation == BLOCK_READ || request->operation == BLOCK_WRITE;
}

static bool goes_queued(const struct ahci_disk *disk, const struct block_request *request)
{
    return disk->depth > 1 && !disk->alone && moves_data(request);
}

static void fill_queued(struct command_table *table, const struct block_request *request,
                        unsigned tag)
{
    bool write = request->operation == BLOCK_WRITE;
    set_fis(table, write ? ATA_WRITE_QUEUED : ATA_READ_QUEUED, request->sector, tag << 3);
    table->fis[3] = (uint8_t)request->count;
    table->fis[11] = (uint8_t)(request->count >> 8);
    if (request->force_unit_access)
        table->fis[7] |= ATA_FORCE;
}

static void fill_plain(struct command_table *table, const struct block_request *request)
{
    uint8_t command = request->operation == BLOCK_READ      ? ATA_READ_EXT
                      : request->operation == BLOCK_FLUSH   ? ATA_FLUSH_EXT
                      : request->operation == BLOCK_DISCARD ? ATA_DISCARD
                      : request->force_unit_access          ? ATA_WRITE_FUA_EXT
                                                            : ATA_WRITE_EXT;
    set_fis(table, command, request->sector, (uint32_t)request->count);
}

static unsigned fill_prds(const struct ahci_disk *disk, struct command_table *table,
                          const struct block_request *request)
{
    for (unsigned i = 0; i < request->segments; i++)
        table->prd[i] = (struct prd){
            .address = request->lent ? request->segment[i].address
                                     : dma_address(disk->driver->dma, request->segment[i].data),
            .count = request->segment[i].length - 1,
        };
    return request->segments;
}

/* As many ranges as one command takes, from where the request stands (ACS-3, 7.5.3). */
static unsigned fill_ranges(const struct ahci_disk *disk, struct command_table *table,
                            struct block_request *request)
{
    uint64_t *range = (uint64_t *)(void *)(disk->memory + AT_RANGES);
    memset(range, 0, BLOCK_SECTOR);
    for (unsigned i = 0; i < RANGES && request->progress < request->count; i++) {
        uint64_t count = request->count - request->progress;
        if (count > UINT16_MAX)
            count = UINT16_MAX;
        range[i] = (request->sector + request->progress) | count << 48;
        request->progress += count;
    }
    set_fis(table, ATA_DISCARD, 0, 1);
    table->fis[3] = 1; /* TRIM */
    table->prd[0] =
        (struct prd){.address = dma_address(disk->driver->dma, disk->memory) + AT_RANGES,
                     .count = BLOCK_SECTOR - 1};
    return 1;
}

/* Hands one request to the disk with a tag that is free. */
static void issue(struct ahci_disk *disk, struct block_request *request, unsigned tag, bool queued)
{
    struct command_table *table = table_of(disk, tag);
    bool write = request->operation == BLOCK_WRITE || request->operation == BLOCK_DISCARD;
    unsigned prds;
    if (request->operation == BLOCK_DISCARD) {
        prds = fill_ranges(disk, table, request);
    } else {
        if (queued)
            fill_queued(table, request, tag);
        else
            fill_plain(table, request);
        prds = fill_prds(disk, table, request);
    }
    set_header(disk, tag, write, prds);
    disk->active[tag] = request;
    disk->age[tag] = 0;
    disk->issued |= 1u << tag;
    disk->exclusive = !queued;
    if (queued)
        port_write(disk, PORT_SACT, 1u << tag);
    port_write(disk, PORT_CI, 1u << tag);
}

static void enqueue(struct ahci_disk *disk, struct block_request *request)
{
    request->next = NULL;
    if (disk->last != NULL)
        disk->last->next = request;
    else
        disk->first = request;
    disk->last = request;
}

static struct block_request *dequeue(struct ahci_disk *disk)
{
    struct block_request *request = disk->first;
    disk->first = request->next;
    if (disk->first == NULL)
        disk->last = NULL;
    return request;
}

/* Queued commands and others exclude each other (SATA 3.2, 13.6). */
static void issue_more(struct ahci_disk *disk)
{
    while (disk->first != NULL && !disk->dead) {
        bool queued = goes_queued(disk, disk->first);
        if (disk->issued != 0 && (disk->exclusive || !queued))
            return;
        uint32_t usable = disk->depth == 32 ? UINT32_MAX : (1u << disk->depth) - 1;
        uint32_t free_tags = ~disk->issued & usable;
        if (free_tags == 0)
            return;
        issue(disk, dequeue(disk), (unsigned)__builtin_ctz(free_tags), queued);
    }
    if (disk->first == NULL && disk->issued == 0)
        disk->alone = false; /* what the error had thrown back is through */
}

static void fail_all(struct ahci_disk *disk)
{
    disk->dead = true;
    /* Its DMA engine may still run. The other disks stop with it: the driver is started anew. */
    pci_stop_master(&disk->driver->config);
    for (unsigned tag = 0; tag < AHCI_TAGS; tag++) {
        struct block_request *request = disk->active[tag];
        disk->active[tag] = NULL;
        if (request != NULL)
            request->complete(request, BLOCK_ERROR);
    }
    disk->issued = 0;
    while (disk->first != NULL) {
        struct block_request *request = dequeue(disk);
        request->complete(request, BLOCK_ERROR);
    }
}

void ahci_submit(struct block_device *device, struct block_request *request)
{
    struct ahci_disk *disk = device->context;
    for (unsigned i = 0; i < request->segments; i++) {
        const struct block_segment *segment = &request->segment[i];
        /* 4.2.3.3: even addresses and lengths, up to 4 MiB; of lent segments the former is known.
         */
        if (segment->length > 0x400000 ||
            (!request->lent && (!dma_holds(disk->driver->dma, segment->data, segment->length) ||
                                (segment->length & 1) != 0 ||
                                (dma_address(disk->driver->dma, segment->data) & 1) != 0))) {
            request->complete(request, BLOCK_INVALID);
            return;
        }
    }
    if (disk->dead) {
        request->complete(request, BLOCK_ERROR);
        return;
    }
    request->progress = 0;
    enqueue(disk, request);
    issue_more(disk);
}

static void complete(struct ahci_disk *disk, unsigned tag, enum block_status status)
{
    struct block_request *request = disk->active[tag];
    disk->active[tag] = NULL;
    disk->issued &= ~(1u << tag);
    if (status == BLOCK_OK && request->operation == BLOCK_DISCARD &&
        request->progress < request->count)
        enqueue(disk, request); /* its next ranges */
    else
        request->complete(request, status);
}

/* The port is started anew; COMRESET where the disk still hangs (10.4.2). */
static bool restart(struct ahci_disk *disk)
{
    bool stopped = port_stop(disk);
    if (!stopped || (port_read(disk, PORT_TFD) & TFD_BUSY) != 0) {
        port_write(disk, PORT_SCTL, 0x301);
        /* 1 ms at least; a register read takes longer than 10 ns on any machine. */
        for (unsigned i = 0; i < 100000; i++)
            (void)port_read(disk, PORT_SCTL);
        port_write(disk, PORT_SCTL, 0x300);
        if (!port_wait(disk, PORT_SSTS, 0xf, 3))
            return false;
    }
    port_start(disk);
    return port_wait(disk, PORT_TFD, TFD_BUSY, 0);
}

/*
 * An error ends all queued commands. They are tried again one at a time, so that only the one that
 * fails is reported.
 */
static void recover(struct ahci_disk *disk)
{
    uint32_t lost = disk->issued;
    bool exclusive = disk->exclusive;
    struct block_request *back[AHCI_TAGS];
    unsigned count = 0;
    if (!restart(disk)) {
        fail_all(disk);
        return;
    }
    for (unsigned tag = 0; tag < AHCI_TAGS; tag++) {
        if ((lost & (1u << tag)) != 0) {
            back[count++] = disk->active[tag];
            disk->active[tag] = NULL;
        }
    }
    disk->issued = 0;
    if (exclusive) {
        /* It was alone: it is the one. */
        for (unsigned i = 0; i < count; i++)
            back[i]->complete(back[i], BLOCK_ERROR);
        return;
    }
    disk->alone = true;
    for (unsigned i = 0; i < count; i++)
        enqueue(disk, back[i]);
}

void ahci_disk_interrupt(struct ahci_disk *disk)
{
    if (disk->dead)
        return;
    uint32_t status = port_read(disk, PORT_IS);
    port_write(disk, PORT_IS, status);
    uint32_t with_disk = port_read(disk, PORT_SACT) | port_read(disk, PORT_CI);
    uint32_t done = disk->issued & ~with_disk;
    for (unsigned tag = 0; tag < AHCI_TAGS; tag++) {
        if ((done & (1u << tag)) != 0)
            complete(disk, tag, BLOCK_OK);
    }
    if ((status & IS_ERRORS) != 0)
        recover(disk);
    if (!disk->dead)
        issue_more(disk);
}

void ahci_disk_tick(struct ahci_disk *disk)
{
    bool late = false;
    for (unsigned tag = 0; tag < AHCI_TAGS; tag++)
        late = late || ((disk->issued & (1u << tag)) != 0 && ++disk->age[tag] >= LIMIT);
    if (!late)
        return;
    recover(disk);
    if (!disk->dead)
        issue_more(disk);
}

/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A SATA disk: the ATA commands that operating systems use (ACS-3, 7).
 */
#include <string.h>

#include "vmm/device/ahci_internal.h"

enum ata {
    DATA_SET_MANAGEMENT = 0x06,
    READ_SECTORS = 0x20,
    READ_SECTORS_EXT = 0x24,
    READ_DMA_EXT = 0x25,
    READ_MULTIPLE_EXT = 0x29,
    READ_LOG_EXT = 0x2f,
    WRITE_SECTORS = 0x30,
    WRITE_SECTORS_EXT = 0x34,
    WRITE_DMA_EXT = 0x35,
    WRITE_MULTIPLE_EXT = 0x39,
    WRITE_DMA_FUA_EXT = 0x3d,
    READ_VERIFY = 0x40,
    READ_VERIFY_EXT = 0x42,
    READ_QUEUED = 0x60,
    WRITE_QUEUED = 0x61,
    SET_PARAMETERS = 0x91,
    READ_MULTIPLE = 0xc4,
    WRITE_MULTIPLE = 0xc5,
    SET_MULTIPLE = 0xc6,
    READ_DMA = 0xc8,
    WRITE_DMA = 0xca,
    STANDBY_NOW = 0xe0,
    IDLE_NOW = 0xe1,
    CHECK_POWER = 0xe5,
    FLUSH = 0xe7,
    FLUSH_EXT = 0xea,
    IDENTIFY = 0xec,
    SET_FEATURES = 0xef,
};

#define FEATURE_TRIM       0x01u
#define FEATURE_CACHE_ON   0x02u
#define FEATURE_TRANSFER   0x03u
#define FEATURE_AHEAD_OFF  0x55u
#define FEATURE_CACHE_OFF  0x82u
#define FEATURE_AHEAD_ON   0xaau
#define QUEUED_ERROR_LOG   0x10u
#define FORCE_ACCESS       0x80u /* bit 7 of a queued command's device field */
#define MAX_MULTIPLE       16u
#define TRIM_ENTRY_SECTORS 64u /* entries of 8 bytes in 512 */
#define TRIM_LIMIT         8u  /* sectors of entries, as IDENTIFY says */

static uint64_t lba28(const uint8_t *fis)
{
    return fis[FIS_LBA] | (uint64_t)fis[FIS_LBA + 1] << 8 | (uint64_t)fis[FIS_LBA + 2] << 16 |
           (uint64_t)(fis[FIS_DEVICE] & 0xf) << 24;
}

static uint64_t lba48(const uint8_t *fis)
{
    return fis[FIS_LBA] | (uint64_t)fis[FIS_LBA + 1] << 8 | (uint64_t)fis[FIS_LBA + 2] << 16 |
           (uint64_t)fis[FIS_LBA_HIGH] << 24 | (uint64_t)fis[FIS_LBA_HIGH + 1] << 32 |
           (uint64_t)fis[FIS_LBA_HIGH + 2] << 40;
}

/* A count of zero is the largest there is. */
static uint32_t count28(const uint8_t *fis)
{
    return fis[FIS_COUNT] == 0 ? 256 : fis[FIS_COUNT];
}

static uint32_t count16(uint8_t low, uint8_t high)
{
    uint32_t count = low | (uint32_t)high << 8;
    return count == 0 ? 65536 : count;
}

static uint8_t error_of(enum block_status status)
{
    return status == BLOCK_OK        ? 0
           : status == BLOCK_INVALID ? ATA_NOT_FOUND | ATA_ABORT
           : status == BLOCK_ERROR   ? ATA_UNCORRECTABLE
                                     : ATA_ABORT;
}

static void transfer_done(struct block_request *request, enum block_status status)
{
    struct ahci_command *command = request->owner;
    uint32_t bytes = status == BLOCK_OK ? (uint32_t)(request->count * BLOCK_SECTOR) : 0;
    ahci_finish(command, error_of(status), bytes);
}

static void plain_done(struct block_request *request, enum block_status status)
{
    ahci_finish(request->owner, error_of(status), 0);
}

static void transfer(struct ahci_command *command, bool write, uint64_t sector, uint32_t count,
                     bool force)
{
    force = write && (force || !command->port->write_cache);
    if (!ahci_transfer(command, write ? BLOCK_WRITE : BLOCK_READ, sector, count, force,
                       transfer_done))
        ahci_finish(command, ATA_ABORT, 0);
}

static void submit_plain(struct ahci_command *command, enum block_operation operation,
                         uint64_t sector, uint64_t count,
                         void (*done)(struct block_request *, enum block_status))
{
    command->block = (struct block_request){.operation = operation,
                                            .sector = sector,
                                            .count = count,
                                            .complete = done,
                                            .owner = command};
    block_submit(command->port->block, &command->block);
}

/* TRIM: entries of a 48-bit sector and a 16-bit count (ACS-3, 7.5); the next one that is not empty.
 */
static void trim_done(struct block_request *request, enum block_status status)
{
    struct ahci_command *command = request->owner;
    struct ahci_port *port = command->port;
    while (status == BLOCK_OK && !command->orphan && port->trim_next < port->trim_count) {
        uint64_t entry = port->trim[port->trim_next++];
        if (entry >> 48 != 0) {
            submit_plain(command, BLOCK_DISCARD, entry & 0xffffffffffffull, entry >> 48, trim_done);
            return;
        }
    }
    ahci_finish(command, error_of(status), 0);
}

static void trim(struct ahci_command *command)
{
    struct ahci_port *port = command->port;
    const uint8_t *fis = command->fis;
    uint32_t sectors = count16(fis[FIS_COUNT], fis[FIS_COUNT_HIGH]);
    uint32_t bytes = sectors * BLOCK_SECTOR;
    if (fis[FIS_FEATURES] != FEATURE_TRIM || !port->block->can_discard || sectors > TRIM_LIMIT ||
        bytes > command->bytes) {
        ahci_finish(command, ATA_ABORT, 0);
        return;
    }
    command->block.segment = command->segment;
    command->block.segments = command->segments;
    block_gather(&command->block, 0, (uint8_t *)port->trim, bytes);
    port->trim_count = sectors * TRIM_ENTRY_SECTORS;
    port->trim_next = 0;
    trim_done(&command->block, BLOCK_OK);
}

void ahci_identify_word(uint8_t *data, unsigned word, uint16_t value)
{
    data[2 * word] = (uint8_t)value;
    data[2 * word + 1] = (uint8_t)(value >> 8);
}

void ahci_identify_text(uint8_t *data, unsigned word, unsigned bytes, const char *text)
{
    bool ended = false;
    for (unsigned i = 0; i < bytes; i++) {
        ended = ended || text[i] == 0;
        data[2 * word + (i ^ 1)] = (uint8_t)(ended ? ' ' : text[i]);
    }
}

struct word {
    uint8_t index;
    uint16_t value;
};

/* What is the same for every disk (ACS-3, 7.12.7). */
static const struct word fixed[] = {
    {0, 0x0040}, /* ATA, not removable */
    {1, 16383},  /* cylinders, heads, sectors: the largest there are */
    {3, 16},
    {6, 63},
    {47, 0x8000 | MAX_MULTIPLE},
    {49, 0x0f00}, /* IORDY, LBA, DMA */
    {50, 0x4000},
    {53, 0x0006}, /* words 64 to 70 and 88 are valid */
    {59, 0x0100 | MAX_MULTIPLE},
    {63, 0x0007}, /* multiword DMA up to mode 2 */
    {64, 0x0003}, /* PIO 3, 4 */
    {65, 120},    /* cycle times, ns */
    {66, 120},
    {67, 120},
    {68, 120},
    {75, AHCI_SLOTS - 1},
    {76, 0x0106}, /* SATA 1 and 2, NCQ */
    {80, 0x01f0}, /* up to ACS-2's predecessor, ATA8 */
    {82, 0x0060}, /* write cache, look-ahead */
    {83, 0x7400}, /* 48-bit addresses, flush, flush ext */
    {84, 0x4040}, /* forced writes */
    {86, 0x3400},
    {87, 0x4040},
    {88, 0x407f}, /* Ultra DMA up to mode 6, which is on */
    {93, 0x0000},
    {217, 0x0001}, /* does not rotate */
};

static void identify(struct ahci_command *command)
{
    const struct ahci_port *port = command->port;
    const struct block_device *block = port->block;
    uint8_t data[512] = {0};
    for (unsigned i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
        ahci_identify_word(data, fixed[i].index, fixed[i].value);
    char serial[BLOCK_SERIAL_SIZE];
    memcpy(serial, block->serial, sizeof(serial));
    ahci_identify_text(data, 10, BLOCK_SERIAL_SIZE, serial);
    ahci_identify_text(data, 23, 8, "1");
    ahci_identify_text(data, 27, 40, "QUOIN DISK");
    uint64_t low = block->sectors < 0x0fffffff ? block->sectors : 0x0fffffff;
    ahci_identify_word(data, 60, (uint16_t)low);
    ahci_identify_word(data, 61, (uint16_t)(low >> 16));
    for (unsigned i = 0; i < 3; i++)
        ahci_identify_word(data, 100 + i, (uint16_t)(block->sectors >> (16 * i)));
    ahci_identify_word(data, 85, port->write_cache ? 0x0060 : 0x0040);
    if (block->can_discard) {
        ahci_identify_word(data, 105, TRIM_LIMIT);
        ahci_identify_word(data, 169, 1);
    }
    ahci_finish_pio(command, data, sizeof(data));
}

static void set_features(struct ahci_command *command)
{
    struct ahci_port *port = command->port;
    uint8_t feature = command->fis[FIS_FEATURES];
    bool known = true;
    switch (feature) {
    case FEATURE_CACHE_ON:
    case FEATURE_CACHE_OFF:
        port->write_cache = feature == FEATURE_CACHE_ON;
        break;
    case FEATURE_TRANSFER:
    case FEATURE_AHEAD_OFF:
    case FEATURE_AHEAD_ON:
        break; /* any transfer mode and any look-ahead are the same here */
    default:
        known = false;
        break;
    }
    if (known && feature == FEATURE_CACHE_OFF)
        submit_plain(command, BLOCK_FLUSH, 0, 0, plain_done);
    else
        ahci_finish(command, known ? 0 : ATA_ABORT, 0);
}

/* Page 10h says which queued command failed (ACS-3, 9.13); the drive goes on after it was read. */
static void read_log(struct ahci_command *command)
{
    struct ahci_port *port = command->port;
    const uint8_t *fis = command->fis;
    uint8_t page[512] = {0};
    if (fis[FIS_LBA] != QUEUED_ERROR_LOG || fis[FIS_COUNT] != 1 || fis[FIS_COUNT_HIGH] != 0) {
        ahci_finish(command, ATA_ABORT, 0);
        return;
    }
    page[0] = port->queued_error == 0 ? 0x80 : (uint8_t)(port->queued_error - 1);
    page[2] = port->queued_error == 0 ? ATA_READY : ATA_READY | ATA_ERROR;
    page[3] = port->queued_error == 0 ? 0 : ATA_ABORT;
    uint8_t sum = 0;
    for (unsigned i = 0; i < sizeof(page) - 1; i++)
        sum = (uint8_t)(sum + page[i]);
    page[511] = (uint8_t)(0 - sum);
    port->queued_error = 0;
    ahci_finish_pio(command, page, sizeof(page));
}

static void verify(struct ahci_command *command, uint64_t sector, uint32_t count)
{
    uint64_t sectors = command->port->block->sectors;
    bool inside = sector <= sectors && count <= sectors - sector;
    ahci_finish(command, inside ? 0 : ATA_NOT_FOUND, 0);
}

static void transfer_command(struct ahci_command *command, bool write, bool wide)
{
    const uint8_t *fis = command->fis;
    if ((fis[FIS_DEVICE] & 0x40) == 0) {
        ahci_finish(command, ATA_ABORT, 0); /* CHS addresses went with ATA-5 */
        return;
    }
    if (wide)
        transfer(command, write, lba48(fis), count16(fis[FIS_COUNT], fis[FIS_COUNT_HIGH]),
                 fis[FIS_COMMAND] == WRITE_DMA_FUA_EXT);
    else
        transfer(command, write, lba28(fis), count28(fis), false);
}

void ahci_disk_command(struct ahci_command *command)
{
    const uint8_t *fis = command->fis;
    switch (fis[FIS_COMMAND]) {
    case READ_DMA:
    case READ_SECTORS:
    case READ_MULTIPLE:
        transfer_command(command, false, false);
        break;
    case WRITE_DMA:
    case WRITE_SECTORS:
    case WRITE_MULTIPLE:
        transfer_command(command, true, false);
        break;
    case READ_DMA_EXT:
    case READ_SECTORS_EXT:
    case READ_MULTIPLE_EXT:
        transfer_command(command, false, true);
        break;
    case WRITE_DMA_EXT:
    case WRITE_SECTORS_EXT:
    case WRITE_MULTIPLE_EXT:
    case WRITE_DMA_FUA_EXT:
        transfer_command(command, true, true);
        break;
    case READ_QUEUED:
    case WRITE_QUEUED:
        transfer(command, fis[FIS_COMMAND] == WRITE_QUEUED, lba48(fis),
                 count16(fis[FIS_FEATURES], fis[FIS_FEATURES_HIGH]),
                 (fis[FIS_DEVICE] & FORCE_ACCESS) != 0);
        break;
    case FLUSH:
    case FLUSH_EXT:
        submit_plain(command, BLOCK_FLUSH, 0, 0, plain_done);
        break;
    case DATA_SET_MANAGEMENT:
        trim(command);
        break;
    case READ_VERIFY:
        verify(command, lba28(fis), count28(fis));
        break;
    case READ_VERIFY_EXT:
        verify(command, lba48(fis), count16(fis[FIS_COUNT], fis[FIS_COUNT_HIGH]));
        break;
    case IDENTIFY:
        identify(command);
        break;
    case SET_FEATURES:
        set_features(command);
        break;
    case READ_LOG_EXT:
        read_log(command);
        break;
    case SET_MULTIPLE:
        ahci_finish(command, fis[FIS_COUNT] > MAX_MULTIPLE ? ATA_ABORT : 0, 0);
        break;
    case CHECK_POWER:
        command->fis[FIS_COUNT] = 0xff; /* active */
        ahci_finish(command, 0, 0);
        break;
    case SET_PARAMETERS:
    case STANDBY_NOW:
    case IDLE_NOW:
        ahci_finish(command, 0, 0);
        break;
    default:
        ahci_finish(command, ATA_ABORT, 0);
        break;
    }
}

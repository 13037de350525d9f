/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A CD-ROM drive with a medium that stays in: ATAPI (ACS-3) with the commands of SPC-4 and MMC-6
 * that operating systems and firmware use. Data comes by DMA.
 */
#include <string.h>

#include "vmm/device/ahci_internal.h"

#define COMMAND_RESET    0x08u
#define COMMAND_PACKET   0xa0u
#define COMMAND_IDENTIFY 0xa1u
#define COMMAND_IDLE     0xe1u
#define COMMAND_FEATURES 0xefu
#define COMMAND_ATA_ID   0xecu

enum scsi {
    TEST_UNIT_READY = 0x00,
    REQUEST_SENSE = 0x03,
    INQUIRY = 0x12,
    MODE_SENSE_6 = 0x1a,
    START_STOP = 0x1b,
    PREVENT_REMOVAL = 0x1e,
    READ_CAPACITY = 0x25,
    READ_10 = 0x28,
    SEEK = 0x2b,
    READ_TOC = 0x43,
    GET_CONFIGURATION = 0x46,
    GET_EVENT = 0x4a,
    READ_DISC_INFORMATION = 0x51,
    MODE_SENSE_10 = 0x5a,
    READ_12 = 0xa8,
    MECHANISM_STATUS = 0xbd,
};

#define SENSE_MEDIUM  0x03u
#define SENSE_ILLEGAL 0x05u

#define CODE_READ_ERROR   0x11u
#define CODE_BAD_COMMAND  0x20u
#define CODE_OUT_OF_RANGE 0x21u
#define CODE_BAD_FIELD    0x24u

#define BLOCK            2048u
#define SECTORS_IN_BLOCK (BLOCK / BLOCK_SECTOR)
#define LEAD_OUT         0xaau
#define PROFILE_CDROM    0x0008u
#define PROFILE_DVDROM   0x0010u
#define CD_BLOCKS        360000u /* 80 minutes: more is a DVD */

static uint16_t big16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t big32(const uint8_t *at)
{
    return (uint32_t)big16(at) << 16 | big16(at + 2);
}

static void put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
    put16(at, value >> 16);
    put16(at + 2, value);
}

static uint32_t blocks(const struct ahci_port *port)
{
    uint64_t count = port->block->sectors / SECTORS_IN_BLOCK;
    return count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
}

static void fail(struct ahci_command *command, uint8_t key, uint8_t code)
{
    uint8_t *sense = command->port->sense;
    sense[0] = key;
    sense[1] = code;
    sense[2] = 0;
    ahci_finish_packet(command, key, 0);
}

/* Success with `length` bytes of data, of which the host wanted at most `limit`. */
static void answer(struct ahci_command *command, const uint8_t *data, uint32_t length,
                   uint32_t limit)
{
    memset(command->port->sense, 0, sizeof(command->port->sense));
    if (length > limit)
        length = limit;
    ahci_finish_packet(command, 0, length == 0 ? 0 : ahci_put(command, data, length));
}

static void request_sense(struct ahci_command *command)
{
    const uint8_t *sense = command->port->sense;
    uint8_t data[18] = {0x70, 0, sense[0], [7] = 10, [12] = sense[1], [13] = sense[2]};
    answer(command, data, sizeof(data), command->packet[4]);
}

static void inquiry(struct ahci_command *command)
{
    uint8_t data[36] = {0x05, 0x80, 0x05, 0x32, 31}; /* CD, removable, SPC-3 */
    if ((command->packet[1] & 1) != 0) {
        fail(command, SENSE_ILLEGAL, CODE_BAD_FIELD); /* no vital product data */
        return;
    }
    memcpy(data + 8, "QUOIN   CD-ROM          1   ", 28);
    answer(command, data, sizeof(data), big16(command->packet + 3));
}

static void read_done(struct block_request *request, enum block_status status)
{
    struct ahci_command *command = request->owner;
    if (status != BLOCK_OK) {
        fail(command, SENSE_MEDIUM, CODE_READ_ERROR);
        return;
    }
    memset(command->port->sense, 0, sizeof(command->port->sense));
    ahci_finish_packet(command, 0, (uint32_t)(request->count * BLOCK_SECTOR));
}

static void read(struct ahci_command *command, uint32_t block, uint32_t count)
{
    uint32_t all = blocks(command->port);
    if (block > all || count > all - block) {
        fail(command, SENSE_ILLEGAL, CODE_OUT_OF_RANGE);
        return;
    }
    if (count == 0) {
        answer(command, NULL, 0, 0);
        return;
    }
    if (!ahci_transfer(command, BLOCK_READ, (uint64_t)block * SECTORS_IN_BLOCK,
                       (uint64_t)count * SECTORS_IN_BLOCK, false, read_done))
        fail(command, SENSE_ILLEGAL, CODE_BAD_FIELD);
}

static void read_capacity(struct ahci_command *command)
{
    uint8_t data[8];
    put32(data, blocks(command->port) - 1);
    put32(data + 4, BLOCK);
    answer(command, data, sizeof(data), sizeof(data));
}

static void put_address(uint8_t *at, uint32_t block, bool minutes)
{
    if (!minutes) {
        put32(at, block);
        return;
    }
    uint32_t frames = block + 150; /* MMC-6, 4.2.3.6: the first block is at 00:02:00 */
    at[0] = 0;
    at[1] = (uint8_t)(frames / 75 / 60);
    at[2] = (uint8_t)(frames / 75 % 60);
    at[3] = (uint8_t)(frames % 75);
}

/* One data track and the lead-out (MMC-6, 6.25). */
static void read_toc(struct ahci_command *command)
{
    const uint8_t *packet = command->packet;
    bool minutes = (packet[1] & 2) != 0;
    uint8_t format = packet[2] & 0xf;
    uint8_t first = packet[6];
    uint8_t data[20] = {0, 0, 1, 1};
    uint32_t length = 4;
    if (format == 0 && (first <= 1 || first == LEAD_OUT)) {
        if (first <= 1) {
            data[5] = 0x14;
            data[6] = 1;
            put_address(data + 8, 0, minutes);
            length += 8;
        }
        data[length + 1] = 0x14;
        data[length + 2] = LEAD_OUT;
        put_address(data + length + 4, blocks(command->port), minutes);
        length += 8;
    } else if (format == 1) {
        data[5] = 0x14;
        data[6] = 1;
        put_address(data + 8, 0, minutes);
        length += 8;
    } else {
        fail(command, SENSE_ILLEGAL, CODE_BAD_FIELD);
        return;
    }
    put16(data, length - 2);
    answer(command, data, length, big16(packet + 7));
}

static void get_configuration(struct ahci_command *command)
{
    uint8_t data[20] = {0};
    uint32_t profile = blocks(command->port) > CD_BLOCKS ? PROFILE_DVDROM : PROFILE_CDROM;
    put32(data, sizeof(data) - 4);
    put16(data + 6, profile);
    put16(data + 8, 0); /* feature: profile list */
    data[10] = 0x03;    /* persistent, current */
    data[11] = 8;
    put16(data + 12, PROFILE_CDROM);
    data[14] = profile == PROFILE_CDROM;
    put16(data + 16, PROFILE_DVDROM);
    data[18] = profile == PROFILE_DVDROM;
    answer(command, data, sizeof(data), big16(command->packet + 7));
}

/* Only polling exists; the one class there is, media, never has anything new. */
static void get_event(struct ahci_command *command)
{
    uint8_t data[8] = {0, 6, 0x04, 0x10, 0x00, 0x02};
    if ((command->packet[1] & 1) == 0) {
        fail(command, SENSE_ILLEGAL, CODE_BAD_FIELD);
        return;
    }
    uint32_t length = sizeof(data);
    if ((command->packet[4] & 0x10) == 0) {
        data[1] = 2;
        data[2] = 0x80; /* none of the classes asked for */
        length = 4;
    }
    answer(command, data, length, big16(command->packet + 7));
}

static void disc_information(struct ahci_command *command)
{
    uint8_t data[34] = {0, 32, 0x0e, 1, 1, 1, 1, 0x20}; /* complete, one session, one track */
    answer(command, data, sizeof(data), big16(command->packet + 7));
}

/* Page 2Ah, capabilities (MMC-6, annex F): nothing but reading; others are not there. */
static void mode_sense(struct ahci_command *command, bool long_form)
{
    uint8_t page = command->packet[2] & 0x3f;
    uint8_t data[28] = {0};
    uint32_t header = long_form ? 8 : 4;
    uint32_t limit = long_form ? big16(command->packet + 7) : command->packet[4];
    if (page != 0x2a && page != 0x3f) {
        fail(command, SENSE_ILLEGAL, CODE_BAD_FIELD);
        return;
    }
    data[header] = 0x2a;
    data[header + 1] = 18;
    data[header + 2] = 0x3b; /* reads CD-R, CD-RW, DVD */
    data[header + 6] = 0x29; /* tray */
    if (long_form)
        put16(data, header + 20 - 2);
    else
        data[0] = (uint8_t)(header + 20 - 1);
    answer(command, data, header + 20, limit);
}

static void packet(struct ahci_command *command)
{
    const uint8_t *bytes = command->packet;
    uint8_t nothing[8] = {0};
    switch (bytes[0]) {
    case REQUEST_SENSE:
        request_sense(command);
        break;
    case INQUIRY:
        inquiry(command);
        break;
    case READ_CAPACITY:
        read_capacity(command);
        break;
    case READ_10:
        read(command, big32(bytes + 2), big16(bytes + 7));
        break;
    case READ_12:
        read(command, big32(bytes + 2), big32(bytes + 6));
        break;
    case READ_TOC:
        read_toc(command);
        break;
    case GET_CONFIGURATION:
        get_configuration(command);
        break;
    case GET_EVENT:
        get_event(command);
        break;
    case READ_DISC_INFORMATION:
        disc_information(command);
        break;
    case MODE_SENSE_6:
    case MODE_SENSE_10:
        mode_sense(command, bytes[0] == MODE_SENSE_10);
        break;
    case MECHANISM_STATUS:
        answer(command, nothing, sizeof(nothing), big16(bytes + 8));
        break;
    case TEST_UNIT_READY:
    case START_STOP:
    case PREVENT_REMOVAL:
    case SEEK:
        answer(command, NULL, 0, 0);
        break;
    default:
        fail(command, SENSE_ILLEGAL, CODE_BAD_COMMAND);
        break;
    }
}

static void identify(struct ahci_command *command)
{
    uint8_t data[512] = {0};
    char serial[BLOCK_SERIAL_SIZE];
    memcpy(serial, command->port->block->serial, sizeof(serial));
    ahci_identify_word(data, 0, 0x85c0); /* packet device, CD, removable, 12-byte packets */
    ahci_identify_text(data, 10, BLOCK_SERIAL_SIZE, serial);
    ahci_identify_text(data, 23, 8, "1");
    ahci_identify_text(data, 27, 40, "QUOIN CD-ROM");
    ahci_identify_word(data, 49, 0x0f00); /* LBA, DMA, IORDY */
    ahci_identify_word(data, 53, 0x0006);
    ahci_identify_word(data, 63, 0x0007);
    ahci_identify_word(data, 64, 0x0003);
    for (unsigned i = 65; i < 69; i++)
        ahci_identify_word(data, i, 120);
    ahci_identify_word(data, 76, 0x0006); /* SATA 1 and 2 */
    ahci_identify_word(data, 80, 0x00f0);
    ahci_identify_word(data, 82, 0x0210); /* packets, reset */
    ahci_identify_word(data, 83, 0x4000);
    ahci_identify_word(data, 85, 0x0210);
    ahci_identify_word(data, 87, 0x4000);
    ahci_identify_word(data, 88, 0x407f);
    ahci_finish_pio(command, data, sizeof(data));
}

void ahci_cdrom_command(struct ahci_command *command)
{
    switch (command->fis[FIS_COMMAND]) {
    case COMMAND_PACKET:
        packet(command);
        break;
    case COMMAND_IDENTIFY:
        identify(command);
        break;
    case COMMAND_RESET:
    case COMMAND_IDLE:
    case COMMAND_FEATURES:
        ahci_finish(command, 0, 0);
        break;
    case COMMAND_ATA_ID: /* ACS-3, 7.12.6: a packet device aborts it; its signature says the rest */
    default:
        ahci_finish(command, ATA_ABORT, 0);
        break;
    }
}

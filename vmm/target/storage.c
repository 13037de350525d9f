/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/target/storage.h"

#include <block/bounce.h>
#include <block/client.h>
#include <connection/connection.h>
#include <rt/log.h>
#include <string.h>

#include "vmm/target/call.h"

/* Buffers of a disk's part of the memory: large ones where there is room for enough of them. */
#define BUFFER       0x10000u
#define SMALL_BUFFER 0x4000u
#define LEAST_LARGE  16u

struct disk {
    unsigned number; /* in the configuration */
    uint8_t *part;
    bool resumes; /* the service was started anew and has not opened this disk yet */
    struct block_client client;
    struct bounce bounce;
};

static struct connection_client connection;
static struct disk disks[VMCONFIG_MAX_DISKS];
static unsigned count;
static uint64_t part_size;
static seL4_CPtr service;
static seL4_CPtr own_notification;
static bool over;

static void wake(void *context)
{
    (void)context;
    call_send(service, 0, 0);
}

/* Requests wait while the service is started anew. */
static bool usable(void *context)
{
    const struct disk *disk = context;
    return !disk->resumes && connection_state(&connection) == CONNECTION_JOINT;
}

/* Puts the memory in order and joins; all of it is zeroed the first time, so that nothing of an
 * earlier machine is left there, but not the data of requests under way when it is joined again. */
static void join(uint8_t *content, uint64_t all)
{
    if (all != 0)
        memset(content, 0, all);
    else
        for (unsigned i = 0; i < count; i++)
            memset(disks[i].part, 0, BLOCK_AT_DATA);
    connection_join(&connection);
    wake(NULL);
}

static void put_bounce(struct disk *disk)
{
    struct block_client *client = &disk->client;
    uint32_t buffer = client->data_size / BUFFER < LEAST_LARGE ? SMALL_BUFFER : BUFFER;
    uint32_t most = client->device.max_sectors * BLOCK_SECTOR & ~0xfffu;
    /* The data area begins on a page; so does each buffer. */
    bounce_initialize(&disk->bounce, &client->device, client->data, client->data_size,
                      buffer < most ? buffer : most);
}

static const char *attach(struct disk *disk)
{
    int error;
    while ((error = block_client_attach(&disk->client, disk->part, part_size, wake, disk)) ==
           BLOCK_CLIENT_NOT_READY) {
        enum connection_state state = connection_state(&connection);
        if (state == CONNECTION_OVER)
            return "the service for disks has failed";
        if (state == CONNECTION_OPEN)
            join(NULL, 0);
        else
            call_wait(own_notification);
    }
    if (error == BLOCK_CLIENT_ABSENT)
        return "it is not there, in use, or not offered";
    if (error != BLOCK_CLIENT_OK)
        return "the service says what cannot be";
    disk->client.usable = usable;
    put_bounce(disk);
    return NULL;
}

bool storage_open(const struct vmm_startup *startup, const struct vmconfig *config)
{
    const struct vmm_startup_connection *given = &startup->connection[CONNECTION_DISK];
    uint8_t *content = (uint8_t *)given->address + CONNECTION_AT_CONTENT;
    unsigned wanted = vmconfig_machine_disks(config);
    if (wanted == 0)
        return true;
    if (given->size < 2 * CONNECTION_AT_CONTENT) {
        log_error("there is no service for the machine's disks");
        return false;
    }
    part_size = block_part_size(given->size, wanted);
    service = given->notification;
    own_notification = startup->vcpu[0].notification;
    connection_client_initialize(&connection, (void *)given->address,
                                 (const volatile uint64_t *)given->epoch,
                                 (uint32_t)given->generation);
    for (unsigned i = 0; i < config->disk_count; i++) {
        if (config->disk[i].source == VMCONFIG_SOURCE_FILE)
            continue;
        disks[count].number = i;
        disks[count].part = content + count * part_size;
        count++;
    }
    while (connection_state(&connection) == CONNECTION_AWAITED)
        call_wait(own_notification);
    if (connection_state(&connection) == CONNECTION_OPEN)
        join(content, given->size - CONNECTION_AT_CONTENT);
    for (unsigned i = 0; i < count; i++) {
        const char *problem = attach(&disks[i]);
        if (problem != NULL) {
            log_error("disk %u: %s", disks[i].number, problem);
            return false;
        }
    }
    return true;
}

struct block_device *storage_disk(unsigned number)
{
    for (unsigned i = 0; i < count; i++) {
        if (disks[i].number == number)
            return &disks[i].bounce.device;
    }
    return NULL;
}

static void fail(struct disk *disk)
{
    disk->resumes = false;
    block_client_fail(&disk->client);
}

/* After the service was started anew: goes on where its predecessor stopped. */
static void resume(struct disk *disk)
{
    disk->resumes = false;
    int error = block_client_resume(&disk->client);
    if (error == BLOCK_CLIENT_OK)
        return;
    if (error == BLOCK_CLIENT_NOT_READY) {
        disk->resumes = true;
        return;
    }
    log_error("disk %u: it is not what it was before the service was started anew", disk->number);
    fail(disk);
}

void storage_poll(void)
{
    if (count == 0)
        return;
    enum connection_state state = connection_state(&connection);
    if (state == CONNECTION_OPEN) {
        join(NULL, 0);
        for (unsigned i = 0; i < count; i++)
            disks[i].resumes = true;
        state = CONNECTION_JOINT;
    }
    if (state == CONNECTION_OVER && !over) {
        over = true;
        log_error("the service for disks has failed");
        for (unsigned i = 0; i < count; i++)
            fail(&disks[i]);
    }
    for (unsigned i = 0; i < count && state == CONNECTION_JOINT; i++) {
        if (disks[i].resumes)
            resume(&disks[i]);
        else
            block_client_poll(&disks[i].client);
    }
}

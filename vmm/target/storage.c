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

/* A driver of disks, to which the machine is connected. */
struct service {
    struct connection_client connection;
    uint8_t *content; /* NULL: there is no such driver */
    uint64_t size;    /* of the content */
    uint64_t part_size;
    seL4_CPtr notification;
    bool clean; /* nothing of an earlier machine is left in its memory */
    bool over;
};

struct disk {
    unsigned number; /* in the configuration */
    unsigned place;  /* among the machine's own: of its part in each driver's memory */
    struct service *service;
    bool resumes; /* the service was started anew and has not opened this disk yet */
    struct block_client client;
    struct bounce bounce;
};

static const enum connection_kind kinds[] = {CONNECTION_DISK_VIRTIO, CONNECTION_DISK_SATA,
                                             CONNECTION_DISK_NVME};

#define SERVICES (sizeof(kinds) / sizeof(kinds[0]))

static struct service services[SERVICES];
static struct disk disks[VMCONFIG_MAX_DISKS];
static unsigned count;
static seL4_CPtr own_notification;

static uint8_t *part_of(const struct service *service, const struct disk *disk)
{
    return service->content + disk->place * service->part_size;
}

static void wake(void *context)
{
    const struct disk *disk = context;
    call_send(disk->service->notification, 0, 0);
}

/* Requests wait while the service is started anew. */
static bool usable(void *context)
{
    const struct disk *disk = context;
    return !disk->resumes && connection_state(&disk->service->connection) == CONNECTION_JOINT;
}

/* Puts the memory in order and joins; all of it is zeroed the first time, so that nothing of an
 * earlier machine is left there, but not the data of requests under way when it is joined again. */
static void join(struct service *service)
{
    if (!service->clean)
        memset(service->content, 0, service->size);
    else
        for (unsigned i = 0; i < count; i++)
            memset(part_of(service, &disks[i]), 0, BLOCK_AT_DATA);
    service->clean = true;
    for (unsigned i = 0; i < count; i++)
        disks[i].resumes = disks[i].client.usable != NULL && disks[i].service == service;
    connection_join(&service->connection);
    call_send(service->notification, 0, 0);
}

/* What does not go from and to the machine's memory itself is copied through buffers. */
static void put_front(struct disk *disk, const struct vmm_startup *startup)
{
    struct block_own own[VMM_MAX_RAM];
    struct block_client *client = &disk->client;
    uint32_t buffer = client->data_size / BUFFER < LEAST_LARGE ? SMALL_BUFFER : BUFFER;
    uint32_t most = client->device.max_sectors * BLOCK_SECTOR & ~0xfffu;
    /* The data area begins on a page; so does each buffer. */
    bounce_initialize(&disk->bounce, &client->device, client->data, client->data_size,
                      buffer < most ? buffer : most);
    for (unsigned i = 0; i < startup->ram_count; i++) {
        const struct vmm_startup_ram *ram = &startup->ram[i];
        own[i] = (struct block_own){(uint8_t *)ram->address, ram->size, ram->gpa};
    }
    block_client_lend(&disk->client, &disk->bounce, own, startup->ram_count);
}

_Static_assert(VMM_MAX_RAM <= BLOCK_CLIENT_OWN, "all of a machine's memory may be lent");

enum answer { ANSWER_NO, ANSWER_LATER, ANSWER_YES, ANSWER_BAD };

/* Asks one driver for the disk. */
static enum answer ask(struct service *service, struct disk *disk)
{
    if (service->content == NULL)
        return ANSWER_NO;
    enum connection_state state = connection_state(&service->connection);
    if (state == CONNECTION_OPEN) {
        join(service);
        state = CONNECTION_JOINT;
    }
    if (state != CONNECTION_JOINT)
        return state == CONNECTION_OVER ? ANSWER_NO : ANSWER_LATER;
    disk->service = service;
    switch (block_client_attach(&disk->client, part_of(service, disk), service->part_size, wake,
                                disk)) {
    case BLOCK_CLIENT_OK:
        return ANSWER_YES;
    case BLOCK_CLIENT_NOT_READY:
        return ANSWER_LATER;
    case BLOCK_CLIENT_ABSENT:
        return ANSWER_NO;
    default:
        return ANSWER_BAD;
    }
}

/* Takes the disk from the first driver that has it. One that does not answer keeps nobody waiting
 * but those whose disk no other one has. NULL, or what is wrong. */
static const char *attach(struct disk *disk, const struct vmm_startup *startup)
{
    for (;;) {
        bool later = false;
        for (unsigned i = 0; i < SERVICES; i++) {
            enum answer answer = ask(&services[i], disk);
            if (answer == ANSWER_YES) {
                disk->client.usable = usable;
                put_front(disk, startup);
                return NULL;
            }
            if (answer == ANSWER_BAD)
                return "its driver says what cannot be";
            later = later || answer == ANSWER_LATER;
        }
        if (!later)
            return "it is not there, in use, or not offered";
        call_wait(own_notification);
    }
}

static bool open_service(struct service *service, const struct vmm_startup_connection *given,
                         unsigned wanted)
{
    if (given->size < 2 * CONNECTION_AT_CONTENT)
        return false;
    *service = (struct service){
        .content = (uint8_t *)given->address + CONNECTION_AT_CONTENT,
        .size = given->size - CONNECTION_AT_CONTENT,
        .part_size = block_part_size(given->size, wanted),
        .notification = given->notification,
    };
    connection_client_initialize(&service->connection, (void *)given->address,
                                 (const volatile uint64_t *)given->epoch,
                                 (uint32_t)given->generation);
    return true;
}

bool storage_open(const struct vmm_startup *startup, const struct vmconfig *config)
{
    unsigned wanted = vmconfig_machine_disks(config);
    bool any = false;
    if (wanted == 0)
        return true;
    own_notification = startup->vcpu[0].notification;
    for (unsigned i = 0; i < SERVICES; i++)
        any = open_service(&services[i], &startup->connection[kinds[i]], wanted) || any;
    if (!any) {
        log_error("there is no driver for the machine's disks");
        return false;
    }
    for (unsigned i = 0; i < config->disk_count; i++) {
        if (config->disk[i].source == VMCONFIG_SOURCE_FILE)
            continue;
        disks[count].number = i;
        disks[count].place = count;
        count++;
    }
    for (unsigned i = 0; i < count; i++) {
        const char *problem = attach(&disks[i], startup);
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
            return &disks[i].client.front;
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
    log_error("disk %u: it is not what it was before its driver was started anew", disk->number);
    fail(disk);
}

/* What has happened to a driver, and what it has done. */
static void poll(struct service *service)
{
    enum connection_state state = connection_state(&service->connection);
    bool fails = state == CONNECTION_OVER && !service->over;
    if (state == CONNECTION_OPEN) {
        join(service);
        state = CONNECTION_JOINT;
    }
    if (fails) {
        service->over = true;
        log_error("a driver of disks has failed");
    }
    for (unsigned i = 0; i < count; i++) {
        struct disk *disk = &disks[i];
        if (disk->service != service)
            continue;
        if (fails)
            fail(disk);
        else if (state == CONNECTION_JOINT && disk->resumes)
            resume(disk);
        else if (state == CONNECTION_JOINT)
            block_client_poll(&disk->client);
    }
}

void storage_poll(uint64_t signals)
{
    for (unsigned i = 0; i < SERVICES; i++) {
        if ((signals & VMM_BADGE_SERVICE(kinds[i])) != 0 && services[i].content != NULL &&
            count != 0)
            poll(&services[i]);
    }
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "nvme_model.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_SHIFT 9u

static uint32_t get32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, 4);
    return value;
}

static uint64_t get64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, 8);
    return value;
}

/* The device reaches the driver's DMA memory and nothing else. */
static uint8_t *reach(struct nvme_model *model, uint64_t address, uint64_t size)
{
    const struct dma *dma = model->dma;
    if (address < dma->address || address - dma->address > dma->size ||
        size > dma->size - (address - dma->address)) {
        model->bad_pages++;
        return NULL;
    }
    return dma->memory + (address - dma->address);
}

static void complete(struct nvme_model *model, uint64_t queue, uint16_t *position, uint16_t *phase,
                     uint16_t depth, uint16_t head, uint16_t id, uint16_t status)
{
    uint8_t *at = reach(model, queue + *position * 16u, 16);
    uint16_t word = (uint16_t)(status << 1 | *phase);
    if (at == NULL)
        return;
    memset(at, 0, 8);
    memcpy(at + 8, &head, 2);
    memcpy(at + 12, &id, 2);
    memcpy(at + 14, &word, 2);
    if (++*position == depth) {
        *position = 0;
        *phase ^= 1;
    }
}

static uint16_t io_position;
static uint16_t admin_position;

static void io_done(struct block_request *request, enum block_status status)
{
    struct nvme_model_command *command = request->owner;
    struct nvme_model *model = command->model;
    uint16_t id = command->id;
    model->used &= ~(1ull << (command - model->command));
    if ((model->configuration & 1) == 0)
        return; /* switched off meanwhile */
    if (model->wrong_id)
        id = 60;
    complete(model, model->completion, &io_position, &model->phase, model->depth, command->head, id,
             status == BLOCK_OK ? 0 : 0x281);
    model->interrupt = true;
}

/* Pages of a transfer (NVMe 1.4, 4.3). */
static bool find_pages(struct nvme_model *model, const uint8_t *entry, uint32_t bytes,
                       struct nvme_model_command *command)
{
    uint64_t address = get64(entry + 24);
    uint64_t second = get64(entry + 32);
    uint32_t length = 4096 - (uint32_t)(address & 4095);
    unsigned count = 0;
    const uint8_t *list = NULL;
    while (bytes > 0) {
        if (length > bytes)
            length = bytes;
        uint8_t *data = reach(model, address, length);
        if (data == NULL || count == 40)
            return false;
        command->segment[count++] = (struct block_segment){{data}, length};
        bytes -= length;
        if (bytes == 0)
            break;
        if (count == 1 && bytes > 4096) {
            list = reach(model, second, 4096);
            if (list == NULL || (second & 7) != 0)
                return false;
        }
        address = list == NULL ? second : get64(list + 8 * (count - 1));
        if ((address & 4095) != 0)
            return false;
        length = 4096;
    }
    command->request.segment = command->segment;
    command->request.segments = count;
    return true;
}

static void io_command(struct nvme_model *model, const uint8_t *entry)
{
    unsigned free_slot = (unsigned)__builtin_ctzll(~model->used);
    struct nvme_model_command *command = &model->command[free_slot];
    uint64_t count = (get32(entry + 48) & 0xffff) + 1;
    command->model = model;
    memcpy(&command->id, entry + 2, 2);
    command->head = model->head;
    command->request = (struct block_request){
        .force_unit_access = (get32(entry + 48) >> 30 & 1) != 0,
        .sector = get64(entry + 40),
        .count = count,
        .complete = io_done,
        .owner = command,
    };
    model->used |= 1ull << free_slot;
    bool fits = get32(entry + 4) == 1;
    switch (entry[0]) {
    case 0:
        command->request.operation = BLOCK_FLUSH;
        command->request.sector = command->request.count = 0;
        break;
    case 1:
    case 2:
        command->request.operation = entry[0] == 1 ? BLOCK_WRITE : BLOCK_READ;
        fits = fits && find_pages(model, entry, (uint32_t)count << BLOCK_SHIFT, command);
        break;
    case 8:
        command->request.operation = BLOCK_WRITE_ZEROES;
        break;
    case 9: {
        const uint8_t *range = reach(model, get64(entry + 24), 16);
        fits = fits && range != NULL && get32(entry + 44) == 4;
        command->request.operation = BLOCK_DISCARD;
        command->request.force_unit_access = false;
        if (range != NULL) {
            command->request.sector = get64(range + 8);
            command->request.count = get32(range + 4);
        }
        break;
    }
    default:
        fits = false;
        break;
    }
    if (model->silent)
        return;
    if (fits)
        block_submit(model->block, &command->request);
    else
        io_done(&command->request, BLOCK_ERROR);
}

static void identify(struct nvme_model *model, const uint8_t *entry)
{
    uint8_t *page = reach(model, get64(entry + 24), 4096);
    if (page == NULL)
        return;
    memset(page, 0, 4096);
    if (get32(entry + 40) == 1) {
        memcpy(page + 4, "model serial        ", 20);
        page[77] = 5;     /* 128 KiB */
        page[520] = 0x0c; /* discard, write-zeroes */
        page[525] = 1;    /* a volatile cache */
    } else {
        memcpy(page, &model->block->sectors, 8);
        page[130] = BLOCK_SHIFT;
    }
}

static void admin_command(struct nvme_model *model, const uint8_t *entry)
{
    uint16_t id;
    memcpy(&id, entry + 2, 2);
    if (entry[0] == 6) {
        identify(model, entry);
    } else if (entry[0] == 5) {
        model->completion = get64(entry + 24);
        model->depth = (uint16_t)((get32(entry + 40) >> 16) + 1);
        model->phase = 1;
        io_position = 0;
    } else if (entry[0] == 1) {
        model->submission = get64(entry + 24);
        model->head = model->tail = 0;
    }
    complete(model, model->admin_completion, &admin_position, &model->admin_phase,
             (uint16_t)((model->queue_sizes >> 16) + 1), model->admin_head, id, 0);
}

static uint64_t read(void *context, uint64_t offset, unsigned size)
{
    struct nvme_model *model = context;
    (void)size;
    switch (offset) {
    case 0x00:
        return 63 | 1u << 16 | 1u << 24; /* 64 entries, contiguous, half a second */
    case 0x04:
        return 1u << 5; /* the NVM command set; pages of 4 KiB */
    case 0x14:
        return model->configuration;
    case 0x1c:
        return model->status;
    default:
        return 0;
    }
}

static void set_half(uint64_t *value, uint64_t offset, uint64_t half)
{
    *value =
        (offset & 4) != 0 ? (*value & 0xffffffff) | half << 32 : (*value & ~0xffffffffull) | half;
}

static void run_admin(struct nvme_model *model)
{
    uint16_t depth = (uint16_t)((model->queue_sizes & 0xfff) + 1);
    while (model->admin_head != model->admin_tail) {
        const uint8_t *entry = reach(model, model->admin_submission + model->admin_head * 64u, 64);
        model->admin_head = (uint16_t)((model->admin_head + 1) % depth);
        if (entry != NULL)
            admin_command(model, entry);
    }
}

static void run_io(struct nvme_model *model)
{
    while (model->head != model->tail && model->used != UINT64_MAX) {
        const uint8_t *entry = reach(model, model->submission + model->head * 64u, 64);
        model->head = (uint16_t)((model->head + 1) % model->depth);
        if (entry != NULL)
            io_command(model, entry);
    }
}

static void write(void *context, uint64_t offset, unsigned size, uint64_t value)
{
    struct nvme_model *model = context;
    (void)size;
    switch (offset) {
    case 0x14:
        model->configuration = (uint32_t)value;
        model->status = (value & 1) != 0 && !model->never_ready ? 1 : 0;
        if ((value & 1) != 0) {
            model->admin_head = model->admin_tail = 0;
            model->admin_phase = 1;
            admin_position = 0;
        }
        break;
    case 0x24:
        model->queue_sizes = (uint32_t)value;
        break;
    case 0x28:
    case 0x2c:
        set_half(&model->admin_submission, offset, value);
        break;
    case 0x30:
    case 0x34:
        set_half(&model->admin_completion, offset, value);
        break;
    case 0x1000:
        model->admin_tail = (uint16_t)value;
        run_admin(model);
        break;
    case 0x1008:
        model->tail = (uint16_t)value;
        run_io(model);
        break;
    default:
        break;
    }
}

static uint64_t config_read(void *context, uint64_t offset, unsigned size)
{
    (void)context;
    (void)size;
    return offset == 8 ? 0x01080200 : 0;
}

static void config_write(void *context, uint64_t offset, unsigned size, uint64_t value)
{
    (void)context;
    (void)offset;
    (void)size;
    (void)value;
}

void nvme_model_initialize(struct nvme_model *model, struct block_device *block,
                           const struct dma *dma)
{
    memset(model, 0, sizeof(*model));
    model->block = block;
    model->dma = dma;
}

struct registers nvme_model_bar(struct nvme_model *model)
{
    return (struct registers){.size = 0x2000, .read = read, .write = write, .context = model};
}

struct registers nvme_model_config(struct nvme_model *model)
{
    return (struct registers){
        .size = 4096, .read = config_read, .write = config_write, .context = model};
}

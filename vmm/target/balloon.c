/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Memory that the guest gives away and gets again: a virtio balloon, whose pages go back to init in
 * blocks of 2 MiB, once all of a block's pages are in it.
 */
#include "vmm/virtio/balloon.h"

#include "vmm/target/call.h"
#include "vmm/target/target.h"

#define SLOT        8u
#define BLOCK_PAGES (VMM_BALLOON_BLOCK / VIRTIO_BALLOON_PAGE)

static struct virtio_balloon balloon;
static const struct vmm_startup *given; /* NULL: the machine has no balloon */
static uint8_t map[VMM_BALLOON_BLOCKS * BLOCK_PAGES / 8];
static uint16_t pages[VMM_BALLOON_BLOCKS]; /* of the block in the balloon */
static bool away[VMM_BALLOON_BLOCKS];
static bool refused; /* init had no block, and has not said since that there may be one */
static uint64_t seen;

static bool is_away(struct gpa address)
{
    uint64_t block = address.value / VMM_BALLOON_BLOCK;
    return block < VMM_BALLOON_BLOCKS && away[block];
}

static bool ask(enum vmm_balloon what, uint64_t block)
{
    return call_invoke(given->balloon_endpoint, what, 1, block, 0, NULL);
}

static bool take_back(uint64_t block)
{
    if (!refused)
        refused = !ask(VMM_BALLOON_TAKE, block);
    away[block] = refused;
    return !refused;
}

static bool page(void *context, struct gpa address, bool taken)
{
    uint64_t block = address.value / VMM_BALLOON_BLOCK;
    (void)context;
    if (!taken) {
        if (away[block] && !take_back(block))
            return false;
        pages[block]--;
        return true;
    }
    if (++pages[block] == BLOCK_PAGES)
        away[block] = ask(VMM_BALLOON_GIVE, block);
    return true;
}

void balloon_poll(void)
{
    if (given == NULL)
        return;
    uint64_t word = *(const volatile uint64_t *)given->balloon;
    if (word == seen)
        return;
    seen = word;
    refused = false;
    virtio_balloon_set_target(&balloon, (uint32_t)((word & VMM_BALLOON_TARGET) * BLOCK_PAGES));
    virtio_balloon_retry(&balloon);
}

bool balloon_attach(struct vm *vm, const struct vmm_startup *startup)
{
    uint64_t size = startup->ram[0].size;
    if (startup->balloon == 0)
        return true;
    if (startup->ram_count != 1 || size > VMM_BALLOON_BLOCKS * VMM_BALLOON_BLOCK)
        return false;
    given = startup;
    vm->is_away = is_away;
    virtio_balloon_initialize(&balloon, SLOT, &vm->memory, &vm->apics, &vm->irq, map,
                              size / VIRTIO_BALLOON_PAGE / 8, page, NULL);
    return pci_add(&vm->pci, &balloon.device.function);
}

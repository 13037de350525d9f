/* SPDX-License-Identifier: BSD-2-Clause
 *
 * VT-d's invalidation queue (VT-d specification 4.1, 6.5.2): each request is followed by a wait
 * descriptor, and its writer waits for that; there are never more than two in the queue.
 */
#include "x86/asm.h"
#include "x86/boot.h"
#include "x86/iommu/vtd.h"

enum { DESCRIPTORS = PAGE_SIZE / 16, TAIL_SHIFT = 4 };

/* Types in bits 3:0, granularity above (6.5.2.1 to 6.5.2.8). */
#define INVALIDATE_CONTEXTS     (1ull | 1ull << 4)
#define INVALIDATE_TRANSLATIONS (2ull | 1ull << 4 | BIT(6) | BIT(7)) /* with reads and writes */
#define INVALIDATE_DOMAIN       (2ull | 2ull << 4 | BIT(6) | BIT(7))
#define INVALIDATE_INTERRUPTS   4ull
#define INVALIDATE_INTERRUPT    (4ull | 1ull << 4)
#define WAIT_WRITE_STATUS       (5ull | BIT(5))

void vtd_queue_init(struct vtd_unit *u)
{
    u->queue = boot_alloc_pages(1, true);
    u->queue_status = boot_alloc_pages(1, true);
    vtd_write64(u, VTD_IQT, 0);
    vtd_write64(u, VTD_IQA, arch_paddr((const void *)u->queue).v); /* 256 descriptors of 128 bits */
    vtd_command(u, VTD_QIE, 0, VTD_QIE, VTD_QIE);
}

static void put(struct vtd_unit *u, uint64_t low, uint64_t high)
{
    u->queue[2 * u->queue_tail] = low;
    u->queue[2 * u->queue_tail + 1] = high;
    u->queue_tail = (u->queue_tail + 1) % DESCRIPTORS;
}

/* Queue and status are read and written coherently by every unit. */
static void run(uint64_t request)
{
    for (unsigned i = 0; i < vtd_unit_count; i++) {
        struct vtd_unit *u = &vtd_units[i];
        u->queue_turn++;
        put(u, request, 0);
        put(u, WAIT_WRITE_STATUS | (uint64_t)u->queue_turn << 32,
            arch_paddr((const void *)u->queue_status).v);
        asm_mfence();
        vtd_write64(u, VTD_IQT, (uint64_t)u->queue_tail << TAIL_SHIFT);
    }
    for (unsigned i = 0; i < vtd_unit_count; i++) {
        const struct vtd_unit *u = &vtd_units[i];
        for (uint64_t turns = 0; *u->queue_status != u->queue_turn; turns++) {
            if (turns == VTD_PATIENCE || (vtd_read32(u, VTD_FSTS) & VTD_FSTS_QUEUE_ERROR)) {
                kernel_panic("an IOMMU does not finish an invalidation");
            }
            asm_pause();
        }
    }
}

void vtd_flush_contexts(void)
{
    run(INVALIDATE_CONTEXTS);
}

void vtd_flush_translations(void)
{
    run(INVALIDATE_TRANSLATIONS);
}

void vtd_flush_domain(unsigned domain)
{
    run(INVALIDATE_DOMAIN | (uint64_t)domain << 16);
}

void vtd_flush_interrupts(void)
{
    run(INVALIDATE_INTERRUPTS);
}

void vtd_flush_interrupt(unsigned index)
{
    run(INVALIDATE_INTERRUPT | (uint64_t)index << 32);
}

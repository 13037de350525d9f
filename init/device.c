/* SPDX-License-Identifier: BSD-2-Clause */
#include "device.h"

#include <stdbool.h>
#include <stdint.h>

#include "cspace.h"

enum { MAX_PIECES = 512 };

struct piece {
    seL4_Word physical;
    seL4_Untyped cap;
    uint8_t bits;
    bool taken; /* given away, or cut in two */
};

static struct piece pieces[MAX_PIECES];
static unsigned piece_count;

static struct piece *add(seL4_Word physical, unsigned bits, seL4_Untyped cap)
{
    if (piece_count == MAX_PIECES) {
        return NULL;
    }
    pieces[piece_count] = (struct piece){physical, cap, (uint8_t)bits, false};
    return &pieces[piece_count++];
}

void device_init(const seL4_BootInfo *info)
{
    for (seL4_Word i = 0; i < info->untyped.end - info->untyped.start; i++) {
        const seL4_UntypedDesc *d = &info->untypedList[i];
        if (d->isDevice && d->sizeBits >= seL4_PageBits) {
            (void)add(d->paddr, d->sizeBits, info->untyped.start + i);
        }
    }
}

/* The smallest piece that nobody has and that holds the address. */
static struct piece *find(seL4_Word physical, unsigned bits)
{
    for (unsigned i = 0; i < piece_count; i++) {
        struct piece *p = &pieces[i];
        if (!p->taken && p->bits >= bits && physical >= p->physical &&
            physical - p->physical < 1ull << p->bits) {
            return p;
        }
    }
    return NULL;
}

/* Cuts p in two. */
static bool cut(struct piece *p)
{
    unsigned bits = p->bits - 1u;
    seL4_CPtr half[2] = {cspace_alloc(), cspace_alloc()};

    if (half[0] == 0 || half[1] == 0 || piece_count + 2 > MAX_PIECES) {
        cspace_free(half[0]);
        cspace_free(half[1]);
        return false;
    }
    for (unsigned i = 0; i < 2; i++) {
        if (seL4_Untyped_Retype(p->cap, seL4_UntypedObject, bits, seL4_CapInitThreadCNode, 0, 0,
                                half[i], 1) != seL4_NoError) {
            return false;
        }
        (void)add(p->physical + ((seL4_Word)i << bits), bits, half[i]);
    }
    p->taken = true;
    return true;
}

seL4_Untyped device_untyped(seL4_Word physical, unsigned bits)
{
    struct piece *p = find(physical, bits);

    while (p && p->bits > bits) {
        p = cut(p) ? find(physical, bits) : NULL;
    }
    if (!p || p->physical != physical) {
        return 0;
    }
    p->taken = true;
    return p->cap;
}

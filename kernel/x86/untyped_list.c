/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Cuts regions into naturally aligned powers of two. Also built for the host.
 */
#include "config.h"
#include "x86/root.h"

/* With a full list a piece only gets in for a smaller one, whose place closes. */
static void add_piece(struct untyped_piece *pieces, unsigned *count, unsigned max,
                      struct untyped_piece piece)
{
    if (*count == max) {
        unsigned smallest = 0;
        for (unsigned i = 1; i < max; i++) {
            smallest = pieces[i].bits < pieces[smallest].bits ? i : smallest;
        }
        if (max == 0 || pieces[smallest].bits >= piece.bits) {
            return;
        }
        for (unsigned i = smallest; i + 1 < max; i++) {
            pieces[i] = pieces[i + 1];
        }
        (*count)--;
    }
    pieces[(*count)++] = piece;
}

static void add_regions(const struct region_list *list, bool device, struct untyped_piece *pieces,
                        unsigned *count, unsigned max)
{
    for (unsigned i = 0; i < list->count; i++) {
        uint64_t end = list->at[i].end;
        for (uint64_t start = list->at[i].start; start < end;) {
            unsigned bits = region_piece_bits(start, end, PADDR_TOP_BITS);
            if (bits < PAGE_BITS) {
                break;
            }
            add_piece(pieces, count, max, (struct untyped_piece){start, (uint8_t)bits, device});
            start += BIT(bits);
        }
    }
}

unsigned untyped_list(const struct region_list *device, const struct region_list *ram,
                      struct untyped_piece *pieces, unsigned max)
{
    unsigned count = 0;
    add_regions(device, true, pieces, &count, max);
    add_regions(ram, false, pieces, &count, max);
    return count;
}

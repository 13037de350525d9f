/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Lists of physical ranges. Also built for the host.
 */
#include "x86/boot.h"

static void delete_at(struct region_list *list, unsigned i)
{
    for (; i + 1 < list->count; i++) {
        list->at[i] = list->at[i + 1];
    }
    list->count--;
}

/* Makes room at i: false if the list is full. */
static bool insert_at(struct region_list *list, unsigned i, struct region r)
{
    if (list->count == MAX_REGIONS) {
        list->overflow = true;
        return false;
    }
    for (unsigned j = list->count; j > i; j--) {
        list->at[j] = list->at[j - 1];
    }
    list->at[i] = r;
    list->count++;
    return true;
}

void region_add(struct region_list *list, uint64_t start, uint64_t end)
{
    if (start >= end) {
        return;
    }
    unsigned i = 0;
    while (i < list->count && list->at[i].end < start) {
        i++;
    }
    while (i < list->count && list->at[i].start <= end) { /* touches: swallow it */
        start = list->at[i].start < start ? list->at[i].start : start;
        end = list->at[i].end > end ? list->at[i].end : end;
        delete_at(list, i);
    }
    insert_at(list, i, (struct region){start, end});
}

void region_remove(struct region_list *list, uint64_t start, uint64_t end)
{
    if (start >= end) {
        return;
    }
    for (unsigned i = 0; i < list->count;) {
        struct region r = list->at[i];
        if (r.end <= start || r.start >= end) {
            i++;
        } else if (r.start < start && r.end > end) {
            list->at[i].end = start;
            if (!insert_at(list, i + 1, (struct region){end, r.end}) &&
                r.end - end > start - r.start) {
                list->at[i] = (struct region){end, r.end};
            }
            return;
        } else if (r.start < start) {
            list->at[i++].end = start;
        } else if (r.end > end) {
            list->at[i++].start = end;
        } else {
            delete_at(list, i);
        }
    }
}

bool region_cut(struct region_list *list, uint64_t bytes, uint64_t alignment, uint64_t limit,
                uint64_t *start)
{
    for (unsigned i = 0; i < list->count; i++) {
        struct region r = list->at[i];
        uint64_t first = (r.start + alignment - 1) & ~(alignment - 1);
        uint64_t end = r.end < limit ? r.end : limit;
        if (first >= r.start && first < end && end - first >= bytes) {
            region_remove(list, first, first + bytes);
            *start = first;
            return true;
        }
    }
    return false;
}

bool region_contains(const struct region_list *list, uint64_t start, uint64_t end)
{
    for (unsigned i = 0; i < list->count; i++) {
        if (list->at[i].start <= start && end <= list->at[i].end) {
            return true;
        }
    }
    return false;
}

unsigned region_piece_bits(uint64_t start, uint64_t end, unsigned max_bits)
{
    unsigned bits = max_bits;
    while (bits > 0 && ((start & MASK(bits)) != 0 || end - start < BIT(bits))) {
        bits--;
    }
    return bits;
}

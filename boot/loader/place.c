/* SPDX-License-Identifier: BSD-2-Clause */
#include "place.h"

#define PAGE           4096ull
#define LOWEST         0x100000ull
#define HIGHEST        0x100000000ull
#define OVERLAPS(a, b) ((a).start < (b).end && (b).start < (a).end)

int place_check(const struct place_file *files, unsigned count, const struct info *info,
                struct place_range loader, unsigned *culprit)
{
    for (unsigned i = 0; i < count; i++) {
        struct place_range file = files[i].from;

        *culprit = i;
        if (file.start == file.end)
            continue; /* GRUB gives an empty file no place */
        if (OVERLAPS(file, loader) || file.start < PAGE || !info_is_ram(info, file.start, file.end))
            return LOADER_ERROR_RANGE;
        for (unsigned j = 0; j < i; j++) {
            if (OVERLAPS(file, files[j].from))
                return LOADER_ERROR_RANGE;
        }
    }
    return LOADER_OK;
}

static struct place_range segment_range(const struct elf_segment *segment)
{
    return (struct place_range){segment->address, segment->address + segment->memory};
}

/* The kernel as one range of whole pages. */
static int kernel_range(const struct elf *kernel, struct place_range *whole)
{
    int entry_found = 0;

    *whole = segment_range(&kernel->segments[0]);
    for (unsigned i = 0; i < kernel->count; i++) {
        struct place_range range = segment_range(&kernel->segments[i]);

        for (unsigned j = 0; j < i; j++) {
            struct place_range other = segment_range(&kernel->segments[j]);
            if (OVERLAPS(range, other))
                return LOADER_ERROR_KERNEL;
        }
        whole->start = range.start < whole->start ? range.start : whole->start;
        whole->end = range.end > whole->end ? range.end : whole->end;
        entry_found |= range.start <= kernel->entry && kernel->entry < range.end;
    }
    whole->start &= ~(PAGE - 1);
    whole->end = (whole->end + PAGE - 1) & ~(PAGE - 1);
    return entry_found ? LOADER_OK : LOADER_ERROR_KERNEL;
}

/* What a moved file must not lie on: the kernel, the loader, and all files where they are and
 * where they go. */
struct obstacles {
    struct place_range at[2 + 2 * INFO_MODULES_MAX];
    unsigned count;
};

static void add(struct obstacles *obstacles, struct place_range range)
{
    if (range.start < range.end)
        obstacles->at[obstacles->count++] = range;
}

/* The highest free range of size bytes that ends at a given address or below it, whole pages; 0
 * when it is taken. */
static uint64_t try_below(uint64_t end, uint64_t size, const struct info *info,
                          const struct obstacles *obstacles)
{
    struct place_range range;

    end = (end < HIGHEST ? end : HIGHEST) & ~(PAGE - 1);
    if (end < LOWEST + size)
        return 0;
    range.start = (end - size) & ~(PAGE - 1);
    range.end = range.start + size;
    if (!info_is_ram(info, range.start, range.end))
        return 0;
    for (unsigned i = 0; i < obstacles->count; i++) {
        if (OVERLAPS(range, obstacles->at[i]))
            return 0;
    }
    return range.start;
}

/* The highest free place, 0 when there is none: it ends where RAM ends or an obstacle begins. */
static uint64_t find_free(uint64_t size, const struct info *info, const struct obstacles *obstacles)
{
    uint64_t best = 0;

    for (unsigned i = 0; i < info->range_count; i++) {
        uint64_t end = info->ranges[i].is_ram ? info->ranges[i].end : info->ranges[i].start;
        uint64_t start = try_below(end, size, info, obstacles);
        best = start > best ? start : best;
    }
    for (unsigned i = 0; i < obstacles->count; i++) {
        uint64_t start = try_below(obstacles->at[i].start, size, info, obstacles);
        best = start > best ? start : best;
    }
    return best;
}

int place_plan(struct place_file *files, unsigned count, const struct elf *kernel,
               const struct info *info, struct place_range loader, unsigned *culprit)
{
    struct obstacles obstacles = {.count = 0};
    struct place_range whole;
    int error = kernel_range(kernel, &whole);

    *culprit = count;
    if (error)
        return error;
    if (whole.start < LOWEST || OVERLAPS(whole, loader) ||
        !info_is_ram(info, whole.start, whole.end))
        return LOADER_ERROR_PLACE;

    add(&obstacles, whole);
    add(&obstacles, loader);
    for (unsigned i = 0; i < count; i++)
        add(&obstacles, files[i].from);
    for (unsigned i = 0; i < count; i++) {
        uint64_t size = files[i].from.end - files[i].from.start;

        files[i].to = files[i].from.start;
        if (size == 0 || !OVERLAPS(files[i].from, whole))
            continue;
        files[i].to = find_free(size, info, &obstacles);
        if (files[i].to == 0) {
            *culprit = i;
            return LOADER_ERROR_MEMORY;
        }
        add(&obstacles, (struct place_range){files[i].to, files[i].to + size});
    }
    return LOADER_OK;
}

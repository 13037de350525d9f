/* SPDX-License-Identifier: BSD-2-Clause */
#include "archive.h"

#include <stddef.h>
#include <string.h>
#include <rt/component.h>
#include <rt/log.h>

enum { NAME_SIZE = 48, PAGE = 4096 };
#define ARCHIVE_MAGIC 0x0031484352415151ull /* "QQARCH1\0" */

struct entry {
    char name[NAME_SIZE]; /* NUL-terminated */
    uint64_t offset;      /* from the start of the archive, a multiple of a page */
    uint64_t size;
};
_Static_assert(sizeof(struct entry) == 64, "doc/formats.md");

struct header {
    uint64_t magic;
    uint64_t size; /* of the archive */
    uint64_t count;
    uint64_t unused[5];
    struct entry entries[];
};
_Static_assert(offsetof(struct header, entries) == 64, "doc/formats.md");

static const struct header *archive;
static unsigned file_count;
static seL4_CPtr first_frame;

static int entry_is_valid(const struct entry *e, uint64_t archive_size)
{
    return e->name[NAME_SIZE - 1] == 0 && e->name[0] != 0 && e->offset % PAGE == 0 &&
           e->offset <= archive_size && e->size <= archive_size - e->offset;
}

unsigned archive_init(const seL4_BootInfo *info)
{
    const uint64_t image_start = 0x400000; /* lib/rt/user.ld */
    uint64_t frames = info->userImageFrames.end - info->userImageFrames.start;
    uint64_t own_pages = ((uint64_t)(uintptr_t)rt_image_end - image_start) / PAGE;

    if (frames <= own_pages) {
        return 0;
    }
    uint64_t space = (frames - own_pages) * PAGE;
    const struct header *h = (const struct header *)(const void *)rt_image_end;
    if (h->magic != ARCHIVE_MAGIC || h->size > space ||
        h->count > (h->size - sizeof(*h)) / sizeof(struct entry)) {
        log_error("the archive behind init is damaged");
        return 0;
    }
    for (uint64_t i = 0; i < h->count; i++) {
        if (!entry_is_valid(&h->entries[i], h->size)) {
            log_error("entry %lu of the archive is damaged", i);
            return 0;
        }
    }
    archive = h;
    file_count = (unsigned)h->count;
    first_frame = info->userImageFrames.start + own_pages;
    return file_count;
}

void archive_get(unsigned index, struct archive_file *file)
{
    const struct entry *e = &archive->entries[index];

    *file = (struct archive_file){
        .name = e->name,
        .data = (const uint8_t *)archive + e->offset,
        .size = e->size,
        .first_frame = first_frame + e->offset / PAGE,
    };
}

int archive_find(const char *name, struct archive_file *file)
{
    for (unsigned i = 0; i < file_count; i++) {
        if (strcmp(archive->entries[i].name, name) == 0) {
            archive_get(i, file);
            return 0;
        }
    }
    return -1;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "archive.h"

#include <stdbool.h>
#include <string.h>
#include <rootfiles.h>
#include <rt/component.h>
#include <rt/log.h>

enum { FILES_MAX = 512 };

static struct rootfiles archive;
static bool verified[FILES_MAX];
static seL4_CPtr first_frame;
/* Names stand in the archive, which init keeps; entries are copied out of it. */
static struct rootfiles_entry entries[FILES_MAX];

unsigned archive_init(const seL4_BootInfo *info)
{
    const uint64_t image_start = 0x400000; /* lib/rt/user.ld */
    uint64_t frames = info->userImageFrames.end - info->userImageFrames.start;
    uint64_t own_pages = ((uint64_t)(uintptr_t)rt_image_end - image_start) / ROOTFILES_PAGE;

    if (frames <= own_pages) {
        return 0;
    }
    uint64_t space = (frames - own_pages) * ROOTFILES_PAGE;
    int error = rootfiles_parse(&archive, (const uint8_t *)rt_image_end, space);
    if (error != ROOTFILES_OK || archive.count > FILES_MAX) {
        log_error("the archive behind init is damaged");
        archive.count = 0;
    }
    for (unsigned i = 0; i < archive.count; i++) {
        rootfiles_entry(&archive, i, &entries[i]);
        verified[i] = !entries[i].deferred;
    }
    first_frame = info->userImageFrames.start + own_pages;
    return (unsigned)archive.count;
}

void archive_get(unsigned index, struct archive_file *file)
{
    const struct rootfiles_entry *e = &entries[index];

    *file = (struct archive_file){.name = e->name, .index = index};
    if (verified[index]) {
        file->data = archive.data + e->offset;
        file->size = e->size;
        file->first_frame = first_frame + e->offset / ROOTFILES_PAGE;
    }
}

int archive_find(const char *name, struct archive_file *file)
{
    for (unsigned i = 0; i < archive.count; i++) {
        if (strcmp(entries[i].name, name) == 0) {
            archive_get(i, file);
            return 0;
        }
    }
    return -1;
}

int archive_open(struct archive_file *file)
{
    if (file->name == NULL) {
        return 0;
    }
    const struct rootfiles_entry *e = &entries[file->index];
    if (!verified[file->index]) {
        if (rootfiles_check(&archive, e) != ROOTFILES_OK) {
            log_error("REFUSED: %s: the file has other contents than were signed", e->name);
            return -1;
        }
        log_info("%s: good, %lu bytes", e->name, e->size);
        verified[file->index] = true;
    }
    archive_get(file->index, file);
    return 0;
}

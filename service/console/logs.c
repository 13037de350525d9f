/* SPDX-License-Identifier: BSD-2-Clause */
#include "logs.h"

#include <microkit.h>
#include <rt/format.h>
#include <rt/log.h>

#include "view.h"

enum { MAX_RECORDS = 1024 }; /* taken from one source at once */

uintptr_t logs_address; /* set by the system description */
uint64_t logs_size;

static struct ring rings[LOG_MAX_SOURCES];
static unsigned source_count;
static const struct log_directory *directory;

void logs_start(void)
{
    directory = (const struct log_directory *)logs_address;
    for (unsigned i = 0; i < directory->count && i < LOG_MAX_SOURCES - 1; i++) {
        uint64_t offset = 4096 + (uint64_t)i * directory->slice;
        if (offset + directory->slice > logs_size ||
            ring_attach(&rings[i], (void *)(logs_address + offset), directory->slice, false) !=
                RING_OK) {
            break;
        }
        source_count = i + 1;
    }
}

static void show(const char *name, const struct log_record *record)
{
    static const char *const levels[] = {
        [LOG_ERROR] = "error: ",
        [LOG_WARNING] = "warning: ",
        [LOG_INFO] = "",
        [LOG_DEBUG] = "debug: ",
    };
    unsigned level = record->level > LOG_DEBUG ? LOG_DEBUG : record->level;
    char line[LOG_RECORD_TEXT + 64];

    size_t length = format_text(line, sizeof(line), "%s: %s%.*s\r\n", name, levels[level],
                                (int)record->length, record->text);
    history_write(view_log(), line, length);
    if (record->shown) {
        view_skip_log(length);
    }
}

bool logs_take(struct ring *ring, const char *name)
{
    struct log_record record;
    bool error = false;

    /* Bounded: who writes without end, or nonsense, loses its own records. */
    for (unsigned taken = 0; taken < MAX_RECORDS; taken++) {
        if (log_decode(ring, &record)) {
            show(name, &record);
            error = error || record.level == LOG_ERROR;
        } else if (ring_prepare_sleep(ring)) {
            return error;
        }
    }
    ring_drop(ring);
    (void)ring_prepare_sleep(ring);
    return error;
}

bool logs_drain(unsigned source)
{
    if (source >= source_count) {
        return false;
    }
    (void)logs_take(&rings[source], directory->name[source]);
    return true;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include <block/parts.h>

static bool is_wanted(const struct block_request *upper)
{
    return upper->status == BLOCK_OK && !upper->cancelled;
}

static void drop(struct block_request *upper)
{
    if (--upper->parts == 0)
        upper->complete(upper, upper->status);
}

static void pump(struct parts *parts)
{
    /* A part that completes at once comes back here from inside. */
    if (parts->pumping)
        return;
    parts->pumping = true;
    while (parts->first != NULL) {
        struct block_request *upper = parts->first;
        if (is_wanted(upper) && !parts->hand_down(parts->context, upper))
            break;
        if (is_wanted(upper) && upper->progress != upper->count * BLOCK_SECTOR)
            continue;
        parts->first = upper->next;
        if (parts->first == NULL)
            parts->last = NULL;
        drop(upper);
    }
    parts->pumping = false;
}

void parts_initialize(struct parts *parts,
                      bool (*hand_down)(void *context, struct block_request *upper), void *context)
{
    *parts = (struct parts){.hand_down = hand_down, .context = context};
}

void parts_submit(struct parts *parts, struct block_request *upper)
{
    upper->next = NULL;
    upper->progress = 0;
    upper->parts = 1;
    upper->status = BLOCK_OK;
    if (parts->last != NULL)
        parts->last->next = upper;
    else
        parts->first = upper;
    parts->last = upper;
    pump(parts);
}

void parts_done(struct parts *parts, struct block_request *upper, enum block_status status)
{
    if (status != BLOCK_OK && upper->status == BLOCK_OK)
        upper->status = status;
    drop(upper);
    pump(parts);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "delay.h"

#include <stdlib.h>
#include <string.h>

static void submit(struct block_device *device, struct block_request *request)
{
    struct delay *delay = device->context;
    if (delay->count == DELAY_MAX)
        abort();
    delay->waiting[delay->count++] = request;
    if (delay->count > delay->largest)
        delay->largest = delay->count;
}

void delay_initialize(struct delay *delay, struct block_device *lower)
{
    memset(delay, 0, sizeof(*delay));
    delay->device = *lower;
    delay->device.submit = submit;
    delay->device.context = delay;
    delay->lower = lower;
    delay->random = 7;
}

static uint32_t draw(struct delay *delay)
{
    delay->random = delay->random * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(delay->random >> 33);
}

void delay_run(struct delay *delay, unsigned count)
{
    for (unsigned i = 0; i < count && delay->count > 0; i++) {
        unsigned which = draw(delay) % delay->count;
        struct block_request *request = delay->waiting[which];
        delay->waiting[which] = delay->waiting[--delay->count];
        delay->flushes += request->operation == BLOCK_FLUSH;
        delay->forced += request->force_unit_access;
        /* Of a cancelled request the memory is not touched any more. */
        if (request->cancelled ||
            (delay->fail_one_in != 0 && draw(delay) % delay->fail_one_in == 0))
            request->complete(request, BLOCK_ERROR);
        else
            block_submit(delay->lower, request);
    }
}

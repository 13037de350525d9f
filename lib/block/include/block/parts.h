/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Requests that go down in parts: those that are not yet wholly handed down stand in a queue, and
 * each completes when its last part has. Of a request `progress` counts the bytes handed down and
 * `parts` the parts under way, plus one for as long as it stands in the queue.
 */
#ifndef BLOCK_PARTS_H
#define BLOCK_PARTS_H

#include <block/device.h>

struct parts {
    /* Not yet wholly handed down, in order. */
    struct block_request *first;
    struct block_request *last;
    bool pumping;
    bool (*hand_down)(void *context, struct block_request *upper);
    void *context;
};

/*
 * hand_down hands the next part of a request down: it adds the part's bytes to `progress` and one
 * to `parts` before the part can complete. false: it cannot now, and is asked again after
 * parts_done.
 */
void parts_initialize(struct parts *parts,
                      bool (*hand_down)(void *context, struct block_request *upper), void *context);

/* Takes a checked request. A request of no sectors has one part. */
void parts_submit(struct parts *parts, struct block_request *upper);

/*
 * A part of the request has completed; what it needed can be used anew. The first status that is
 * not BLOCK_OK becomes the request's, and no more of that is handed down.
 */
void parts_done(struct parts *parts, struct block_request *upper, enum block_status status);

#endif

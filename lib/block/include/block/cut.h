/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads and writes that are longer than a device takes, or in more segments, are cut into such as
 * it takes. Nothing is copied: the pieces' segments are the request's own.
 */
#ifndef BLOCK_CUT_H
#define BLOCK_CUT_H

#include <block/parts.h>

#define CUT_PIECES       4u /* under way at once */
#define CUT_SEGMENTS_MAX 126u

struct cut;

struct cut_piece {
    struct cut *cut;
    struct block_request lower;
    struct block_request *upper;
    struct cut_piece *next_free;
    struct block_segment segment[CUT_SEGMENTS_MAX];
};

struct cut {
    struct block_device *lower;
    uint32_t block_size;
    uint32_t segments; /* of a piece, at most */
    uint64_t bytes;    /* likewise */
    struct cut_piece piece[CUT_PIECES];
    struct cut_piece *free;
    struct parts parts;
};

/*
 * Pieces go to `lower` as they are made, and have no more than `segments` segments (at most
 * CUT_SEGMENTS_MAX are made) and `sectors` sectors, which are whole blocks. None of them: nothing
 * can be cut.
 */
void cut_initialize(struct cut *cut, struct block_device *lower, uint32_t segments,
                    uint32_t sectors);

/* Is it a read or write that is too long, or in too many segments, and can be cut? */
bool cut_suits(const struct cut *cut, const struct block_request *request);

/* Takes a checked request that cut_suits. It holds its segments (`held`) until it completes. */
void cut_submit(struct cut *cut, struct block_request *request);

#endif

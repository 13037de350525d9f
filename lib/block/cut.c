/* SPDX-License-Identifier: BSD-2-Clause */
#include <block/cut.h>
#include <string.h>

static bool hand_down(void *context, struct block_request *upper);

void cut_initialize(struct cut *cut, struct block_device *lower, uint32_t segments,
                    uint32_t sectors)
{
    memset(cut, 0, sizeof(*cut));
    parts_initialize(&cut->parts, hand_down, cut);
    cut->lower = lower;
    cut->block_size = lower->block_size;
    cut->segments = segments < CUT_SEGMENTS_MAX ? segments : CUT_SEGMENTS_MAX;
    cut->bytes = (uint64_t)sectors * BLOCK_SECTOR;
    for (unsigned i = 0; i < CUT_PIECES; i++) {
        cut->piece[i].cut = cut;
        cut->piece[i].next_free = cut->free;
        cut->free = &cut->piece[i];
    }
}

/* Where each segment is of whole blocks a piece may end behind any of them. */
bool cut_suits(const struct cut *cut, const struct block_request *request)
{
    uint32_t length = 0;
    if (cut->segments == 0 || cut->bytes == 0 ||
        (request->segments <= cut->segments && request->count * BLOCK_SECTOR <= cut->bytes))
        return false;
    for (unsigned i = 0; i < request->segments; i++)
        length |= request->segment[i].length;
    return (length & (cut->block_size - 1)) == 0;
}

/* Fills a piece with what comes next of the request; its bytes. */
static uint64_t next_piece(const struct cut *cut, const struct block_request *upper,
                           struct cut_piece *piece)
{
    uint64_t skip = upper->progress;
    uint64_t bytes = 0;
    unsigned count = 0;
    for (unsigned i = 0; i < upper->segments && count < cut->segments && bytes < cut->bytes; i++) {
        const struct block_segment *from = &upper->segment[i];
        if (skip >= from->length) {
            skip -= from->length;
            continue;
        }
        uint64_t length = from->length - skip;
        if (length > cut->bytes - bytes)
            length = cut->bytes - bytes;
        piece->segment[count++] = (struct block_segment){{from->data + skip}, (uint32_t)length};
        bytes += length;
        skip = 0;
    }
    piece->lower.segment = piece->segment;
    piece->lower.segments = count;
    return bytes;
}

static void piece_done(struct block_request *lower, enum block_status status)
{
    struct cut_piece *piece = lower->owner;
    struct cut *cut = piece->cut;
    piece->next_free = cut->free;
    cut->free = piece;
    parts_done(&cut->parts, piece->upper, status);
}

static bool hand_down(void *context, struct block_request *upper)
{
    struct cut *cut = context;
    struct cut_piece *piece = cut->free;
    if (piece == NULL)
        return false;
    cut->free = piece->next_free;
    piece->upper = upper;
    piece->lower = (struct block_request){
        .operation = upper->operation,
        .force_unit_access = upper->force_unit_access,
        .sector = upper->sector + upper->progress / BLOCK_SECTOR,
        .lasting = true,
        .complete = piece_done,
        .owner = piece,
    };
    uint64_t bytes = next_piece(cut, upper, piece);
    piece->lower.count = bytes / BLOCK_SECTOR;
    upper->progress += bytes;
    upper->parts++;
    cut->lower->submit(cut->lower, &piece->lower);
    return true;
}

void cut_submit(struct cut *cut, struct block_request *request)
{
    request->held = true;
    parts_submit(&cut->parts, request);
}

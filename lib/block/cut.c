/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Of an upper request `progress` counts the bytes handed down, `parts` the pieces under way, plus
 * one for as long as the request stands in the queue.
 */
#include <block/cut.h>
#include <string.h>

static void pump(struct cut *cut);

void cut_initialize(struct cut *cut, struct block_device *lower, uint32_t segments,
                    uint32_t sectors)
{
    memset(cut, 0, sizeof(*cut));
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

static void drop_part(struct block_request *upper)
{
    if (--upper->parts == 0)
        upper->complete(upper, upper->status);
}

static void piece_done(struct block_request *lower, enum block_status status)
{
    struct cut_piece *piece = lower->owner;
    struct cut *cut = piece->cut;
    struct block_request *upper = piece->upper;
    if (status != BLOCK_OK && upper->status == BLOCK_OK)
        upper->status = status;
    piece->next_free = cut->free;
    cut->free = piece;
    drop_part(upper);
    pump(cut);
}

static void hand_down(struct cut *cut, struct block_request *upper)
{
    struct cut_piece *piece = cut->free;
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
}

static bool is_over(const struct block_request *upper)
{
    return upper->progress == upper->count * BLOCK_SECTOR || upper->status != BLOCK_OK ||
           upper->cancelled;
}

static void pump(struct cut *cut)
{
    /* A piece that completes at once comes back here from inside. */
    if (cut->pumping)
        return;
    cut->pumping = true;
    while (cut->first != NULL && cut->free != NULL) {
        struct block_request *upper = cut->first;
        if (!is_over(upper)) {
            hand_down(cut, upper);
            continue;
        }
        cut->first = upper->next;
        if (cut->first == NULL)
            cut->last = NULL;
        drop_part(upper);
    }
    cut->pumping = false;
}

void cut_submit(struct cut *cut, struct block_request *request)
{
    request->next = NULL;
    request->progress = 0;
    request->parts = 1;
    request->status = BLOCK_OK;
    request->held = true;
    if (cut->last != NULL)
        cut->last->next = request;
    else
        cut->first = request;
    cut->last = request;
    pump(cut);
}

/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The queue of requests that go down in parts, over a device with room for so many of them, which
 * the tests complete one by one or which completes each at once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <block/parts.h>

enum { REQUESTS = 3, MOST = 64 };

static struct parts parts;
static struct block_request request[REQUESTS];
/* What was handed down, in order: each part is a sector. */
static struct block_request *below[MOST];
static unsigned handed_down, completed, room, depth, deepest;
static bool at_once;
/* What has ended, in order. */
static struct block_request *ended[MOST];
static enum block_status result[MOST];
static unsigned ends;

static bool hand_down(void *context, struct block_request *upper)
{
    assert_ptr_equal(context, &room);
    if (handed_down - completed == room)
        return false;
    if (++depth > deepest)
        deepest = depth;
    below[handed_down++] = upper;
    upper->progress += upper->count == 0 ? 0 : BLOCK_SECTOR;
    upper->parts++;
    if (at_once) {
        completed++;
        parts_done(&parts, upper, BLOCK_OK);
    }
    depth--;
    return true;
}

static void complete(enum block_status status)
{
    assert_true(completed < handed_down);
    struct block_request *upper = below[completed++];
    parts_done(&parts, upper, status);
}

static void note_end(struct block_request *upper, enum block_status status)
{
    ended[ends] = upper;
    result[ends++] = status;
}

static void submit(unsigned number, uint64_t sectors)
{
    /* As a request is that was used before. */
    request[number] = (struct block_request){
        .count = sectors, .complete = note_end, .progress = 7, .parts = 5, .status = BLOCK_ERROR};
    parts_submit(&parts, &request[number]);
}

static int begin(void **state)
{
    (void)state;
    handed_down = completed = depth = deepest = ends = 0;
    room = 2;
    at_once = false;
    parts_initialize(&parts, hand_down, &room);
    return 0;
}

static void in_order(void **state)
{
    (void)state;
    submit(0, 3);
    submit(1, 1);
    submit(2, 2);
    assert_int_equal(handed_down, 2);
    while (completed < handed_down)
        complete(BLOCK_OK);
    static const unsigned order[] = {0, 0, 0, 1, 2, 2};
    assert_int_equal(handed_down, 6);
    for (unsigned i = 0; i < 6; i++)
        assert_ptr_equal(below[i], &request[order[i]]);
    assert_int_equal(ends, 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_ptr_equal(ended[i], &request[i]);
        assert_int_equal(result[i], BLOCK_OK);
    }
    submit(0, 1); /* an empty queue begins anew */
    complete(BLOCK_OK);
    assert_int_equal(ends, 4);
}

/* However many parts complete from inside, none is handed down from inside another. */
static void at_once_and_flat(void **state)
{
    (void)state;
    at_once = true;
    submit(0, 40);
    submit(1, 0);
    assert_int_equal(handed_down, 41);
    assert_int_equal(deepest, 1);
    assert_int_equal(ends, 2);
}

/* The rest of what has failed is not wanted; what is under way is waited for, and changes nothing.
 */
static void the_first_error_stays(void **state)
{
    (void)state;
    submit(0, 9);
    submit(1, 1);
    complete(BLOCK_UNSUPPORTED);
    assert_int_equal(handed_down, 3);
    assert_ptr_equal(below[2], &request[1]);
    assert_int_equal(ends, 0);
    complete(BLOCK_ERROR);
    assert_int_equal(ends, 1);
    assert_ptr_equal(ended[0], &request[0]);
    assert_int_equal(result[0], BLOCK_UNSUPPORTED);
    complete(BLOCK_OK);
    assert_int_equal(result[1], BLOCK_OK);
}

static void what_is_cancelled_ends_with_its_parts(void **state)
{
    (void)state;
    submit(0, 9);
    request[0].cancelled = true;
    complete(BLOCK_OK);
    assert_int_equal(ends, 0);
    complete(BLOCK_OK);
    assert_int_equal(ends, 1);
    assert_int_equal(handed_down, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(in_order, begin),
        cmocka_unit_test_setup(at_once_and_flat, begin),
        cmocka_unit_test_setup(the_first_error_stays, begin),
        cmocka_unit_test_setup(what_is_cancelled_ends_with_its_parts, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

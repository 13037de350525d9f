/* SPDX-License-Identifier: BSD-2-Clause */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "x86/fair_lock.h"

enum { THREADS = 4, ROUNDS = 20000 };

static void ask(struct fair_lock *l, unsigned self)
{
    for (unsigned turn = 0; turn < FAIR_LOCK_PATIENCE; turn++) {
        assert_false(fair_lock_try(l, self, turn));
    }
}

static void test_turns(void **state)
{
    (void)state;
    assert_int_equal(fair_lock_turn(1 << 3, 0), 3);
    assert_int_equal(fair_lock_turn(1 << 3, 3), 3);
    assert_int_equal(fair_lock_turn(1 << 3 | 1 << 1, 2), 3);
    assert_int_equal(fair_lock_turn(1 << 3 | 1 << 1, 3), 1);
    assert_int_equal(fair_lock_turn(1u << 31 | 1, 31), 0);
    assert_int_equal(fair_lock_turn(1u << 31 | 1, 0), 31);
}

static void test_first_come(void **state)
{
    struct fair_lock l = {0};
    (void)state;
    assert_true(fair_lock_try(&l, 1, 0));
    assert_false(fair_lock_try(&l, 2, 0));
    fair_lock_release(&l);
    assert_true(fair_lock_try(&l, 3, 0));
}

/* Who has waited long comes before those that have not, each once, in their order. */
static void test_those_who_wait_long_come_next(void **state)
{
    struct fair_lock l = {.last = 2};
    (void)state;
    assert_true(fair_lock_try(&l, 0, 0));
    ask(&l, 1);
    ask(&l, 3);
    fair_lock_release(&l);
    assert_false(fair_lock_try(&l, 0, 0));
    assert_false(fair_lock_try(&l, 1, FAIR_LOCK_PATIENCE + 1));
    assert_true(fair_lock_try(&l, 3, FAIR_LOCK_PATIENCE + 1));
    fair_lock_release(&l);
    assert_false(fair_lock_try(&l, 0, 0));
    assert_false(fair_lock_try(&l, 3, 0));
    assert_true(fair_lock_try(&l, 1, FAIR_LOCK_PATIENCE + 2));
    fair_lock_release(&l);
    assert_int_equal(l.asking, 0);
    assert_true(fair_lock_try(&l, 0, 0));
}

/* One that does not take its turn holds the others up once. */
static void test_a_turn_passes(void **state)
{
    struct fair_lock l = {0};
    unsigned turn = 0;
    (void)state;
    assert_true(fair_lock_try(&l, 0, 0));
    ask(&l, 1);
    fair_lock_release(&l);
    while (!fair_lock_try(&l, 0, turn)) {
        turn++;
    }
    assert_int_equal(turn, FAIR_LOCK_COURTESY);
    fair_lock_release(&l);
    assert_true(fair_lock_try(&l, 0, 0));
    assert_int_equal(l.asking, 0);
    ask(&l, 1);
    fair_lock_release(&l);
    assert_false(fair_lock_try(&l, 0, 0));
    assert_true(fair_lock_try(&l, 1, FAIR_LOCK_PATIENCE));
}

static struct fair_lock shared;
static unsigned long counter;

static void *count(void *id)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        for (unsigned turn = 0; !fair_lock_try(&shared, (unsigned)(uintptr_t)id, turn); turn++) {
            sched_yield();
        }
        counter++;
        fair_lock_release(&shared);
    }
    return NULL;
}

static void test_excludes(void **state)
{
    pthread_t threads[THREADS];
    (void)state;
    for (uintptr_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, count, (void *)i), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(counter, THREADS * ROUNDS);
    assert_int_equal(shared.taken, 0);
    assert_int_equal(shared.asking, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_turns),
        cmocka_unit_test(test_first_come),
        cmocka_unit_test(test_those_who_wait_long_come_next),
        cmocka_unit_test(test_a_turn_passes),
        cmocka_unit_test(test_excludes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What becomes of a guest that touches RAM which is not there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "machine.h"

#define AWAY 0x400000ull

static bool is_away(struct gpa address)
{
    return address.value >= AWAY && address.value < 2 * AWAY;
}

/* Another core may not have seen a mapping yet; memory that the guest has given away is no such. */
static void memory_in_the_balloon(void **state)
{
    static const uint64_t there[] = {AWAY - 1, 2 * AWAY};
    (void)state;
    for (unsigned with_balloon = 0; with_balloon < 2; with_balloon++) {
        struct machine *m = machine_create(1, VM_VENDOR_AMD);
        machine_long_mode(m, 0x100000);
        m->vm.is_away = with_balloon ? is_away : NULL;
        for (unsigned i = 0; i < 2; i++) {
            const struct exit exit = {.kind = EXIT_MEMORY, .memory = {.gpa = there[i]}};
            machine_exit(m, &exit);
            assert_int_equal(m->vm.state, VM_RUNNING);
            assert_int_equal(m->mr[0][QUOIN_VM_RIP], 0x100000);
        }
        const struct exit exit = {.kind = EXIT_MEMORY, .memory = {.gpa = AWAY}};
        machine_exit(m, &exit);
        assert_int_equal(m->vm.state, with_balloon ? VM_FAILED : VM_RUNNING);
        assert_int_equal(strstr(m->message, "in the balloon") != NULL, with_balloon);
        machine_destroy(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_in_the_balloon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The kernel's test suite: how a test is written.
 *
 * A test is a function declared by TEST(name). It runs on a thread of its own, priority
 * TEST_PRIORITY, in the root task's address space and CSpace. Everything it makes comes from one
 * untyped that is revoked afterwards, and every slot it used is emptied, so that no test sees
 * another's objects. A failed check ends the test, whichever of its threads meets it; a test that
 * blocks is ended by a deadline.
 */
#ifndef TEST_KERNEL_TEST_H
#define TEST_KERNEL_TEST_H

#include <sel4/sel4.h>

struct test {
    const char *name;
    void (*run)(void);
};

/* The linker gathers the pointers in one section, in link order. */
#define TEST(name_)                                                      \
    static void test_##name_(void);                                      \
    static const struct test entry_##name_ = {#name_, test_##name_};     \
    static const struct test *const pointer_##name_                      \
        __attribute__((used, section("kernel_tests"))) = &entry_##name_; \
    static void test_##name_(void)

/*
 * A test of durations. An emulator's host may stop the machine for a while at any moment, so the
 * body says whether it saw what it should and is tried several times; one good run is enough.
 * Threads of a run are suspended before the next.
 */
#define TIMED_TEST(name_)            \
    static bool timed_##name_(void); \
    TEST(name_)                      \
    {                                \
        timed_run(timed_##name_);    \
    }                                \
    static bool timed_##name_(void)

void timed_run(bool (*body)(void));

/* Whether value lies in low..high; what was seen last is reported when no run is good. */
#define IN_RANGE(value, low, high) timed_in_range(__FILE__, __LINE__, #value, value, low, high)
bool timed_in_range(const char *file, int line, const char *what, seL4_Word value, seL4_Word low,
                    seL4_Word high);

/* Priorities: 255 is the runner's and 254 the watchdog's. */
#define TEST_PRIORITY 100u
#define HIGHER        (TEST_PRIORITY + 20u)
#define LOWER         (TEST_PRIORITY - 20u)

/* Where a check failed and why; a and b are printed when has_values. Does not return. */
_Noreturn void test_fail(const char *file, int line, const char *reason, bool has_values,
                         seL4_Word a, seL4_Word b);

/* Ends the test as not applicable to this machine or kernel. Does not return. */
_Noreturn void test_skip(const char *reason);

#define CHECK(condition)                                            \
    do {                                                            \
        if (!(condition)) {                                         \
            test_fail(__FILE__, __LINE__, #condition, false, 0, 0); \
        }                                                           \
    } while (0)

#define CHECK_EQ(a, b)                                                           \
    do {                                                                         \
        seL4_Word check_a = (seL4_Word)(a);                                      \
        seL4_Word check_b = (seL4_Word)(b);                                      \
                                                                                 \
        if (check_a != check_b) {                                                \
            test_fail(__FILE__, __LINE__, #a " == " #b, true, check_a, check_b); \
        }                                                                        \
    } while (0)

#define CHECK_RANGE(value, low, high)                                                   \
    do {                                                                                \
        seL4_Word check_v = (seL4_Word)(value);                                         \
        seL4_Word check_high = (seL4_Word)(high);                                       \
                                                                                        \
        if (check_v < (seL4_Word)(low) || check_v > check_high) {                       \
            test_fail(__FILE__, __LINE__, #value " in " #low ".." #high, true, check_v, \
                      check_high);                                                      \
        }                                                                               \
    } while (0)

#define CHECK_OK(call) CHECK_EQ(call, seL4_NoError)

/*
 * A FailedLookup answer: was the source at fault, and why (seL4_LookupFailureType). Reads the MRs
 * of the last invocation.
 */
#define CHECK_LOOKUP(call, was_source, type) \
    do {                                     \
        CHECK_EQ(call, seL4_FailedLookup);   \
        CHECK_EQ(seL4_GetMR(0), was_source); \
        CHECK_EQ(seL4_GetMR(1), type);       \
    } while (0)

/* The boot information, for tests that need its numbers. */
extern const seL4_BootInfo *boot_info;

#define ROOT       seL4_CapInitThreadCNode
#define ROOT_DEPTH 64u
#define VSPACE     seL4_CapInitThreadVSpace

/* Objects. All but slot_free_count() fail the test when memory or slots run out. */

/* The untyped of the running test: TEST_POOL_BITS large, all of its memory unused at first. */
extern seL4_CPtr test_pool;
#define TEST_POOL_BITS 24u

/* An empty slot of the root CNode, addressed with depth 64. */
seL4_CPtr slot_new(void);
/* The first of count consecutive empty slots. */
seL4_CPtr slot_new_range(seL4_Word count);
/* A new object; size_bits matters for untypeds, CNodes and scheduling contexts. */
seL4_CPtr object_new(seL4_Word type, seL4_Word size_bits);
seL4_CPtr untyped_new(seL4_Word size_bits);
seL4_CPtr cnode_new(seL4_Word slot_bits);
seL4_CPtr endpoint_new(void);
seL4_CPtr notification_new(void);
seL4_CPtr reply_new(void);
seL4_CPtr frame_new(void);
seL4_CPtr tcb_new(void);
/* A scheduling context of 2^8 bytes on core 0, round robin with a slice of 5 ms. */
seL4_CPtr sc_new(void);
seL4_CPtr sc_new_on(seL4_Word core, seL4_Time budget, seL4_Time period, seL4_Word badge);
/* A copy, in a new slot, of the capability in slot cap of the root CNode. */
seL4_CPtr cap_copy(seL4_CPtr cap, seL4_CapRights_t rights);
seL4_CPtr cap_mint(seL4_CPtr cap, seL4_CapRights_t rights, seL4_Word badge);
seL4_Error cap_delete(seL4_CPtr cap);
seL4_Error cap_revoke(seL4_CPtr cap);
/* Whether a slot of the root CNode is empty: a move onto itself tells (DeleteFirst or not). */
bool slot_is_empty(seL4_CPtr slot);

/* The frame capability of a page of the root task's image, e.g. of a static buffer. */
seL4_CPtr image_frame(const void *address);

/* Threads. */

struct thread {
    seL4_CPtr tcb;
    seL4_CPtr sc;    /* 0: passive */
    seL4_CPtr reply; /* a reply object for its use */
    seL4_CPtr exited;
    seL4_CPtr ipc_frame;
    seL4_IPCBuffer *ipc_buffer;
    seL4_Word stack_top;
    seL4_Word tls;
    void (*entry)(struct thread *self);
    seL4_Word arg[4];
    volatile seL4_Word result;
    volatile seL4_Word step; /* progress, as the test defines it */
    volatile bool done;
    bool foreign; /* its CSpace is not the root task's */
};

struct thread_options {
    seL4_Word priority;
    seL4_Word mcp;
    seL4_Word core;
    seL4_Time budget; /* with period; 0: round robin with a slice of 5 ms */
    seL4_Time period;
    seL4_Word badge; /* of the scheduling context */
    bool passive;    /* no scheduling context is bound; thread->sc is one to bind */
    seL4_CPtr fault_ep;
    seL4_CPtr vspace; /* 0: the root task's */
    seL4_CPtr cspace; /* 0: the root task's */
    seL4_Word cspace_data;
};

struct thread *thread_new(seL4_Word priority);
struct thread *thread_new_with(const struct thread_options *options);
/* Makes the thread run entry from its beginning. A thread may be started again once it is done. */
void thread_start(struct thread *thread, void (*entry)(struct thread *self), seL4_Word a0,
                  seL4_Word a1, seL4_Word a2);
/* The same without resuming it. */
void thread_prepare(struct thread *thread, void (*entry)(struct thread *self), seL4_Word a0,
                    seL4_Word a1, seL4_Word a2);
/* new + start, core 0. */
struct thread *thread_run(seL4_Word priority, void (*entry)(struct thread *self), seL4_Word a0,
                          seL4_Word a1, seL4_Word a2);
void thread_join(struct thread *thread);
/* What a thread does when its entry returns; an entry may call it, too. Does not return. */
_Noreturn void thread_exit(struct thread *self);
/* An entry that counts its steps for ever. */
void thread_spin(struct thread *self);
/* The TCB of the thread that runs the test. */
extern seL4_CPtr test_tcb;
extern seL4_CPtr test_sc;

/* Order of events: threads append letters, the test compares. */
void trace(char letter);
void trace_reset(void);
#define CHECK_TRACE(expected) trace_check(__FILE__, __LINE__, expected)
void trace_check(const char *file, int line, const char *expected);
/* A thread that waits at arg[0] (arg[1]: with Recv) again and again, and says so by its letter in
 * arg[2]; step: how often it has begun to, result: the badge that came last. */
void thread_waits(struct thread *self);

/* Another address space with a copy of the image's mappings; threads of it share all of memory. */
seL4_CPtr space_new(void);
/* The same with an ASID of this pool. */
seL4_CPtr space_new_in(seL4_CPtr pool);

/* Time. */
uint64_t time_now(void);              /* TSC */
uint64_t time_us(uint64_t ticks);     /* TSC ticks in microseconds */
void sleep_us(uint64_t microseconds); /* blocks; granularity 1 ms */
void spin_us(uint64_t microseconds);  /* busy, at the caller's priority */

/* Skips the test unless so many cores run. */
void need_cores(seL4_Word cores);
/* Skips the test on a kernel without debug calls. */
void need_debug(void);
/* Extensions of the kernel (sel4/quoin.h), or NULL. */
const struct quoin_extensions *extensions(void);

/* A message info without caps. */
static inline seL4_MessageInfo_t message(seL4_Word label, seL4_Word length)
{
    return seL4_MessageInfo_new(label, 0, 0, length);
}

static inline seL4_Word label_of(seL4_MessageInfo_t info)
{
    return seL4_MessageInfo_get_label(info);
}

static inline seL4_Word length_of(seL4_MessageInfo_t info)
{
    return seL4_MessageInfo_get_length(info);
}

#endif

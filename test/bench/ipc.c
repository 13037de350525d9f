/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What IPC, notifications, faults and interrupts cost. Prints "bench NAME VALUE SPREAD" for each,
 * VALUE being the median of the runs and SPREAD the difference of largest and smallest.
 */
#include <rt/component.h>
#include <rt/log.h>
#include <rt/panic.h>

#include "../../init/serial.h"
#include "measure.h"
#include "world.h"

#define RUNS   33 /* odd, so that the median is one of them */
#define WARMUP 8

/* Upstream's numbers are for threads just below the top. */
#define PRIORITY_HIGH 254
#define PRIORITY_LOW  253

/* One measured pair of threads; both see it at the same address, whatever their spaces are. */
struct pair {
    seL4_CPtr endpoint;
    seL4_CPtr reply;
    seL4_CPtr ready; /* signalled when a thread stands in its first receive */
    seL4_CPtr done;
    seL4_Word words; /* message length */
    volatile uint64_t start;
    volatile uint64_t back_start;
    uint64_t there[WARMUP + RUNS]; /* from start to the other thread */
    uint64_t back[WARMUP + RUNS];
    volatile uint64_t arrived;
};

static uint64_t overhead;

static void report(const char *name, const uint64_t *samples)
{
    uint64_t sorted[RUNS];

    for (unsigned i = 0; i < RUNS; i++) {
        uint64_t value = samples[WARMUP + i] - overhead;
        unsigned j = i;

        for (; j > 0 && sorted[j - 1] > value; j--) {
            sorted[j] = sorted[j - 1];
        }
        sorted[j] = value;
    }
    log_print("bench %s %lu %lu\n", name, sorted[RUNS / 2], sorted[RUNS - 1] - sorted[0]);
}

static void measure_overhead(void)
{
    volatile uint64_t start;
    uint64_t end = measure_nothing(0, 0, 0, &start);

    for (unsigned i = 0; i < WARMUP; i++) {
        end = measure_nothing(0, 0, 0, &start);
    }
    overhead = end - start;
}

static struct pair *new_pair(struct pair *pair, seL4_Word words)
{
    pair->endpoint = world_object(seL4_EndpointObject, 0);
    pair->reply = world_object(seL4_ReplyObject, 0);
    pair->ready = world_object(seL4_NotificationObject, 0);
    pair->done = world_object(seL4_NotificationObject, 0);
    pair->words = words;
    return pair;
}

static void finish(struct pair *pair)
{
    seL4_Signal(pair->done);
    for (;;) {
        seL4_Wait(pair->ready, NULL);
    }
}

/* Answers calls; notes when each arrived and when its answer left. */
static void call_server(void *argument)
{
    struct pair *pair = argument;
    seL4_Word info = seL4_MessageInfo_new(0, 0, 0, pair->words).words[0];

    seL4_NBSendRecv(pair->ready, seL4_MessageInfo_new(0, 0, 0, 0), pair->endpoint, NULL,
                    pair->reply);
    pair->arrived = measure_now();
    for (;;) {
        pair->arrived = measure_reply_recv(pair->endpoint, info, pair->reply, &pair->back_start);
    }
}

static void call_client(void *argument)
{
    struct pair *pair = argument;
    seL4_Word info = seL4_MessageInfo_new(0, 0, 0, pair->words).words[0];

    for (unsigned i = 0; i < WARMUP + RUNS; i++) {
        uint64_t end = measure_call(pair->endpoint, info, 0, &pair->start);

        pair->there[i] = pair->arrived - pair->start;
        pair->back[i] = end - pair->back_start;
    }
    finish(pair);
}

static void bench_call(const char *call_name, const char *reply_name, bool other_space,
                       seL4_Word words)
{
    static struct pair pairs[3];
    static unsigned next;
    struct pair *pair = new_pair(&pairs[next++], words);
    seL4_CPtr space = other_space ? world_space() : seL4_CapInitThreadVSpace;
    struct world_thread server = world_start(space, call_server, pair, PRIORITY_HIGH, 0);

    seL4_Wait(pair->ready, NULL);
    world_make_passive(&server);
    world_start(seL4_CapInitThreadVSpace, call_client, pair, PRIORITY_HIGH, 0);
    seL4_Wait(pair->done, NULL);
    report(call_name, pair->there);
    report(reply_name, pair->back);
}

/* Takes messages that are only sent, or signals. */
static void send_receiver(void *argument)
{
    struct pair *pair = argument;

    for (;;) {
        pair->arrived = measure_recv(pair->endpoint, 0, pair->reply, &pair->back_start);
    }
}

static void signal_receiver(void *argument)
{
    struct pair *pair = argument;

    for (;;) {
        pair->arrived = measure_wait(pair->endpoint, 0, 0, &pair->back_start);
    }
}

/* Sends to a receiver of higher priority, which has run by the time the send returns. */
static void sender(void *argument)
{
    struct pair *pair = argument;

    for (unsigned i = 0; i < WARMUP + RUNS; i++) {
        measure_send(pair->endpoint, 0, 0, &pair->start);
        pair->there[i] = pair->arrived - pair->start;
    }
    finish(pair);
}

static void bench_send(const char *name, bool notification, bool other_space)
{
    static struct pair pairs[2];
    static unsigned next;
    struct pair *pair = new_pair(&pairs[next++], 0);
    seL4_CPtr space = other_space ? world_space() : seL4_CapInitThreadVSpace;

    if (notification) {
        pair->endpoint = world_object(seL4_NotificationObject, 0);
    }
    world_start(space, notification ? signal_receiver : send_receiver, pair, PRIORITY_HIGH, 0);
    world_start(seL4_CapInitThreadVSpace, sender, pair, PRIORITY_LOW, 0);
    seL4_Wait(pair->done, NULL);
    report(name, pair->there);
}

/* Answers the faults of an invalid instruction by going on behind it. */
static void fault_handler(void *argument)
{
    struct pair *pair = argument;
    seL4_MessageInfo_t info = seL4_MessageInfo_new(0, 0, 0, 1);
    seL4_Word ip = 0;

    seL4_NBSendRecvWithMRs(pair->ready, seL4_MessageInfo_new(0, 0, 0, 0), pair->endpoint, NULL, &ip,
                           NULL, NULL, NULL, pair->reply);
    for (;;) {
        pair->arrived = measure_now();
        ip += 2;
        pair->back_start = measure_now();
        seL4_ReplyRecvWithMRs(pair->endpoint, info, NULL, &ip, NULL, NULL, NULL, pair->reply);
    }
}

static void faulter(void *argument)
{
    struct pair *pair = argument;

    for (unsigned i = 0; i < WARMUP + RUNS; i++) {
        uint64_t before = measure_now();

        __asm__ volatile("ud2" ::: "memory");
        pair->back[i] = measure_now() - pair->back_start;
        pair->there[i] = pair->arrived - before;
    }
    finish(pair);
}

static void bench_fault(void)
{
    static struct pair storage;
    struct pair *pair = new_pair(&storage, 0);
    struct world_thread handler =
        world_start(seL4_CapInitThreadVSpace, fault_handler, pair, PRIORITY_HIGH, 0);

    seL4_Wait(pair->ready, NULL);
    world_make_passive(&handler);
    world_start(seL4_CapInitThreadVSpace, faulter, pair, PRIORITY_HIGH, pair->endpoint);
    seL4_Wait(pair->done, NULL);
    report("fault-to-handler", pair->there);
    report("handler-to-faulter", pair->back);
}

/* 8254 timer: channel 0, mode 0 (interrupt on terminal count), low byte then high byte. */
#define PIT_CHANNEL0   0x40
#define PIT_COMMAND    0x43
#define PIT_ONE_SHOT   0x30
#define PIT_COUNT      1193 /* a millisecond */
#define PIT_IOAPIC_PIN 2    /* where PCs connect IRQ 0 */
#define BENCH_VECTOR   10

struct interrupt {
    seL4_CPtr ports;
    seL4_CPtr handler;
    seL4_CPtr notification;
    seL4_CPtr done;
    volatile uint64_t last; /* the newest time at which the idle thread ran */
    uint64_t samples[WARMUP + RUNS];
};

static void spin(void *argument)
{
    struct interrupt *interrupt = argument;

    for (;;) {
        interrupt->last = measure_now();
    }
}

static void interrupt_taker(void *argument)
{
    struct interrupt *interrupt = argument;

    for (unsigned i = 0; i < WARMUP + RUNS; i++) {
        uint64_t now;

        seL4_X86_IOPort_Out8(interrupt->ports, PIT_COMMAND, PIT_ONE_SHOT);
        seL4_X86_IOPort_Out8(interrupt->ports, PIT_CHANNEL0, PIT_COUNT & 0xff);
        seL4_X86_IOPort_Out8(interrupt->ports, PIT_CHANNEL0, PIT_COUNT >> 8);
        seL4_WaitWithMRs(interrupt->notification, NULL, NULL, NULL, NULL, NULL);
        now = measure_now();
        interrupt->samples[i] = now - interrupt->last;
        seL4_IRQHandler_Ack(interrupt->handler);
    }
    seL4_Signal(interrupt->done);
    for (;;) {
        seL4_Wait(interrupt->notification, NULL);
    }
}

static void bench_interrupt(void)
{
    static struct interrupt interrupt;
    struct world_thread spinner;

    interrupt.ports = world_slot();
    interrupt.handler = world_slot();
    interrupt.notification = world_object(seL4_NotificationObject, 0);
    interrupt.done = world_object(seL4_NotificationObject, 0);
    if (seL4_X86_IOPortControl_Issue(seL4_CapIOPortControl, PIT_CHANNEL0, PIT_COMMAND,
                                     seL4_CapInitThreadCNode, interrupt.ports,
                                     seL4_WordBits) != seL4_NoError ||
        seL4_IRQControl_GetIOAPIC(seL4_CapIRQControl, seL4_CapInitThreadCNode, interrupt.handler,
                                  seL4_WordBits, 0, PIT_IOAPIC_PIN, 0, 0,
                                  BENCH_VECTOR) != seL4_NoError ||
        seL4_IRQHandler_SetNotification(interrupt.handler, interrupt.notification) !=
            seL4_NoError) {
        panic("no timer interrupt to be had");
    }
    seL4_IRQHandler_Ack(interrupt.handler);
    spinner = world_start(world_space(), spin, &interrupt, PRIORITY_LOW, 0);
    world_start(seL4_CapInitThreadVSpace, interrupt_taker, &interrupt, PRIORITY_HIGH, 0);
    seL4_Wait(interrupt.done, NULL);
    seL4_TCB_Suspend(spinner.tcb);
    report("irq-to-user", interrupt.samples);
}

void component_main(const seL4_BootInfo *info)
{
    world_init(info);
    if (serial_open(world_slot()) == seL4_NoError) {
        log_set_sink(serial_write, "bench");
    }
    measure_overhead();
    bench_call("call-same-space", "reply-same-space", false, 0);
    bench_call("call-other-space", "reply-other-space", true, 0);
    bench_call("call-10-words", "reply-10-words", true, 10);
    bench_send("send-higher", false, true);
    bench_send("signal-higher", true, true);
    bench_fault();
    bench_interrupt();
    log_print("bench done\n");
    seL4_TCB_Suspend(seL4_CapInitThreadTCB);
}

/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a way into a guest and back costs, seen by its VMM: from before the system call's stub to
 * behind it. The guest has no memory, so it exits before its first instruction; the kernel's part
 * is the same for every exit that it reports. Prints "bench NAME VALUE SPREAD".
 */
#include <rt/component.h>
#include <rt/log.h>
#include <rt/panic.h>

#include <sel4/quoin.h>

#include "../../init/serial.h"
#include "measure.h"
#include "world.h"

#define RUNS        33
#define WARMUP      8
#define HLT_EXITING (1u << 7)

static uint64_t overhead(void)
{
    uint64_t start = measure_now();

    return measure_now() - start;
}

/* changed: what the VMM says it changed, or plain: the call of the ABI. */
static void bench_round_trip(const char *name, bool plain, seL4_Word changed)
{
    seL4_Word *mr = seL4_GetIPCBuffer()->msg;
    uint64_t least = ~0ull, most = 0;

    for (unsigned i = 0; i < WARMUP + RUNS; i++) {
        mr[0] = 0x1000;
        mr[1] = HLT_EXITING;
        mr[2] = 0;
        uint64_t start = measure_now();
        seL4_Word result = plain ? seL4_VMEnter(NULL) : seL4_QuoinVMEnter(changed, NULL);
        uint64_t took = measure_now() - start - overhead();
        if (result != SEL4_VMENTER_RESULT_FAULT) {
            panic("no exit");
        }
        if (i >= WARMUP) {
            least = took < least ? took : least;
            most = took > most ? took : most;
        }
    }
    log_print("bench %s %lu %lu\n", name, least, most - least);
}

void component_main(const seL4_BootInfo *info)
{
    seL4_CPtr vcpu;

    world_init(info);
    if (serial_open(world_slot()) == seL4_NoError) {
        log_set_sink(serial_write, "bench");
    }
    vcpu = world_object(seL4_X86_VCPUObject, 0);
    if (seL4_X86_VCPU_SetTCB(vcpu, seL4_CapInitThreadTCB) != seL4_NoError) {
        panic("SetTCB");
    }
    bench_round_trip("exit-plain", true, 0);
    bench_round_trip("exit-extended", false, 0);
    bench_round_trip("exit-extended-registers", false, QUOIN_VMENTER_GPRS);
    bench_round_trip("exit-extended-all", false,
                     QUOIN_VMENTER_GPRS | QUOIN_VMENTER_RFLAGS | QUOIN_VMENTER_RSP);
    log_print("bench done\n");
    seL4_TCB_Suspend(seL4_CapInitThreadTCB);
}

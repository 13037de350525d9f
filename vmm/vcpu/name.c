/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/vcpu/exit.h"

const char *exit_name(enum exit_kind kind)
{
    static const char *const names[EXIT_KIND_COUNT] = {
        [EXIT_UNKNOWN] = "unknown",
        [EXIT_ENTRY_FAILED] = "entry failed",
        [EXIT_RESUME] = "resume",
        [EXIT_CPUID] = "cpuid",
        [EXIT_HLT] = "hlt",
        [EXIT_PORT] = "port",
        [EXIT_MEMORY] = "mmio",
        [EXIT_MSR_READ] = "rdmsr",
        [EXIT_MSR_WRITE] = "wrmsr",
        [EXIT_HYPERCALL] = "hypercall",
        [EXIT_CR] = "cr",
        [EXIT_INTERRUPT_WINDOW] = "interrupt window",
        [EXIT_NMI_WINDOW] = "nmi window",
        [EXIT_SHUTDOWN] = "triple fault",
        [EXIT_XSETBV] = "xsetbv",
        [EXIT_PAUSE] = "pause",
        [EXIT_CACHE] = "wbinvd",
        [EXIT_MONITOR] = "undefined",
        [EXIT_INVLPG] = "invlpg",
        [EXIT_RDTSC] = "rdtsc",
        [EXIT_RDPMC] = "rdpmc",
        [EXIT_EXCEPTION] = "exception",
        [EXIT_TASK_SWITCH] = "task switch",
        [EXIT_DEBUG_REGISTER] = "debug register",
        [EXIT_DESCRIPTOR] = "descriptor table",
        [EXIT_INIT] = "init",
    };
    return (unsigned)kind < EXIT_KIND_COUNT ? names[kind] : "invalid";
}

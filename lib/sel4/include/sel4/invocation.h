/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How every invocation stub talks to the kernel: a Call with a label, capabilities in the IPC
 * buffer and one message register for each argument (ABI sheet, section 9). The reply's MR0..MR3
 * are left in the IPC buffer, so after an error seL4_GetMR gives its details (section 10).
 */
#ifndef SEL4_INVOCATION_H
#define SEL4_INVOCATION_H

#include <sel4/labels.h>
#include <sel4/syscalls.h>

/* Invokes service with caps extra capabilities and length message words, mr0..mr3 being the first.
 */
static inline seL4_Error seL4_x64_invoke(seL4_CPtr service, seL4_Word label, seL4_Word caps,
                                         seL4_Word length, seL4_Word mr0, seL4_Word mr1,
                                         seL4_Word mr2, seL4_Word mr3)
{
    seL4_MessageInfo_t info = seL4_MessageInfo_new(label, 0, caps, length);
    seL4_Word *mr = seL4_GetIPCBuffer()->msg;

    info = seL4_CallWithMRs(service, info, &mr0, &mr1, &mr2, &mr3);
    mr[0] = mr0;
    mr[1] = mr1;
    mr[2] = mr2;
    mr[3] = mr3;
    return (seL4_Error)seL4_MessageInfo_get_label(info);
}

static inline seL4_Error seL4_x64_invoke0(seL4_CPtr service, seL4_Word label, seL4_Word caps)
{
    return seL4_x64_invoke(service, label, caps, 0, 0, 0, 0, 0);
}

static inline seL4_Error seL4_x64_invoke1(seL4_CPtr service, seL4_Word label, seL4_Word caps,
                                          seL4_Word mr0)
{
    return seL4_x64_invoke(service, label, caps, 1, mr0, 0, 0, 0);
}

static inline seL4_Error seL4_x64_invoke2(seL4_CPtr service, seL4_Word label, seL4_Word caps,
                                          seL4_Word mr0, seL4_Word mr1)
{
    return seL4_x64_invoke(service, label, caps, 2, mr0, mr1, 0, 0);
}

static inline seL4_Error seL4_x64_invoke3(seL4_CPtr service, seL4_Word label, seL4_Word caps,
                                          seL4_Word mr0, seL4_Word mr1, seL4_Word mr2)
{
    return seL4_x64_invoke(service, label, caps, 3, mr0, mr1, mr2, 0);
}

#endif

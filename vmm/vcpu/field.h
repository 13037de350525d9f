/* SPDX-License-Identifier: BSD-2-Clause
 *
 * VMCS field encodings (Intel SDM volume 3, appendix B) of the guest state that a VMM reads and
 * writes with ReadVMCS and WriteVMCS. The kernel translates them to the VMCB on AMD-V, so these
 * numbers name guest state on both vendors.
 */
#ifndef VMM_VCPU_FIELD_H
#define VMM_VCPU_FIELD_H

enum vcpu_field {
    /* Selectors; in the order of enum segment. */
    FIELD_ES_SELECTOR = 0x0800,
    FIELD_CS_SELECTOR = 0x0802,
    FIELD_SS_SELECTOR = 0x0804,
    FIELD_DS_SELECTOR = 0x0806,
    FIELD_FS_SELECTOR = 0x0808,
    FIELD_GS_SELECTOR = 0x080a,
    FIELD_LDTR_SELECTOR = 0x080c,
    FIELD_TR_SELECTOR = 0x080e,

    FIELD_PAT = 0x2804,
    FIELD_EFER = 0x2806,

    FIELD_PIN_CONTROLS = 0x4000,
    FIELD_PRIMARY_CONTROLS = 0x4002,
    FIELD_EXCEPTION_BITMAP = 0x4004,
    FIELD_EXIT_CONTROLS = 0x400c,
    FIELD_ENTRY_CONTROLS = 0x4012,
    FIELD_SECONDARY_CONTROLS = 0x401e,
    FIELD_INSTRUCTION_ERROR = 0x4400,

    FIELD_ES_LIMIT = 0x4800,
    FIELD_GDTR_LIMIT = 0x4810,
    FIELD_IDTR_LIMIT = 0x4812,
    FIELD_ES_RIGHTS = 0x4814,
    FIELD_INTERRUPTIBILITY = 0x4824,
    FIELD_ACTIVITY = 0x4826,
    FIELD_SYSENTER_CS = 0x482a,

    FIELD_CR0_MASK = 0x6000,
    FIELD_CR4_MASK = 0x6002,
    FIELD_CR0_SHADOW = 0x6004,
    FIELD_CR4_SHADOW = 0x6006,

    FIELD_CR0 = 0x6800,
    FIELD_CR3 = 0x6802,
    FIELD_CR4 = 0x6804,
    FIELD_ES_BASE = 0x6806,
    FIELD_FS_BASE = 0x680e,
    FIELD_GS_BASE = 0x6810,
    FIELD_GDTR_BASE = 0x6816,
    FIELD_IDTR_BASE = 0x6818,
    FIELD_DR7 = 0x681a,
    FIELD_RSP = 0x681c,
    FIELD_RIP = 0x681e,
    FIELD_RFLAGS = 0x6820,
    FIELD_PENDING_DEBUG = 0x6822,
    FIELD_SYSENTER_ESP = 0x6824,
    FIELD_SYSENTER_EIP = 0x6826,
};

enum segment {
    SEGMENT_ES,
    SEGMENT_CS,
    SEGMENT_SS,
    SEGMENT_DS,
    SEGMENT_FS,
    SEGMENT_GS,
    SEGMENT_LDTR,
    SEGMENT_TR,
    SEGMENT_COUNT,
};

/* A segment's fields stand two apart, in the order of enum segment. */
#define FIELD_SELECTOR(segment) ((unsigned)FIELD_ES_SELECTOR + 2u * (unsigned)(segment))
#define FIELD_LIMIT(segment)    ((unsigned)FIELD_ES_LIMIT + 2u * (unsigned)(segment))
#define FIELD_RIGHTS(segment)   ((unsigned)FIELD_ES_RIGHTS + 2u * (unsigned)(segment))
#define FIELD_BASE(segment)     ((unsigned)FIELD_ES_BASE + 2u * (unsigned)(segment))

#endif

/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Object types, object sizes, attributes and system call numbers of seL4 16.0.0 on x86-64 with MCS,
 * VT-x with 64-bit guests and IOMMU (ABI sheet, column E). Shared by kernel and user code.
 */
#ifndef SEL4_CONSTANTS_H
#define SEL4_CONSTANTS_H

/* Object types of Untyped Retype (section 6). */
typedef enum {
    seL4_UntypedObject = 0,
    seL4_TCBObject = 1,
    seL4_EndpointObject = 2,
    seL4_NotificationObject = 3,
    seL4_CapTableObject = 4,
    seL4_SchedContextObject = 5,
    seL4_ReplyObject = 6,
    seL4_X86_PDPTObject = 7,
    seL4_X64_PML4Object = 8,
    seL4_X64_HugePageObject = 9,
    seL4_X86_4K = 10,
    seL4_X86_LargePageObject = 11,
    seL4_X86_PageTableObject = 12,
    seL4_X86_PageDirectoryObject = 13,
    seL4_X86_IOPageTableObject = 14,
    seL4_X86_VCPUObject = 15,
    seL4_X86_EPTPML4Object = 16,
    seL4_X86_EPTPDPTObject = 17,
    seL4_X86_EPTPDObject = 18,
    seL4_X86_EPTPTObject = 19,
    seL4_ObjectTypeCount = 20,
} seL4_ObjectType;

/* Sizes as powers of two (section 8). */
enum {
    seL4_MinUntypedBits = 4,
    seL4_MaxUntypedBits = 47,
    seL4_TCBBits = 11,
    seL4_EndpointBits = 4,
    seL4_NotificationBits = 6,
    seL4_SlotBits = 5, /* a CNode of 2^n slots takes 2^(n + 5) bytes */
    seL4_MinSchedContextBits = 7,
    seL4_ReplyBits = 5,
    seL4_PageBits = 12,
    seL4_LargePageBits = 21,
    seL4_HugePageBits = 30,
    seL4_PageTableBits = 12,
    seL4_PageDirBits = 12,
    seL4_PDPTBits = 12,
    seL4_PML4Bits = 12,
    seL4_VSpaceBits = 12,
    seL4_ASIDPoolBits = 12, /* 512 address spaces */
    seL4_ASIDPoolIndexBits = 9,
    seL4_NumASIDPoolsBits = 3,
    seL4_IOPageTableBits = 12,
    seL4_X86_VCPUBits = 14,
    seL4_X86_EPTPML4Bits = 12,
    seL4_X86_EPTPDPTBits = 12,
    seL4_X86_EPTPDBits = 12,
    seL4_X86_EPTPTBits = 12,
    seL4_BootInfoFrameBits = 12,
};

/* A scheduling context holds 2 refills in its first 128 bytes and one more in each 16 after them.
 */
enum {
    seL4_CoreSchedContextBytes = 128,
    seL4_RefillSizeBytes = 16,
};

enum {
    seL4_WordBits = 64,
    seL4_WordSizeBits = 3,
    seL4_MinPrio = 0,
    seL4_MaxPrio = 255,
    seL4_RetypeFanOutLimit = 256,
    seL4_MaxUntypedCaps = 230,
};

/* SchedControl ConfigureFlags. */
enum { seL4_SchedContext_NoFlag = 0, seL4_SchedContext_Sporadic = 1 };

/* TCB SetFlags. */
enum { seL4_TCBFlag_NoFlag = 0, seL4_TCBFlag_fpuDisabled = 1 };

/* Caching of a mapping (section 8). */
typedef enum {
    seL4_X86_Default_VMAttributes = 0,
    seL4_X86_WriteBack = 0,
    seL4_X86_WriteThrough = 1,
    seL4_X86_CacheDisabled = 2,
    seL4_X86_Uncacheable = 3,
    seL4_X86_WriteCombining = 4,
} seL4_X86_VMAttributes;

/* Caching of a guest-physical mapping: EPT memory types (section 8). */
typedef enum {
    seL4_X86_EPT_Uncacheable = 0,
    seL4_X86_EPT_WriteCombining = 1,
    seL4_X86_EPT_WriteThrough = 4,
    seL4_X86_EPT_WriteProtected = 5,
    seL4_X86_EPT_WriteBack = 6,
    seL4_X86_EPT_Default_VMAttributes = 6,
} seL4_X86_EPT_VMAttributes;

/* MR2 of seL4_FailedLookup on a mapping: which paging structure is absent (section 10). */
enum {
    SEL4_MAPPING_LOOKUP_NO_PT = 21,
    SEL4_MAPPING_LOOKUP_NO_PD = 30,
    SEL4_MAPPING_LOOKUP_NO_PDPT = 39,
    SEL4_MAPPING_LOOKUP_NO_EPTPT = 21,
    SEL4_MAPPING_LOOKUP_NO_EPTPD = 30,
    SEL4_MAPPING_LOOKUP_NO_EPTPDPT = 39,
};

/* Interrupts (section 16): vector arguments are relative to the first user vector, 0x30. */
enum {
    VECTOR_MIN = 0,
    VECTOR_MAX = 107,
    IRQ_OFFSET = 48,
};

/* System calls, in RDX (section 5). */
enum {
    seL4_SysCall = -1,
    seL4_SysReplyRecv = -2,
    seL4_SysNBSendRecv = -3,
    seL4_SysNBSendWait = -4,
    seL4_SysSend = -5,
    seL4_SysNBSend = -6,
    seL4_SysRecv = -7,
    seL4_SysNBRecv = -8,
    seL4_SysWait = -9,
    seL4_SysNBWait = -10,
    seL4_SysYield = -11,
    seL4_SysDebugPutChar = -12,
    seL4_SysDebugDumpScheduler = -13,
    seL4_SysDebugHalt = -14,
    seL4_SysDebugCapIdentify = -15,
    seL4_SysDebugSnapshot = -16,
    seL4_SysDebugNameThread = -17,
    seL4_SysDebugSendIPI = -18,
    seL4_SysDebugGetThreadAffinity = -19,
    seL4_SysVMEnter = -32,
    seL4_SysSetTLSBase = -33,
};

/* RSI after VMEnter (section 13). */
enum { SEL4_VMENTER_RESULT_NOTIF = 0, SEL4_VMENTER_RESULT_FAULT = 1 };

/* Message registers of VMEnter (section 13). */
enum {
    SEL4_VMENTER_CALL_EIP_MR = 0,
    SEL4_VMENTER_CALL_CONTROL_PPC_MR = 1,
    SEL4_VMENTER_CALL_INTERRUPT_INFO_MR = 2,
    SEL4_VMENTER_FAULT_REASON_MR = 3,
    SEL4_VMENTER_FAULT_QUALIFICATION_MR = 4,
    SEL4_VMENTER_FAULT_INSTRUCTION_LEN_MR = 5,
    SEL4_VMENTER_FAULT_GUEST_PHYSICAL_MR = 6,
    SEL4_VMENTER_FAULT_RFLAGS_MR = 7,
    SEL4_VMENTER_FAULT_GUEST_INT_MR = 8,
    SEL4_VMENTER_FAULT_CR3_MR = 9,
    SEL4_VMENTER_FAULT_EAX = 10,
    SEL4_VMENTER_FAULT_EBX = 11,
    SEL4_VMENTER_FAULT_ECX = 12,
    SEL4_VMENTER_FAULT_EDX = 13,
    SEL4_VMENTER_FAULT_ESI = 14,
    SEL4_VMENTER_FAULT_EDI = 15,
    SEL4_VMENTER_FAULT_EBP = 16,
    SEL4_VMENTER_FAULT_R8 = 17,
    SEL4_VMENTER_FAULT_R15 = 24,
    SEL4_VMENTER_RESULT_FAULT_LEN = 25,
    SEL4_VMENTER_RESULT_NOTIF_LEN = 3,
};

/* Type tags of capabilities, as DebugCapIdentify returns them (section 7). */
enum {
    seL4_CapTag_null = 0,
    seL4_CapTag_frame = 1,
    seL4_CapTag_untyped = 2,
    seL4_CapTag_page_table = 3,
    seL4_CapTag_endpoint = 4,
    seL4_CapTag_page_directory = 5,
    seL4_CapTag_notification = 6,
    seL4_CapTag_pdpt = 7,
    seL4_CapTag_reply = 8,
    seL4_CapTag_pml4 = 9,
    seL4_CapTag_cnode = 10,
    seL4_CapTag_asid_control = 11,
    seL4_CapTag_thread = 12,
    seL4_CapTag_asid_pool = 13,
    seL4_CapTag_irq_control = 14,
    seL4_CapTag_io_space = 15,
    seL4_CapTag_irq_handler = 16,
    seL4_CapTag_io_page_table = 17,
    seL4_CapTag_zombie = 18,
    seL4_CapTag_io_port = 19,
    seL4_CapTag_domain = 20,
    seL4_CapTag_vcpu = 21,
    seL4_CapTag_sched_context = 22,
    seL4_CapTag_ept_pt = 23,
    seL4_CapTag_sched_control = 24,
    seL4_CapTag_ept_pd = 25,
    seL4_CapTag_ept_pdpt = 27,
    seL4_CapTag_ept_pml4 = 29,
    seL4_CapTag_io_port_control = 31,
};

#endif

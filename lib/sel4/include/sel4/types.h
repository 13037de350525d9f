/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Words, capability pointers, message info, rights and the IPC buffer of the seL4 API on x86-64.
 * Shared by kernel and user code: nothing here runs an instruction that only one of them may run.
 */
#ifndef SEL4_TYPES_H
#define SEL4_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t seL4_Word;
typedef uint8_t seL4_Uint8;
typedef uint16_t seL4_Uint16;
typedef uint32_t seL4_Uint32;
typedef uint64_t seL4_Uint64;

/* A capability pointer is an address in a CSpace; the names say which object is expected there. */
typedef seL4_Word seL4_CPtr;
typedef seL4_CPtr seL4_CNode;
typedef seL4_CPtr seL4_Untyped;
typedef seL4_CPtr seL4_TCB;
typedef seL4_CPtr seL4_Endpoint;
typedef seL4_CPtr seL4_Notification;
typedef seL4_CPtr seL4_Reply;
typedef seL4_CPtr seL4_SchedContext;
typedef seL4_CPtr seL4_SchedControl;
typedef seL4_CPtr seL4_IRQControl;
typedef seL4_CPtr seL4_IRQHandler;
typedef seL4_CPtr seL4_DomainSet;
typedef seL4_CPtr seL4_X64_PML4;
typedef seL4_CPtr seL4_X86_PDPT;
typedef seL4_CPtr seL4_X86_PageDirectory;
typedef seL4_CPtr seL4_X86_PageTable;
typedef seL4_CPtr seL4_X86_Page;
typedef seL4_CPtr seL4_X86_ASIDControl;
typedef seL4_CPtr seL4_X86_ASIDPool;
typedef seL4_CPtr seL4_X86_IOSpace;
typedef seL4_CPtr seL4_X86_IOPageTable;
typedef seL4_CPtr seL4_X86_IOPortControl;
typedef seL4_CPtr seL4_X86_IOPort;
typedef seL4_CPtr seL4_X86_VCPU;
typedef seL4_CPtr seL4_X86_EPTPML4;
typedef seL4_CPtr seL4_X86_EPTPDPT;
typedef seL4_CPtr seL4_X86_EPTPD;
typedef seL4_CPtr seL4_X86_EPTPT;
typedef seL4_CPtr seL4_QuoinTimer;

typedef seL4_Word seL4_NodeId;
typedef seL4_Word seL4_PAddr;
typedef seL4_Word seL4_Domain;
typedef uint64_t seL4_Time; /* microseconds */

/* Error codes: the label of a reply to an invocation (ABI sheet, section 10). */
typedef enum {
    seL4_NoError = 0,
    seL4_InvalidArgument = 1,   /* MR0: which argument */
    seL4_InvalidCapability = 2, /* MR0: which capability */
    seL4_IllegalOperation = 3,
    seL4_RangeError = 4, /* MR0: smallest, MR1: largest accepted value */
    seL4_AlignmentError = 5,
    seL4_FailedLookup = 6, /* MR0: was it the source, MR1: seL4_LookupFailureType, MR2..: details */
    seL4_TruncatedMessage = 7,
    seL4_DeleteFirst = 8,
    seL4_RevokeFirst = 9,
    seL4_NotEnoughMemory = 10, /* MR0: bytes left */
    seL4_NumErrors = 11,
} seL4_Error;

typedef enum {
    seL4_NoFailure = 0,
    seL4_InvalidRoot = 1,
    seL4_MissingCapability = 2, /* bitsLeft */
    seL4_DepthMismatch = 3,     /* bitsLeft, bitsFound */
    seL4_GuardMismatch = 4,     /* bitsLeft, guardFound, bitsFound */
} seL4_LookupFailureType;

/* Message info word: label [63:12], capsUnwrapped [11:9], extraCaps [8:7], length [6:0]. */
typedef struct {
    seL4_Word words[1];
} seL4_MessageInfo_t;

#define seL4_MsgLengthBits        7
#define seL4_MsgMaxLength         120
#define seL4_MsgExtraCapBits      2
#define seL4_MsgMaxExtraCaps      3
#define seL4_FastMessageRegisters 4

static inline seL4_MessageInfo_t seL4_MessageInfo_new(seL4_Word label, seL4_Word caps_unwrapped,
                                                      seL4_Word extra_caps, seL4_Word length)
{
    seL4_MessageInfo_t info = {{(label << 12) | ((caps_unwrapped & 7u) << 9) |
                                ((extra_caps & 3u) << 7) | (length & 0x7fu)}};

    return info;
}

static inline seL4_Word seL4_MessageInfo_get_label(seL4_MessageInfo_t info)
{
    return info.words[0] >> 12;
}

/* One bit for each received capability that was unwrapped to its badge. */
static inline seL4_Word seL4_MessageInfo_get_capsUnwrapped(seL4_MessageInfo_t info)
{
    return (info.words[0] >> 9) & 7u;
}

static inline seL4_Word seL4_MessageInfo_get_extraCaps(seL4_MessageInfo_t info)
{
    return (info.words[0] >> 7) & 3u;
}

static inline seL4_Word seL4_MessageInfo_get_length(seL4_MessageInfo_t info)
{
    return info.words[0] & 0x7fu;
}

/* Rights word: bit 0 write, bit 1 read, bit 2 grant, bit 3 grant-reply (section 8). */
typedef struct {
    seL4_Word words[1];
} seL4_CapRights_t;

static inline seL4_CapRights_t seL4_CapRights_new(bool grant_reply, bool grant, bool read,
                                                  bool write)
{
    seL4_CapRights_t rights = {{(seL4_Word)grant_reply << 3 | (seL4_Word)grant << 2 |
                                (seL4_Word)read << 1 | (seL4_Word)write}};

    return rights;
}

static inline seL4_Word seL4_CapRights_get_capAllowWrite(seL4_CapRights_t rights)
{
    return rights.words[0] & 1u;
}

static inline seL4_Word seL4_CapRights_get_capAllowRead(seL4_CapRights_t rights)
{
    return (rights.words[0] >> 1) & 1u;
}

static inline seL4_Word seL4_CapRights_get_capAllowGrant(seL4_CapRights_t rights)
{
    return (rights.words[0] >> 2) & 1u;
}

static inline seL4_Word seL4_CapRights_get_capAllowGrantReply(seL4_CapRights_t rights)
{
    return (rights.words[0] >> 3) & 1u;
}

#define seL4_NoRights  seL4_CapRights_new(false, false, false, false)
#define seL4_CanWrite  seL4_CapRights_new(false, false, false, true)
#define seL4_CanRead   seL4_CapRights_new(false, false, true, false)
#define seL4_ReadWrite seL4_CapRights_new(false, false, true, true)
#define seL4_CanGrant  seL4_CapRights_new(false, true, false, false)
#define seL4_AllRights seL4_CapRights_new(true, true, true, true)

/* Guard of a CNode capability, given where a badge stands: guard [63:6], guardSize [5:0]. */
typedef struct {
    seL4_Word words[1];
} seL4_CNode_CapData_t;

static inline seL4_CNode_CapData_t seL4_CNode_CapData_new(seL4_Word guard, seL4_Word guard_size)
{
    seL4_CNode_CapData_t data = {{(guard << 6) | (guard_size & 0x3fu)}};

    return data;
}

/* The IPC buffer: 1024 bytes, aligned to that, inside one frame (section 8). */
#define seL4_IPCBufferSizeBits 10

typedef struct {
    seL4_MessageInfo_t tag;
    seL4_Word msg[seL4_MsgMaxLength]; /* MR0..MR3 travel in registers */
    seL4_Word userData;
    seL4_Word caps_or_badges[seL4_MsgMaxExtraCaps];
    seL4_CPtr receiveCNode;
    seL4_CPtr receiveIndex;
    seL4_Word receiveDepth;
} seL4_IPCBuffer;

_Static_assert(offsetof(seL4_IPCBuffer, tag) == 0, "IPC buffer: tag");
_Static_assert(offsetof(seL4_IPCBuffer, msg) == 8, "IPC buffer: msg");
_Static_assert(offsetof(seL4_IPCBuffer, userData) == 968, "IPC buffer: userData");
_Static_assert(offsetof(seL4_IPCBuffer, caps_or_badges) == 976, "IPC buffer: caps_or_badges");
_Static_assert(offsetof(seL4_IPCBuffer, receiveCNode) == 1000, "IPC buffer: receiveCNode");
_Static_assert(offsetof(seL4_IPCBuffer, receiveIndex) == 1008, "IPC buffer: receiveIndex");
_Static_assert(offsetof(seL4_IPCBuffer, receiveDepth) == 1016, "IPC buffer: receiveDepth");
_Static_assert(sizeof(seL4_IPCBuffer) == 1u << seL4_IPCBufferSizeBits, "IPC buffer: size");

/* Register file of ReadRegisters and WriteRegisters (section 8): 18 frame registers, 2 others. */
typedef struct {
    seL4_Word rip, rsp, rflags, rax, rbx, rcx, rdx, rsi, rdi, rbp;
    seL4_Word r8, r9, r10, r11, r12, r13, r14, r15;
    seL4_Word fs_base, gs_base;
} seL4_UserContext;

#define seL4_UserContextWords 20

_Static_assert(sizeof(seL4_UserContext) == seL4_UserContextWords * sizeof(seL4_Word),
               "user context: size");
_Static_assert(offsetof(seL4_UserContext, rax) == 3 * 8, "user context: rax");
_Static_assert(offsetof(seL4_UserContext, rbp) == 9 * 8, "user context: rbp");
_Static_assert(offsetof(seL4_UserContext, r8) == 10 * 8, "user context: r8");
_Static_assert(offsetof(seL4_UserContext, fs_base) == 18 * 8, "user context: fs_base");

/* Guest registers of VCPU WriteRegisters, in message order (section 9). */
typedef struct {
    seL4_Word eax, ebx, ecx, edx, esi, edi, ebp;
    seL4_Word r8, r9, r10, r11, r12, r13, r14, r15;
} seL4_VCPUContext;

#define seL4_VCPUContextWords 15

_Static_assert(sizeof(seL4_VCPUContext) == seL4_VCPUContextWords * sizeof(seL4_Word),
               "VCPU context: size");

#endif

/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Faults: the message a thread's fault endpoint gets, label = fault type, and where each word of it
 * stands (ABI sheet, section 11). Shared by kernel and user code.
 */
#ifndef SEL4_FAULTS_H
#define SEL4_FAULTS_H

typedef enum {
    seL4_Fault_NullFault = 0,
    seL4_Fault_CapFault = 1,
    seL4_Fault_UnknownSyscall = 2,
    seL4_Fault_UserException = 3,
    seL4_Fault_DebugException = 4,
    seL4_Fault_Timeout = 5,
    seL4_Fault_VMFault = 6,
} seL4_FaultType;

/* A failed lookup of a capability. The words after LookupFailureType depend on that type. */
enum {
    seL4_CapFault_IP = 0,
    seL4_CapFault_Addr = 1,
    seL4_CapFault_InRecvPhase = 2,
    seL4_CapFault_LookupFailureType = 3,
    seL4_CapFault_BitsLeft = 4,
    seL4_CapFault_DepthMismatch_BitsFound = 5,
    seL4_CapFault_GuardMismatch_GuardFound = 5,
    seL4_CapFault_GuardMismatch_BitsFound = 6,
};

/* A reply of seL4_UnknownSyscall_ReplyLength words rewrites the registers; label 0 restarts. */
enum {
    seL4_UnknownSyscall_RAX = 0,
    seL4_UnknownSyscall_RBX = 1,
    seL4_UnknownSyscall_RCX = 2,
    seL4_UnknownSyscall_RDX = 3,
    seL4_UnknownSyscall_RSI = 4,
    seL4_UnknownSyscall_RDI = 5,
    seL4_UnknownSyscall_RBP = 6,
    seL4_UnknownSyscall_R8 = 7,
    seL4_UnknownSyscall_R9 = 8,
    seL4_UnknownSyscall_R10 = 9,
    seL4_UnknownSyscall_R11 = 10,
    seL4_UnknownSyscall_R12 = 11,
    seL4_UnknownSyscall_R13 = 12,
    seL4_UnknownSyscall_R14 = 13,
    seL4_UnknownSyscall_R15 = 14,
    seL4_UnknownSyscall_FaultIP = 15,
    seL4_UnknownSyscall_SP = 16,
    seL4_UnknownSyscall_FLAGS = 17,
    seL4_UnknownSyscall_Syscall = 18,
    seL4_UnknownSyscall_Length = 19,
    seL4_UnknownSyscall_ReplyLength = 18,
};

enum {
    seL4_UserException_FaultIP = 0,
    seL4_UserException_SP = 1,
    seL4_UserException_FLAGS = 2,
    seL4_UserException_Number = 3, /* exception vector */
    seL4_UserException_Code = 4,   /* its error code, 0 where it has none */
    seL4_UserException_Length = 5,
    seL4_UserException_ReplyLength = 3,
};

enum {
    seL4_Timeout_Data = 0,     /* badge of the scheduling context */
    seL4_Timeout_Consumed = 1, /* microseconds */
    seL4_Timeout_Length = 2,
};

/* What a reply to a timeout fault may rewrite. */
enum {
    seL4_TimeoutReply_FaultIP = 0,
    seL4_TimeoutReply_RSP = 1,
    seL4_TimeoutReply_FLAGS = 2,
    seL4_TimeoutReply_RAX = 3,
    seL4_TimeoutReply_RBX = 4,
    seL4_TimeoutReply_RCX = 5,
    seL4_TimeoutReply_RDX = 6,
    seL4_TimeoutReply_RSI = 7,
    seL4_TimeoutReply_RDI = 8,
    seL4_TimeoutReply_RBP = 9,
    seL4_TimeoutReply_R8 = 10,
    seL4_TimeoutReply_R9 = 11,
    seL4_TimeoutReply_R10 = 12,
    seL4_TimeoutReply_R11 = 13,
    seL4_TimeoutReply_R12 = 14,
    seL4_TimeoutReply_R13 = 15,
    seL4_TimeoutReply_R14 = 16,
    seL4_TimeoutReply_R15 = 17,
    seL4_TimeoutReply_TLS_BASE = 18,
    seL4_TimeoutReply_Length = 19,
};

enum {
    seL4_VMFault_IP = 0,
    seL4_VMFault_Addr = 1,
    seL4_VMFault_PrefetchFault = 2, /* 1: fetching an instruction */
    seL4_VMFault_FSR = 3,           /* page fault error code */
    seL4_VMFault_Length = 4,
};

#endif

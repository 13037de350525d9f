/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Between the formats of VMCS and VMCB.
 *
 * Events (SDM vol. 3, 25.8.3; AMD APM vol. 2, 15.7.2, 15.20): vector, type and the error-code and
 * valid bits are at the same places, the error code is in the VMCB's upper half, and AMD knows
 * fewer types.
 */
#include "x86/svm/svm.h"

enum { SVM_EVENT_EXCEPTION = 3 };
enum { VECTOR_BREAKPOINT = 3, VECTOR_OVERFLOW = 4 };

uint64_t svm_event_from_vmx(uint32_t info, uint32_t error_code)
{
    if (!(info & EVENT_VALID))
        return 0;
    unsigned type = info >> EVENT_TYPE_SHIFT & EVENT_TYPE_MASK;
    if (type == EVENT_SOFTWARE_EXCEPTION || type == EVENT_PRIVILEGED_SOFTWARE_EXCEPTION)
        type = SVM_EVENT_EXCEPTION;
    uint64_t event = (info & (EVENT_VECTOR | EVENT_VALID)) | type << EVENT_TYPE_SHIFT;
    if (info & EVENT_ERROR_CODE)
        event |= EVENT_ERROR_CODE | (uint64_t)error_code << 32;
    return event;
}

uint32_t svm_event_to_vmx(uint64_t event)
{
    uint32_t info = (uint32_t)event;
    if (!(info & EVENT_VALID))
        return 0;
    unsigned type = info >> EVENT_TYPE_SHIFT & EVENT_TYPE_MASK;
    unsigned vector = info & EVENT_VECTOR;
    /* QEMU's TCG says "exception" of a virtual interrupt whose delivery it could not end. */
    if (type == SVM_EVENT_EXCEPTION && vector >= 32)
        type = EVENT_EXTERNAL;
    if (type == SVM_EVENT_EXCEPTION && (vector == VECTOR_BREAKPOINT || vector == VECTOR_OVERFLOW))
        type = EVENT_SOFTWARE_EXCEPTION;
    return (info & (EVENT_VECTOR | EVENT_ERROR_CODE | EVENT_VALID)) | type << EVENT_TYPE_SHIFT;
}

/* VMX keeps bits 55:52 of a descriptor at bit 12 and adds "unusable" (SDM vol. 3, table 25-2);
 * AMD keeps them at bit 8 and calls a segment without P unusable (APM 15.5.1). */
uint16_t svm_attributes_from_vmx(uint32_t rights)
{
    uint32_t a = (rights & 0xff) | (rights >> 4 & 0xf00);
    if (rights & RIGHTS_UNUSABLE)
        a &= ~RIGHTS_PRESENT;
    return (uint16_t)a;
}

uint32_t svm_attributes_to_vmx(uint16_t attributes)
{
    uint32_t r = (attributes & 0xffu) | (attributes & 0xf00u) << 4;
    return r & RIGHTS_PRESENT ? r : r | RIGHTS_UNUSABLE;
}

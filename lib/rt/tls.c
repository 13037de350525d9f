/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include <rt/tls.h>
#include <sel4/syscalls.h>

/* Behind the thread pointer compilers look for words of the C library, such as the stack guard. */
#define TLS_SPACE_BEHIND_POINTER 128u

_Thread_local seL4_IPCBuffer *seL4_ipc_buffer;

/* From the linker script; the addresses of the last three are numbers. */
extern const uint8_t rt_tls_image[];
extern const uint8_t rt_tls_image_size[];
extern const uint8_t rt_tls_total_size[];
extern const uint8_t rt_tls_alignment[];

/* Fills block and returns the address that the thread pointer is to have. */
static uintptr_t tls_place(struct rt_tls_block *block)
{
    uintptr_t pointer = (uintptr_t)block + RT_TLS_SIZE - TLS_SPACE_BEHIND_POINTER;
    uintptr_t alignment = (uintptr_t)rt_tls_alignment;
    uintptr_t size = (uintptr_t)rt_tls_total_size;
    uintptr_t start;

    alignment = alignment == 0 ? 1 : alignment;
    start = pointer - ((size + alignment - 1) & ~(alignment - 1));
    memset(block, 0, sizeof(*block));
    memcpy((void *)start, rt_tls_image, (uintptr_t)rt_tls_image_size);
    memcpy((void *)pointer, &pointer, sizeof(pointer));
    return pointer;
}

seL4_Word tls_prepare(struct rt_tls_block *block, seL4_IPCBuffer *ipc_buffer)
{
    uintptr_t pointer = tls_place(block);
    uintptr_t variable = (uintptr_t)&seL4_ipc_buffer;
    uintptr_t own_pointer;

    /* The variable lies as far from the new thread's pointer as it does from the caller's. */
    __asm__("movq %%fs:0, %0" : "=r"(own_pointer));
    memcpy((void *)(pointer + (variable - own_pointer)), &ipc_buffer, sizeof(ipc_buffer));
    return pointer;
}

void tls_enter(struct rt_tls_block *block, seL4_IPCBuffer *ipc_buffer)
{
    seL4_SetTLSBase(tls_place(block));
    seL4_SetIPCBuffer(ipc_buffer);
}

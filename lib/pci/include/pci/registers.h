/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A device's registers as a driver sees them: a mapped range on the target, a model behind two
 * functions in a test. An access outside the range reads as all ones and writes nothing, as on a
 * bus where nobody answers: a device that promises too small a range cannot crash its driver.
 */
#ifndef PCI_REGISTERS_H
#define PCI_REGISTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct registers {
    volatile uint8_t *base; /* 8-byte aligned; used when there is no read function */
    uint64_t size;
    uint64_t (*read)(void *context, uint64_t offset, unsigned size);
    void (*write)(void *context, uint64_t offset, unsigned size, uint64_t value);
    void *context;
    uint64_t origin; /* added to the offset for read and write; see registers_part */
};

static inline bool registers_hold(const struct registers *registers, uint64_t offset, unsigned size)
{
    return offset <= registers->size && size <= registers->size - offset && offset % size == 0;
}

/* Reads of 1, 2, 4 and 8 bytes at naturally aligned offsets. */
static inline uint64_t registers_read(const struct registers *registers, uint64_t offset,
                                      unsigned size)
{
    if (!registers_hold(registers, offset, size))
        return UINT64_MAX >> (64 - 8 * size);
    if (registers->read != NULL)
        return registers->read(registers->context, registers->origin + offset, size);
    const volatile uint8_t *at = registers->base + offset;
    switch (size) {
    case 1:
        return *at;
    case 2:
        return *(const volatile uint16_t *)at;
    case 4:
        return *(const volatile uint32_t *)at;
    default:
        return *(const volatile uint64_t *)at;
    }
}

static inline void registers_write(const struct registers *registers, uint64_t offset,
                                   unsigned size, uint64_t value)
{
    if (!registers_hold(registers, offset, size))
        return;
    if (registers->write != NULL) {
        registers->write(registers->context, registers->origin + offset, size, value);
        return;
    }
    volatile uint8_t *at = registers->base + offset;
    switch (size) {
    case 1:
        *at = (uint8_t)value;
        break;
    case 2:
        *(volatile uint16_t *)at = (uint16_t)value;
        break;
    case 4:
        *(volatile uint32_t *)at = (uint32_t)value;
        break;
    default:
        *(volatile uint64_t *)at = value;
        break;
    }
}

static inline uint8_t registers_read8(const struct registers *registers, uint64_t offset)
{
    return (uint8_t)registers_read(registers, offset, 1);
}

static inline uint16_t registers_read16(const struct registers *registers, uint64_t offset)
{
    return (uint16_t)registers_read(registers, offset, 2);
}

static inline uint32_t registers_read32(const struct registers *registers, uint64_t offset)
{
    return (uint32_t)registers_read(registers, offset, 4);
}

static inline void registers_write8(const struct registers *registers, uint64_t offset,
                                    uint8_t value)
{
    registers_write(registers, offset, 1, value);
}

static inline void registers_write16(const struct registers *registers, uint64_t offset,
                                     uint16_t value)
{
    registers_write(registers, offset, 2, value);
}

static inline void registers_write32(const struct registers *registers, uint64_t offset,
                                     uint32_t value)
{
    registers_write(registers, offset, 4, value);
}

/* A part of a range; empty when it is not wholly inside. */
static inline struct registers registers_part(const struct registers *whole, uint64_t offset,
                                              uint64_t size)
{
    struct registers part = *whole;
    if (offset > whole->size || size > whole->size - offset) {
        part.size = 0;
        return part;
    }
    part.size = size;
    part.origin += offset;
    if (part.base != NULL)
        part.base += offset;
    return part;
}

#endif

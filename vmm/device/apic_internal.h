/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Shared by the files of the local APIC model.
 */
#ifndef VMM_DEVICE_APIC_INTERNAL_H
#define VMM_DEVICE_APIC_INTERNAL_H

#include "vmm/device/apic.h"

/* Register offsets (SDM table 11-1). */
enum {
    APIC_REG_ID = 0x020,
    APIC_REG_VERSION = 0x030,
    APIC_REG_TPR = 0x080,
    APIC_REG_APR = 0x090,
    APIC_REG_PPR = 0x0a0,
    APIC_REG_EOI = 0x0b0,
    APIC_REG_LDR = 0x0d0,
    APIC_REG_DFR = 0x0e0,
    APIC_REG_SVR = 0x0f0,
    APIC_REG_ISR = 0x100,
    APIC_REG_TMR = 0x180,
    APIC_REG_IRR = 0x200,
    APIC_REG_ESR = 0x280,
    APIC_REG_ICR_LOW = 0x300,
    APIC_REG_ICR_HIGH = 0x310,
    APIC_REG_LVT_TIMER = 0x320,
    APIC_REG_LVT_ERROR = 0x370,
    APIC_REG_INITIAL_COUNT = 0x380,
    APIC_REG_CURRENT_COUNT = 0x390,
    APIC_REG_DIVIDE = 0x3e0,
    APIC_REG_SELF_IPI = 0x3f0,
};

#define SVR_ENABLE (1u << 8)

#define LVT_MASKED           (1u << 16)
#define LVT_TIMER_MODE       (3u << 17)
#define LVT_TIMER_ONE_SHOT   (0u << 17)
#define LVT_TIMER_PERIODIC   (1u << 17)
#define LVT_TIMER_TSC        (2u << 17)
#define ICR_LOW_WRITABLE     0x000ccfffu
#define ICR_LOGICAL          (1u << 11)
#define ICR_ASSERT           (1u << 14)
#define ICR_LEVEL            (1u << 15)
#define ICR_SHORTHAND_SHIFT  18
#define ESR_SEND_ILLEGAL     (1u << 5)
#define ESR_RECEIVED_ILLEGAL (1u << 6)

void apic_bits_set(struct apic_bits *bits, uint8_t vector);
void apic_bits_clear(struct apic_bits *bits, uint8_t vector);
bool apic_bits_test(const struct apic_bits *bits, uint8_t vector);
int apic_bits_highest(const struct apic_bits *bits);

bool apic_x2apic(const struct apic *apic);
bool apic_hardware_enabled(const struct apic *apic);
bool apic_software_enabled(const struct apic *apic);

/* The guest ends the interrupt of the highest priority. */
void apic_eoi(struct apic *apic);
/* Puts a vector into IRR. */
void apic_request(struct apic *apic, uint8_t vector, bool level);
/* Signals through an LVT entry unless that is masked. */
void apic_local_interrupt(struct apic *apic, enum apic_lvt entry);
void apic_error(struct apic *apic, uint32_t bit);

/* Sends what the ICR holds. */
void apic_send(struct apic *apic);

void apic_timer_expired(void *context);
uint32_t apic_timer_current(const struct apic *apic);
void apic_timer_load(struct apic *apic, uint32_t count);
void apic_timer_divide(struct apic *apic, uint32_t divide);
void apic_timer_mode_changed(struct apic *apic, uint32_t old_mode);
void apic_timer_set_deadline(struct apic *apic, uint64_t deadline);

#endif

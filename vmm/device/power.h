/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ACPI fixed hardware (ACPI 6.4, 4.8.3) at the ICH9's usual place: PM1a event and control blocks,
 * the power-management timer, a GPE block without sources; the reset control register 0xcf9 and the
 * other ways in which a PC is reset or switched off.
 */
#ifndef VMM_DEVICE_POWER_H
#define VMM_DEVICE_POWER_H

#include "vmm/device/irq.h"
#include "vmm/device/timer.h"

#define POWER_PORT      0x600u /* PMBASE */
#define POWER_SIZE      0x80u
#define POWER_PM1_EVENT (POWER_PORT + 0x00)
#define POWER_PM1_CTRL  (POWER_PORT + 0x04)
#define POWER_TIMER     (POWER_PORT + 0x08)
#define POWER_GPE0      (POWER_PORT + 0x20)
#define POWER_GPE0_SIZE 0x10u
#define POWER_RESET     0xcf9u
#define POWER_SCI       9u /* ISA interrupt of the SCI */
#define POWER_TIMER_HZ  3579545ull

/* The sleep type that the DSDT names for S5. */
#define POWER_S5_TYPE 5u

enum power_event {
    POWER_EVENT_OFF,   /* the guest entered S5 */
    POWER_EVENT_RESET, /* the guest asked for a reset */
};

struct power {
    uint16_t status;
    uint16_t enable;
    uint16_t control;
    uint32_t smi_enable;
    uint8_t gpe[POWER_GPE0_SIZE];
    uint8_t reset_control;
    uint8_t keyboard_output;
    bool keyboard_full;
    uint8_t keyboard_command; /* the command that waits for a data byte, or 0 */
    uint8_t keyboard_mode;    /* the controller's command byte */
    uint8_t fast_a20;
    bool sci;
    struct irq *irq;
    const struct clock *clock;
    struct rate rate;
    struct timer overflow;
    void (*event)(void *context, enum power_event event);
    void *context;
};

extern const struct bus_operations power_operations;                 /* POWER_PORT, POWER_SIZE */
extern const struct bus_operations power_reset_operations;           /* POWER_RESET, 1 */
extern const struct bus_operations power_keyboard_operations;        /* 0x60 */
extern const struct bus_operations power_keyboard_status_operations; /* 0x64 */
extern const struct bus_operations power_a20_operations;             /* 0x92 */

void power_initialize(struct power *power, struct irq *irq, const struct clock *clock,
                      struct timer_queue *queue, void (*event)(void *, enum power_event),
                      void *context);
void power_reset(struct power *power);

/* The user pressed the power button. */
void power_button(struct power *power);

#endif

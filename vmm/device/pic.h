/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The pair of 8259A interrupt controllers (Intel 8259A data sheet) with the edge/level registers of
 * the ICH9 (data sheet 13.4.4).
 */
#ifndef VMM_DEVICE_PIC_H
#define VMM_DEVICE_PIC_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/device/bus.h"

struct pic_chip {
    uint8_t lines; /* as the devices hold them */
    uint8_t irr;   /* latched requests */
    uint8_t isr;
    uint8_t imr;
    uint8_t elcr; /* 1: level triggered */
    uint8_t base; /* vector of input 0 */
    uint8_t icw;  /* next initialisation word expected (2, 3, 4), 0 when initialised */
    bool need_icw4;
    bool single;
    bool auto_eoi;
    bool rotate_auto;
    bool special_mask;
    bool fully_nested; /* special fully nested mode */
    bool read_isr;
    bool poll;
    uint8_t lowest; /* input of lowest priority */
};

struct pic {
    struct pic_chip chip[2]; /* master, slave */
    bool output;
    void (*changed)(void *context, bool output); /* INTR of the master */
    void *context;
};

extern const struct bus_operations pic_master_operations; /* ports 0x20, 0x21; device: struct pic */
extern const struct bus_operations pic_slave_operations;  /* ports 0xa0, 0xa1 */
extern const struct bus_operations pic_elcr_operations;   /* ports 0x4d0, 0x4d1 */

void pic_initialize(struct pic *pic, void (*changed)(void *, bool), void *context);
void pic_reset(struct pic *pic);

/* A device's line, irq 0 to 15. */
void pic_set(struct pic *pic, unsigned irq, bool asserted);

/* The processor's acknowledge cycle: returns the vector. */
uint8_t pic_acknowledge(struct pic *pic);

#endif

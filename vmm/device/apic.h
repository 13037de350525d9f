/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Local APICs (Intel SDM volume 3, chapter 11) in xAPIC and x2APIC mode, and the message bus that
 * joins them with the I/O APIC and with MSIs.
 */
#ifndef VMM_DEVICE_APIC_H
#define VMM_DEVICE_APIC_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/device/bus.h"
#include "vmm/device/timer.h"

#define APIC_MAX  16
#define APIC_BASE 0xfee00000ull
#define APIC_SIZE 0x1000ull

/* Frequency of the local APIC's timer before its divider: 1 GHz, so that a tick is a nanosecond. */
#define APIC_TIMER_HZ 1000000000ull

/* IA32_APIC_BASE */
#define APIC_BASE_BSP    (1u << 8)
#define APIC_BASE_X2APIC (1u << 10)
#define APIC_BASE_ENABLE (1u << 11)

enum apic_lvt {
    LVT_TIMER,
    LVT_THERMAL,
    LVT_PERFORMANCE,
    LVT_LINT0,
    LVT_LINT1,
    LVT_ERROR,
    LVT_COUNT
};

enum apic_delivery {
    DELIVERY_FIXED = 0,
    DELIVERY_LOWEST = 1,
    DELIVERY_SMI = 2,
    DELIVERY_NMI = 4,
    DELIVERY_INIT = 5,
    DELIVERY_STARTUP = 6,
    DELIVERY_EXTINT = 7,
};

/* An interrupt message. */
struct apic_message {
    uint32_t destination;
    bool logical;
    bool level;
    bool x2apic; /* 32-bit destination; else 8 bits as in xAPIC, MSI and I/O APIC messages */
    uint8_t vector;
    enum apic_delivery delivery;
};

/* 256 bits with a summary of which words are not zero. */
struct apic_bits {
    uint32_t word[8];
    uint32_t summary;
};

struct apic_bus;

struct apic {
    struct apic_bus *bus;
    uint32_t id;
    uint64_t base; /* IA32_APIC_BASE */
    uint32_t tpr;
    uint32_t ldr; /* xAPIC format: bits 31:24 */
    uint32_t dfr;
    uint32_t svr;
    uint32_t esr;
    uint32_t esr_pending;
    uint64_t icr;
    uint32_t lvt[LVT_COUNT];
    uint32_t divide;
    uint32_t initial_count;
    uint64_t count_start;  /* TSC when the count was loaded */
    uint64_t tsc_deadline; /* guest's value, 0 when disarmed */
    uint64_t tsc_offset;   /* guest TSC = clock + tsc_offset */
    struct apic_bits irr;
    struct apic_bits isr;
    struct apic_bits tmr;
    struct timer timer;

    /* KVM's paravirtual EOI: the word that the guest looks at before it writes the EOI register,
     * NULL when it wants none; offered: bit 0 is set there for the one interrupt in service. */
    uint8_t *eoi_word;
    bool eoi_offered;

    /* Taken by the vCPU thread when it next prepares an entry. */
    bool nmi_pending;
    bool init_pending;
    bool startup_pending;
    uint8_t startup_vector;
    /* Wakes the vCPU that owns this APIC. */
    void (*wake)(void *context);
    void *wake_context;
};

struct apic_bus {
    struct apic *apic[APIC_MAX];
    unsigned count;
    struct apic *current; /* the APIC of the vCPU whose access is being handled */
    unsigned next_lowest; /* rotates lowest-priority delivery */
    const struct clock *clock;
    struct rate rate;
    void (*eoi)(void *context, uint8_t vector); /* EOI of a level interrupt, to the I/O APIC */
    void *eoi_context;
};

extern const struct bus_operations apic_operations; /* device: struct apic_bus */

/* Its ID is its place on the bus. */
void apic_initialize(struct apic *apic, struct apic_bus *bus, struct timer_queue *queue,
                     void (*wake)(void *), void *wake_context);

/* State after power-up (SDM 11.4.7.1); after INIT the ID and IA32_APIC_BASE stay (11.4.7.3). */
void apic_reset(struct apic *apic, bool init);

/* Registers by offset 0x000 to 0x3f0; 32 bits each. */
uint32_t apic_read(struct apic *apic, uint32_t offset);
void apic_write(struct apic *apic, uint32_t offset, uint32_t value);

/* MSRs: IA32_APIC_BASE, 0x800 to 0x8ff, IA32_TSC_DEADLINE. false: the access raises #GP. */
bool apic_msr_read(struct apic *apic, uint32_t msr, uint64_t *value);
bool apic_msr_write(struct apic *apic, uint32_t msr, uint64_t value);

/*
 * A TSC deadline may be made ready for up to `lead` ticks ahead. apic_timer_ahead requests the
 * interrupt of one that is no further from now and returns it: the guest must not run before;
 * 0: there is none. apic_timer_wanted: when to look, `earliest` being the queue's earliest timer.
 */
uint64_t apic_timer_ahead(struct apic *apic, uint64_t now, uint64_t lead);
uint64_t apic_timer_wanted(const struct apic *apic, uint64_t earliest, uint64_t lead);

/* The guest wrote its TSC: an armed deadline moves with it. */
void apic_set_tsc_offset(struct apic *apic, uint64_t tsc_offset);

/* Delivers a message to all it is addressed to. */
void apic_deliver(struct apic_bus *bus, const struct apic_message *message);

/* A message-signalled interrupt as a device writes it (SDM 11.11). */
void apic_msi(struct apic_bus *bus, uint64_t address, uint32_t data);

/* The vector to inject now, or -1. It is accepted (moved from IRR to ISR) by apic_accept. */
int apic_pending(const struct apic *apic);
void apic_accept(struct apic *apic, uint8_t vector);
/* The guest has not taken the accepted interrupt: it is requested again. */
void apic_take_back(struct apic *apic, uint8_t vector);

/* Where the guest wants its paravirtual EOI: four bytes of its memory, or NULL. */
void apic_set_eoi_word(struct apic *apic, uint8_t *word);
/* After the guest has run: an EOI that it made by clearing the bit takes effect. */
void apic_see_eoi(struct apic *apic);
/* Before the guest runs: where a request waits for the EOI the guest must make it by an exit. */
void apic_hold_eoi(struct apic *apic);

/* Highest vector in IRR whatever the priority, or -1. */
int apic_highest_request(const struct apic *apic);

/* Does this APIC let the 8259's interrupts through (virtual wire)? */
bool apic_accepts_extint(const struct apic *apic);

/* LINT1 as NMI. */
void apic_raise_lint(struct apic *apic, enum apic_lvt lint);

/* CR8 holds bits 7:4 of the TPR. */
uint8_t apic_cr8(const struct apic *apic);
void apic_set_cr8(struct apic *apic, uint8_t cr8);

#endif

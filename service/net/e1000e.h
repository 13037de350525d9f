/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Driver for Intel's 82574 gigabit controllers (82574 datasheet 3.4), with legacy descriptors. What
 * a frame leaves to its hardware is done in software.
 */
#ifndef SERVICE_NET_E1000E_H
#define SERVICE_NET_E1000E_H

#include <net/frame.h>
#include <pci/dma.h>
#include <pci/pci.h>

#define E1000E_DESCRIPTORS 256u

/* DMA memory that the driver needs: descriptors and buffers. */
#define E1000E_DMA_SIZE 0x110000u

enum e1000e_error {
    E1000E_OK = 0,
    E1000E_ERROR_NONE = -1,   /* not a card that this driver knows */
    E1000E_ERROR_RESET = -2,  /* it does not come out of reset */
    E1000E_ERROR_MEMORY = -3, /* not enough DMA memory */
};

struct e1000e_driver {
    /* Frames given to it go out; one that was refused has to be the next one, as it may have gone
     * out in part. */
    struct net_sink output;
    uint8_t mac[NET_MAC_SIZE];
    struct registers registers;
    struct dma *dma;
    uint8_t *receive; /* descriptors ... */
    uint8_t *transmit;
    uint8_t *receive_buffer; /* ... and what they point to */
    uint8_t *transmit_buffer;
    uint16_t receive_next;
    uint16_t transmit_next;  /* the next one to fill */
    uint16_t transmit_clean; /* the oldest that the card has not given back */
    struct net_sink input;   /* takes what comes in */
    bool refused;            /* the output has refused a frame since there was room */
    bool skip;               /* the rest of a frame that is longer than one buffer */
    uint64_t dropped;
    struct net_plain plain; /* the frame that is being cut */
};

/* Starts the card; `bar` is BAR 0. */
int e1000e_start(struct e1000e_driver *driver, const struct registers *config,
                 const struct registers *bar, struct dma *dma, const struct net_sink *input);

/* The card has interrupted: hands in what arrived. true: there is room for frames again. */
bool e1000e_interrupt(struct e1000e_driver *driver);

bool e1000e_link_is_up(const struct e1000e_driver *driver);

#endif

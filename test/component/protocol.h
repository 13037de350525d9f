/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What client and server of the component tests say to each other.
 */
#ifndef TEST_COMPONENT_PROTOCOL_H
#define TEST_COMPONENT_PROTOCOL_H

enum {
    CALL_SUM = 5,    /* words: returns their sum, and the channel it came by, label 6 */
    CALL_PART = 7,   /* returns the first word of the server's part of the shared memory */
    CALL_NOTIFY = 8, /* the server notifies on both its channels */
    RING_BYTES = 100000,
};

/* The byte at a place of the stream that goes through the ring. */
static inline unsigned char ring_byte(unsigned place)
{
    return (unsigned char)(place * 7 + place / 251);
}

#endif

/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Copying as a proof sees it (C11, section 7.24.2.1), on the bytes that all of our copies are of.
 */
#ifndef PROOF_STRING_H
#define PROOF_STRING_H

/* Stands for Frama-C's own. */
#define __FC_STRING_H_

#include <stddef.h>
#include <stdint.h>

/*@ requires size == 0 || \valid(to + (0 .. size - 1));
    requires size == 0 || \valid_read(from + (0 .. size - 1));
    requires size == 0 || \separated(to + (0 .. size - 1), from + (0 .. size - 1));
    assigns to[0 .. size - 1];
    ensures \forall integer i; 0 <= i < size ==> to[i] == \old(from[i]); */
void memcpy(uint8_t *to, const uint8_t *from, size_t size);

#endif

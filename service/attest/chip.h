/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The machine's TPM, which this service alone has.
 */
#ifndef ATTEST_CHIP_H
#define ATTEST_CHIP_H

#include <stdint.h>
#include <tpm.h>

/* Set by the system description. */
extern uint64_t chip_registers;

/* Finds and starts it the first time; NULL when there is no TPM 2.0 with a bank of SHA-2. */
struct tpm *chip_find(void);

/* The bank that is quoted and sealed to: SHA-256 where it is active, which every verifier can
 * compute. */
unsigned chip_bank(void);

#endif

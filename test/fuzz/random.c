/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Runs a fuzz target on random inputs, the same ones each time, where there is no libFuzzer: with
 * any compiler and in a time that is known. The argument is how many.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define LONGEST 2048u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int count, char **arguments)
{
    static uint8_t input[LONGEST];
    uint64_t random = 1;
    unsigned long runs = count > 1 ? strtoul(arguments[1], NULL, 10) : 1000;
    for (unsigned long run = 0; run < runs; run++) {
        size_t size = 1 + run * 37 % LONGEST;
        /* Every other input is mostly small numbers, of which more make sense. */
        uint8_t mask = (uint8_t)((run & 1) != 0 ? 0xffu : 1u << (run / 2 % 8));
        for (size_t i = 0; i < size; i++) {
            random = random * 6364136223846793005ull + 1442695040888963407ull;
            uint8_t byte = (uint8_t)(random >> 56);
            input[i] = (random >> 40 & 3) == 0 ? byte : byte & mask;
        }
        LLVMFuzzerTestOneInput(input, size);
    }
    printf("1..1\nok 1 - %lu random inputs\n", runs);
    return 0;
}

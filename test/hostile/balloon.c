/* SPDX-License-Identifier: BSD-2-Clause */
#include "balloon.h"

#include <sel4/sel4.h>
#include <stdbool.h>

enum { BLOCKS = 8, MOST = 4, CALLS = 2000 };

struct state {
    bool away[BLOCKS];
    unsigned count;
};

static volatile uint64_t *words_of(const struct vmm_startup *startup, uint64_t block)
{
    return (volatile uint64_t *)(startup->ram[0].address + block * VMM_BALLOON_BLOCK);
}

/* A block that has just been given is empty. */
static bool is_zero(const volatile uint64_t *word)
{
    for (uint64_t i = 0; i < VMM_BALLOON_BLOCK / 8; i++) {
        if (word[i] != 0) {
            return false;
        }
    }
    return true;
}

static bool should_be_done(const struct state *s, seL4_Word what, uint64_t block)
{
    if (block >= BLOCKS) {
        return false;
    }
    return (what == VMM_BALLOON_GIVE && !s->away[block] && s->count < MOST) ||
           (what == VMM_BALLOON_TAKE && s->away[block]);
}

static bool is_done(const struct vmm_startup *startup, seL4_Word what, uint64_t block)
{
    seL4_SetMR(0, block);
    seL4_MessageInfo_t answer =
        seL4_Call(startup->balloon_endpoint, seL4_MessageInfo_new(what, 0, 0, 1));
    return seL4_MessageInfo_get_label(answer) == seL4_NoError;
}

struct balloon_answers balloon_attack(const struct vmm_startup *startup, uint64_t (*random)(void))
{
    struct state s = {0};
    struct balloon_answers answers = {0};

    for (unsigned i = 0; i < CALLS; i++) {
        uint64_t r = random();
        uint64_t block = r & 0x70 ? (r >> 8) % (BLOCKS + 1) : random();
        seL4_Word what = r & 14 ? VMM_BALLOON_GIVE + (r & 1) : random() & 0xfffff;
        bool should = should_be_done(&s, what, block);

        if (is_done(startup, what, block) != should) {
            answers.beyond++;
        } else if (should) {
            answers.done++;
            s.away[block] = what == VMM_BALLOON_GIVE;
            s.count += s.away[block] ? 1u : -1u;
            answers.beyond += !s.away[block] && !is_zero(words_of(startup, block));
        }
        /* Something stands there, whether it is the machine's or not. */
        for (uint64_t b = 0; b < BLOCKS; b++) {
            words_of(startup, b)[r % (VMM_BALLOON_BLOCK / 8)] = r | 1;
        }
    }
    return answers;
}

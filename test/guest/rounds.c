/* SPDX-License-Identifier: BSD-2-Clause
 *
 * rounds DEVICE MIB: writes the first MIB MiB of DEVICE again and again, past the page cache. Each
 * sector says which one it is and in which round it was written. Before the first round all are
 * read: whenever the last writer ended, what it had written lies in order, with one piece at most
 * that was on its way. After each round it says how many are whole and how many were before, or
 * what is wrong.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SECTOR = 512, WORDS = SECTOR / 8, PIECE = 64 * 1024, IN_PIECE = PIECE / SECTOR };
enum { PIECES_PER_MIB = (1 << 20) / PIECE, READ_BACK = 4, PAUSE_US = 10000 };

static int device;
static uint64_t pieces;
static uint64_t (*piece)[WORDS];

/* A disk that nobody has written to is one of round 0. */
static void fill(uint64_t sector, uint64_t round, uint64_t words[WORDS])
{
    uint64_t state = sector * 0x9e3779b97f4a7c15ull + round * 0xbf58476d1ce4e5b9ull + 1;
    for (unsigned i = 2; i < WORDS; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        words[i] = round == 0 ? 0 : state;
    }
    words[0] = round == 0 ? 0 : sector;
    words[1] = round;
}

static int fail(const char *what, uint64_t sector)
{
    printf("rounds: WRONG: %s, sector %lu\n", what, (unsigned long)sector);
    fflush(stdout);
    return 1;
}

/* Reads a piece; the rounds of its oldest and newest sector. */
static int look(uint64_t number, uint64_t *oldest, uint64_t *newest)
{
    uint64_t right[WORDS];
    if (pread(device, piece, PIECE, (off_t)(number * PIECE)) != PIECE)
        return fail("it cannot be read", number * IN_PIECE);
    *oldest = UINT64_MAX;
    *newest = 0;
    for (uint64_t i = 0; i < IN_PIECE; i++) {
        uint64_t round = piece[i][1];
        fill(number * IN_PIECE + i, round, right);
        for (unsigned word = 0; word < WORDS; word++) {
            if (piece[i][word] != right[word])
                return fail("it holds what nobody wrote", number * IN_PIECE + i);
        }
        *oldest = round < *oldest ? round : *oldest;
        *newest = round > *newest ? round : *newest;
    }
    return 0;
}

/* Where the last writer ended: it was in this round, and all before this piece is of it. */
static int find_end(uint64_t *round, uint64_t *end)
{
    uint64_t oldest, newest;
    if (look(0, &oldest, &newest) != 0)
        return 1;
    *round = newest;
    *end = pieces;
    for (uint64_t i = 0; i < pieces; i++) {
        if (i != 0 && look(i, &oldest, &newest) != 0)
            return 1;
        int behind = *end != pieces;
        if (newest > *round || oldest + 1 < *round || (behind && newest == *round))
            return fail("an earlier write is not there", i * IN_PIECE);
        if (!behind && oldest != *round)
            *end = i;
    }
    return 0;
}

static int write_piece(uint64_t number, uint64_t round)
{
    for (uint64_t i = 0; i < IN_PIECE; i++)
        fill(number * IN_PIECE + i, round, piece[i]);
    if (pwrite(device, piece, PIECE, (off_t)(number * PIECE)) != PIECE)
        return fail("it cannot be written", number * IN_PIECE);
    return 0;
}

/* Some of the pieces up to this one, which are all of the round. */
static int read_back(uint64_t number, uint64_t round)
{
    uint64_t oldest, newest;
    for (uint64_t i = 0; i < READ_BACK; i++) {
        uint64_t chosen = (number * 31 + i * 17 + round) % (number + 1);
        if (look(chosen, &oldest, &newest) != 0)
            return 1;
        if (oldest != round || newest != round)
            return fail("it is not what was written last", chosen * IN_PIECE);
    }
    return 0;
}

int main(int argc, char **argv)
{
    uint64_t round, next;
    device = argc != 3 ? -1 : open(argv[1], O_RDWR | O_DIRECT);
    pieces = argc != 3 ? 0 : strtoul(argv[2], NULL, 10) * PIECES_PER_MIB;
    piece = aligned_alloc(4096, PIECE);
    if (device < 0 || pieces == 0 || piece == NULL) {
        perror("rounds");
        return 2;
    }
    if (find_end(&round, &next) != 0)
        return 1;
    uint64_t before = next == pieces ? round : round - 1;
    for (;; next = 0) {
        if (next == pieces) {
            round++;
            next = 0;
        }
        for (; next < pieces; next++) {
            if (write_piece(next, round) != 0)
                return 1;
            if (next % PIECES_PER_MIB != PIECES_PER_MIB - 1)
                continue;
            if (fdatasync(device) != 0)
                return fail("it cannot be flushed", next * IN_PIECE);
            if (read_back(next, round) != 0)
                return 1;
            usleep(PAUSE_US); /* idle now and then */
        }
        printf("rounds: %lu whole, %lu before\n", (unsigned long)round, (unsigned long)before);
        fflush(stdout);
        round++;
    }
}

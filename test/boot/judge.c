/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the loader would say to some files, by the loader's own objects; and then init to the files
 * in the root image that the loader leaves to it.
 *
 *   boot-judge [--epoch N] [--version N] ROOTS NAME=PATH...
 *       prints "good" or "REFUSED: " and the loader's line, or "REFUSED: IMAGE: FILE: " and init's
 *   boot-judge --flips N --seed S ROOTS NAME=PATH...
 *       flips one bit N times, in all files in turn but far more often in the small ones, and
 *       demands a refusal that names the file each time, and the file in the root image
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"
#include "rootfiles.h"
#include "sign.h"

#define FILES_MAX 8

struct file {
    const char *name;
    uint8_t *data; /* in the machine's memory */
    size_t size;
};

static struct machine machine;
static struct manifest_keys roots;
static struct verify_floor lowest;
static struct file files[FILES_MAX];
static unsigned file_count;

/* The archive of an image that is verified in part begins where the segment does that goes on
 * behind that part. 0, and *place, *archive; or -1 when there is none. */
static int find_archive(const struct verify_file *root, size_t *place, struct rootfiles *archive)
{
    struct elf elf;

    if (root->covered == root->contents.size ||
        elf_parse(&elf, root->contents, ELF_TYPE_LOAD) != ELF_OK)
        return -1;
    for (unsigned i = 0; i < elf.count; i++) {
        const struct elf_segment *segment = &elf.segments[i];

        *place = segment->offset;
        if (segment->offset + segment->file_size > root->covered)
            return rootfiles_parse(archive, root->contents.data + *place,
                                   root->contents.size - *place);
    }
    return -1;
}

/* What init says to the files that the loader has not verified. */
static int ask_init(const struct verify_file *root, char *line, size_t size)
{
    struct rootfiles archive;
    size_t place;

    if (root->covered == root->contents.size)
        return 0;
    if (find_archive(root, &place, &archive) || archive.covered + place != root->covered ||
        archive.size + place != root->contents.size) {
        snprintf(line, size, "%s: the archive is not what the manifest says", root->name);
        return 1;
    }
    for (uint64_t i = 0; i < archive.count; i++) {
        struct rootfiles_entry entry;

        rootfiles_entry(&archive, i, &entry);
        if (rootfiles_check(&archive, &entry) != ROOTFILES_OK) {
            snprintf(line, size, "%s: %s: the file has other contents than were signed", root->name,
                     entry.name);
            return 1;
        }
    }
    return 0;
}

static struct decision decision;

static int ask(char *line, size_t size)
{
    struct loader_failure failure;
    int error = machine_decide(&machine, &roots, &lowest, &decision, &failure);

    if (error) {
        failure_line(&failure, line, size);
        return error;
    }
    snprintf(line, size, "good");
    return ask_init(&decision.files[decision.result.root], line, size);
}

/* What the refusal of a file with that byte flipped must begin with. root: as it was found good. */
static void expected_line(const struct file *file, uint64_t at, const struct verify_file *root,
                          char *line, size_t size)
{
    struct rootfiles archive;
    size_t place;

    snprintf(line, size, "%s: ", file->name);
    if (strcmp(root->name, file->name) != 0 || at < root->covered ||
        find_archive(root, &place, &archive))
        return;
    for (uint64_t i = 0; i < archive.count; i++) {
        struct rootfiles_entry entry;
        uint64_t pages;

        rootfiles_entry(&archive, i, &entry);
        pages = (entry.size + ROOTFILES_PAGE - 1) / ROOTFILES_PAGE * ROOTFILES_PAGE;
        if (entry.offset <= at - place && at - place < entry.offset + pages)
            snprintf(line, size, "%s: %s: ", file->name, entry.name);
    }
}

/* Numbers that repeat: xorshift64. */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* The number of the file to flip in: a large one takes long to hash, so it gets fewer. */
static unsigned choose_file(uint64_t number)
{
    for (;;) {
        struct file *file = &files[number % file_count];
        if (file->size != 0 && (file->size < 4 << 20 || number / file_count % 4 == 0))
            return (unsigned)(number % file_count);
        number = number / 7 + 1;
    }
}

static int flip_bits(unsigned count, uint64_t seed)
{
    uint64_t state = seed * 2 + 1;
    struct verify_file root = decision.files[decision.result.root];
    unsigned flips[FILES_MAX] = {0};
    unsigned wrong = 0;

    for (unsigned i = 0; i < count; i++) {
        unsigned chosen = choose_file(next_random(&state) >> 8);
        struct file *file = &files[chosen];
        uint64_t bit = (next_random(&state) >> 8) % ((uint64_t)file->size * 8);
        char line[512];
        char expected[256];
        int error;

        expected_line(file, bit / 8, &root, expected, sizeof expected);
        file->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        error = ask(line, sizeof line);
        file->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        flips[chosen]++;
        if (!error || strncmp(line, expected, strlen(expected)) != 0) {
            printf("bit %" PRIu64 " of %s flipped: %s\n", bit, file->name, line);
            wrong++;
        }
    }
    for (unsigned i = 0; i < file_count; i++)
        printf("%u in %s, ", flips[i], files[i].name);
    printf("%u flips, %u not refused as they must be\n", count, wrong);
    return wrong == 0 ? 0 : 1;
}

static void add_file(char *argument)
{
    char *path = strchr(argument, '=');
    struct pq_bytes contents;

    if (!path || file_count == FILES_MAX)
        die("%s is not NAME=PATH, or one too many", argument);
    *path = 0;
    contents = file_read(path + 1);
    files[file_count++] = (struct file){
        argument, machine_add(&machine, argument, contents.data, contents.size), contents.size};
    free((void *)(uintptr_t)contents.data);
}

int main(int count, char **arguments)
{
    uint64_t flips = 0;
    uint64_t seed = 1;
    char line[512];
    int at = 1;

    for (; at + 1 < count && strncmp(arguments[at], "--", 2) == 0; at += 2) {
        uint64_t value = strtoull(arguments[at + 1], NULL, 10);

        if (strcmp(arguments[at], "--epoch") == 0)
            lowest.epoch = (uint32_t)value;
        else if (strcmp(arguments[at], "--version") == 0)
            lowest.version = value;
        else if (strcmp(arguments[at], "--flips") == 0)
            flips = value;
        else if (strcmp(arguments[at], "--seed") == 0)
            seed = value;
        else
            die("%s is no option", arguments[at]);
    }
    if (at >= count)
        die("which root keys?");
    read_keys(&roots, file_read(arguments[at]), arguments[at]);
    machine_reset(&machine);
    for (at++; at < count; at++)
        add_file(arguments[at]);

    if (flips == 0) {
        int error = ask(line, sizeof line);
        printf("%s%s\n", error ? "REFUSED: " : "", line);
        return error ? 1 : 0;
    }
    if (ask(line, sizeof line))
        die("the files are refused as they are: %s", line);
    return flip_bits((unsigned)flips, seed);
}

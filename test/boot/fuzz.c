/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The loader's parsers on any bytes. The first byte chooses: GRUB's information, a kernel and its
 * place, a manifest, a TPM's answers, a root image's archive, or three files. Besides what the
 * sanitizers see: nothing that nobody signed is accepted, and a plan keeps what it promises.
 */
#include <stdlib.h>
#include <string.h>

#include "machine.h"
#include "measure.h"
#include "rollback.h"
#include "rootfiles.h"
#include "tpm_quote.h"

#define ROOM 0x10000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct info info;

static void demand(int good)
{
    if (!good)
        abort();
}

/* In memory of exactly its size, so that the sanitizer sees what is read behind it. */
static uint8_t *exactly(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);

    demand(copy != NULL);
    if (size)
        memcpy(copy, data, size);
    return copy;
}

static void fuzz_info(const uint8_t *data, size_t size)
{
    static const struct info_place place = {0x100000, 0x200000, "root.elf"};
    static uint8_t out[ROOM];
    struct loader_failure failure;
    struct pq_bytes bytes;
    char text[16];
    char line[512];

    if (size < 16)
        return;
    bytes = (struct pq_bytes){data, size};
    if (info_parse(&info, bytes, &failure)) {
        demand(failure_line(&failure, line, sizeof line) < sizeof line);
        return;
    }
    info_option(&info, "entry", text, sizeof text);
    demand(strlen(text) < sizeof text);
    demand(info_write(out, sizeof out, bytes, &place, 1) <= sizeof out);
    info_is_ram(&info, 0x100000, 0x200000);
}

static int overlap(uint64_t a, uint64_t a_end, uint64_t b, uint64_t b_end)
{
    return a < b_end && b < a_end;
}

static void check_plan(const struct place_file *files, unsigned count, const struct elf *kernel)
{
    struct place_range loader = MACHINE_LOADER;

    for (unsigned i = 0; i < count; i++) {
        uint64_t end = files[i].to + (files[i].from.end - files[i].from.start);

        for (unsigned j = 0; j < kernel->count; j++) {
            const struct elf_segment *segment = &kernel->segments[j];
            demand(
                !overlap(files[i].to, end, segment->address, segment->address + segment->memory));
        }
        demand(!overlap(files[i].to, end, loader.start, loader.end));
        for (unsigned j = 0; j < count; j++) {
            if (files[i].to != files[i].from.start)
                demand(!overlap(files[i].to, end, files[j].from.start, files[j].from.end));
        }
    }
}

static void fuzz_kernel(const uint8_t *data, size_t size)
{
    static struct elf kernel;
    struct place_file files[2] = {{{0x110000, 0x180000}, 0}, {{0x2000000, 0x2100000}, 0}};
    unsigned culprit;

    if (elf_parse(&kernel, (struct pq_bytes){data, size}, ELF_TYPE_LOAD))
        return;
    for (unsigned i = 0; i < kernel.count; i++)
        demand(kernel.segments[i].offset + kernel.segments[i].file_size <= size &&
               kernel.segments[i].file_size <= kernel.segments[i].memory);
    memset(&info, 0, sizeof info);
    info.range_count = 2;
    info.ranges[0] = (struct info_range){0x100000, 0x8000000, 1};
    info.ranges[1] = (struct info_range){0x7000000, 0x7100000, 0};
    if (place_plan(files, 2, &kernel, &info, MACHINE_LOADER, &culprit) == LOADER_OK)
        check_plan(files, 2, &kernel);
}

static void fuzz_manifest(const uint8_t *data, size_t size)
{
    struct manifest manifest;
    struct manifest_file file;

    if (manifest_parse(&manifest, (struct pq_bytes){data, size}, NULL))
        return;
    for (uint32_t i = 0; i < manifest.file_count; i++)
        manifest_entry(&manifest, i, &file);
    manifest_find(&manifest, "kernel.elf", &file);
}

static void fuzz_files(const uint8_t *data, size_t size)
{
    static struct machine machine;
    static struct decision decision;
    static const uint8_t key[2592] = {1};
    const struct manifest_keys roots = {{{key, 2592}, {key, 64}}};
    const struct verify_floor floor = {0, 0};
    struct loader_failure failure;

    machine_reset(&machine);
    machine_add(&machine, "manifest", data, size);
    machine_add(&machine, "kernel.elf", data, size / 2);
    machine_add(&machine, "root.elf", data, size / 3);
    demand(machine_decide(&machine, &roots, &floor, &decision, &failure) == LOADER_ERROR_MANIFEST);
}

static void fuzz_rootfiles(const uint8_t *data, size_t size)
{
    struct rootfiles files;
    struct rootfiles_entry entry;

    if (rootfiles_parse(&files, data, size))
        return;
    for (uint64_t i = 0; i < files.count; i++) {
        rootfiles_entry(&files, i, &entry);
        demand(entry.offset + entry.size <= size && strlen(entry.name) < sizeof entry.name);
        rootfiles_check(&files, &entry);
    }
}

/* A TPM that answers with the input's bytes, 40 at a time. */
static struct pq_bytes answers;

static int fuzz_exchange(uint8_t buffer[TPM_BUFFER_SIZE], size_t size)
{
    size_t part = answers.size < 40 ? answers.size : 40;

    demand(size <= TPM_BUFFER_SIZE);
    memcpy(buffer, answers.data, part);
    answers.data += part;
    answers.size -= part;
    return (int)part;
}

static void fuzz_tpm(const uint8_t *data, size_t size)
{
    static struct measure measure;
    struct tpm tpm = {.exchange = fuzz_exchange};
    struct verify_floor floor;
    uint8_t value[TPM_DIGEST_MAX] = {0};
    struct tpm_key key = {0};
    struct tpm_quote quote;
    int defined;

    answers = (struct pq_bytes){data, size};
    tpm_start(&tpm);
    demand(tpm.bank_count <= TPM_BANKS_MAX);
    rollback_read(&tpm, &floor, &defined);
    tpm_read_pcr(&tpm, 0, 11, value);
    tpm_make_key(&tpm, &key);
    if (tpm_quote(&tpm, &key, 0, 0xffffff, value, &quote) == TPM_OK)
        demand(quote.size <= sizeof quote.bytes);
    tpm_random(&tpm, value, 32);
    measure_begin(&measure, &tpm);
    measure_text(&measure, 11, "text");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy;

    if (size == 0)
        return 0;
    copy = exactly(data + 1, size - 1);
    switch (data[0] % 6) {
    case 0:
        fuzz_info(copy, size - 1);
        break;
    case 1:
        fuzz_kernel(copy, size - 1);
        break;
    case 2:
        fuzz_manifest(copy, size - 1);
        break;
    case 3:
        fuzz_tpm(copy, size - 1);
        break;
    case 4:
        fuzz_rootfiles(copy, size - 1);
        break;
    default:
        fuzz_files(copy, size - 1);
        break;
    }
    free(copy);
    return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The loader: verifies what GRUB loaded, puts it in place and starts the kernel as GRUB would. On
 * any failure it says so, on the screen and the serial port, and halts: there is no other way on.
 */
#include <string.h>
#include <rt/format.h>

#include "console.h"
#include "decide.h"
#include "measure.h"
#include "parameters.h"
#include "port.h"
#include "rollback.h"

/* entry.S and loader.lds */
extern uint8_t loader_start[];
extern uint8_t loader_end[];
extern uint8_t loader_exception_stubs[];
extern uint32_t loader_mapped_gib;
_Noreturn void loader_leave(uint32_t entry, uint32_t info);
_Noreturn void loader_main(uint32_t magic, uint32_t address);
_Noreturn void loader_exception(uint32_t vector);

/* The public root keys, each as in a file of public keys (doc/formats.md): written in when an image
 * is made. */
#define ROOT_KEY_0_SIZE 2592
#define ROOT_KEY_1_SIZE 64
struct root_keys {
    uint8_t header_0[MANIFEST_ITEM_HEADER_SIZE];
    uint8_t key_0[ROOT_KEY_0_SIZE];
    uint8_t header_1[MANIFEST_ITEM_HEADER_SIZE];
    uint8_t key_1[ROOT_KEY_1_SIZE];
};
/* Not constant, lest the compiler take zeros for its value. */
extern struct root_keys loader_roots;
__attribute__((section(".data"))) struct root_keys loader_roots;

#define KERNEL_INFO_ROOM 0x20000

static struct info info;
static struct decision decision;
static struct tpm tpm; /* exchange is NULL when there is none */
static struct verify_floor lowest;
static int lowest_is_kept; /* in the TPM */
static struct measure measure;

/* Time stamps: entry, then the verifier's reports, the first of which begins the work. */
static uint64_t entered;
static uint64_t stamps[2 + INFO_MODULES_MAX];
static unsigned stamp_count;
static _Alignas(8) uint8_t kernel_info[KERNEL_INFO_ROOM];

static void say(const char *text)
{
    console_print("loader: ");
    console_print(text);
    console_print("\n");
}

static void progress(const char *text)
{
    if (stamp_count < sizeof stamps / sizeof stamps[0])
        stamps[stamp_count++] = cpu_timestamp();
    say(text);
}

/* Where the time went, in ticks of the time stamp counter, which begins at power-on. */
static void show_ticks(void)
{
    uint64_t now = cpu_timestamp();
    char text[160];

    format_text(text, sizeof text, "ticks: %lu before, %lu here: signatures %lu, files %lu",
                (unsigned long)entered, (unsigned long)(now - entered),
                (unsigned long)(stamps[1] - stamps[0]),
                (unsigned long)(stamps[stamp_count - 1] - stamps[1]));
    say(text);
}

static _Noreturn void refuse(const struct loader_failure *failure)
{
    static char text[1024];
    char line[256];

    failure_line(failure, line, sizeof line);
    format_text(
        text, sizeof text,
        "Quoin does not start.\n\n%s\n\n%s\n\nNothing was started. The machine is halted.\n", line,
        failure_remedy(failure));
    screen_show(&info.framebuffer, (uint64_t)loader_mapped_gib << 30, text);
    console_print("\nloader: REFUSED: ");
    console_print(line);
    console_print("\n\n");
    console_print(text);
    for (;;)
        cpu_halt();
}

_Noreturn void loader_exception(uint32_t vector)
{
    struct loader_failure failure;
    char name[32];

    format_text(name, sizeof name, "exception %u", vector);
    failure_set(&failure, LOADER_ERROR_EXCEPTION, name);
    refuse(&failure);
}

/* Interrupt gates to entry.S's stubs (SDM volume 3, section 6.14.1). */
static void catch_exceptions(void)
{
    static _Alignas(16) uint8_t gates[32][16];
    static uint8_t table[10];
    uint16_t limit = sizeof gates - 1;
    uint64_t base = (uint64_t)(uintptr_t)gates;

    for (unsigned i = 0; i < 32; i++) {
        uint64_t stub = (uint64_t)(uintptr_t)loader_exception_stubs + 16ull * i;
        const uint16_t low[4] = {(uint16_t)stub, 0x08, 0x8e00, (uint16_t)(stub >> 16)};
        const uint32_t high[2] = {(uint32_t)(stub >> 32), 0};

        memcpy(gates[i], low, sizeof low);
        memcpy(gates[i] + 8, high, sizeof high);
    }
    memcpy(table, &limit, 2);
    memcpy(table + 2, &base, 8);
    cpu_load_idt(table);
}

static const uint8_t *at_address(uint64_t address)
{
    return (const uint8_t *)(uintptr_t)address;
}

/* GRUB's information, checked. */
static struct pq_bytes read_info(uint32_t magic, uint32_t address, struct loader_failure *failure)
{
    uint32_t size;
    struct pq_bytes data;

    if (magic != INFO_LOADER_MAGIC || address == 0 || address % 8 != 0) {
        failure_set(failure, LOADER_ERROR_MAGIC, NULL);
        refuse(failure);
    }
    size = info_size(at_address(address));
    if (size == 0 || size > UINT32_MAX - address) {
        failure_set(failure, LOADER_ERROR_INFO, NULL);
        refuse(failure);
    }
    data = (struct pq_bytes){at_address(address), size};
    if (info_parse(&info, data, failure))
        refuse(failure);
    return data;
}

static struct place_range own_range(void)
{
    return (struct place_range){(uint64_t)(uintptr_t)loader_start, (uint64_t)(uintptr_t)loader_end};
}

static _Noreturn void refuse_tpm(const char *what)
{
    struct loader_failure failure;

    failure_set(&failure, LOADER_ERROR_TPM, what);
    refuse(&failure);
}

/* The time of an access to this port. */
void tpm_pause(void)
{
    port_read8(0x80);
}

/* A TPM that is there and does not do what it must is a reason to stop: else whoever disturbs it
 * could have an old version run. */
static void start_tpm(void)
{
    char text[96];
    int error = tpm_find(&tpm, TPM_REGISTERS); /* memory is mapped one to one */

    if (!error) {
        error = tpm_start(&tpm);
        if (error && error != TPM_ERROR_NONE)
            refuse_tpm("TPM, start");
    }
    if (error) {
        tpm.exchange = NULL;
        say("no TPM 2.0: nothing is measured, no version is remembered");
        return;
    }
    if (rollback_read(&tpm, &lowest, &lowest_is_kept))
        refuse_tpm("TPM, version");
    if (lowest_is_kept)
        format_text(text, sizeof text, "TPM 2.0 (%s), no version below %lu, no epoch below %u",
                    tpm.interface, (unsigned long)lowest.version, lowest.epoch);
    else
        format_text(text, sizeof text, "TPM 2.0 (%s), no version is remembered", tpm.interface);
    say(text);
}

static void show_pcr(uint32_t pcr)
{
    uint8_t value[TPM_DIGEST_MAX];
    char text[2 * TPM_DIGEST_MAX + 32];

    for (unsigned bank = 0; bank < tpm.bank_count; bank++) {
        size_t used;

        if (tpm_read_pcr(&tpm, bank, pcr, value))
            refuse_tpm("TPM, PCR");
        used = format_text(text, sizeof text, "PCR %u sha%u ", pcr, 8u * tpm.banks[bank].size);
        for (unsigned i = 0; i < tpm.banks[bank].size; i++)
            used += format_text(text + used, sizeof text - used, "%02x", value[i]);
        say(text);
    }
}

/* What was verified goes into the PCRs and the log, and becomes the lowest version. */
static void record(void)
{
    char entry[PARAMETERS_TEXT_SIZE];

    if (!tpm.exchange)
        return;
    info_option(&info, "entry", entry, sizeof entry);
    measure_begin(&measure, &tpm);
    if (measure_boot(&measure, decision.files, info.module_count, &decision.result,
                     (struct pq_bytes){(const uint8_t *)&loader_roots, sizeof loader_roots}, entry))
        refuse_tpm("TPM, measurement");
    for (uint32_t pcr = MEASURE_PCR_MANIFEST; pcr <= MEASURE_PCR_CHOICE; pcr++)
        show_pcr(pcr);
    if (lowest_is_kept && rollback_raise(&tpm, &lowest, &decision.result))
        refuse_tpm("TPM, version");
}

/* Changes nothing; does not return when the answer is no. */
static void judge(struct loader_failure *failure)
{
    const struct manifest_keys roots = {
        {{loader_roots.key_0, ROOT_KEY_0_SIZE}, {loader_roots.key_1, ROOT_KEY_1_SIZE}}};
    uint8_t digest[32];
    char text[80];

    pq_hash(PQ_SHA2_256, (struct pq_bytes){(const uint8_t *)&loader_roots, sizeof loader_roots},
            digest, sizeof digest);
    format_text(text, sizeof text, "root keys %02x%02x%02x%02x%02x%02x%02x%02x", digest[0],
                digest[1], digest[2], digest[3], digest[4], digest[5], digest[6], digest[7]);
    say(text);
    /* Memory is mapped one to one. */
    if (decide(&decision, &info, at_address(0), own_range(), &roots, &lowest, progress, failure))
        refuse(failure);
}

/* Moves the files that lie where the kernel goes. */
static void move_files(void)
{
    for (unsigned i = 0; i < info.module_count; i++) {
        const struct place_file *place = &decision.places[i];
        struct pq_bytes *contents = &decision.files[i].contents;

        if (place->to != place->from.start)
            memcpy((uint8_t *)(uintptr_t)place->to, contents->data, contents->size);
        contents->data = at_address(place->to);
    }
}

static void write_parameters(void)
{
    const struct verify_result *result = &decision.result;
    const struct verify_file *root_file = &decision.files[result->root];
    struct parameters parameters = {
        .flags = PARAMETERS_VERIFIED | (tpm.exchange ? PARAMETERS_MEASURED : 0),
        .epoch = result->epoch,
        .version = result->version,
        .log = {measure.log, measure.size},
        .manifest_digest = decision.files[result->manifest].digest,
    };
    struct pq_bytes covered = {root_file->contents.data, root_file->covered};
    struct elf root;
    const struct elf_segment *room = &root.segments[0];

    if (elf_parse(&root, covered, ELF_TYPE_PARAMETERS))
        return;
    info_option(&info, "entry", parameters.entry, sizeof parameters.entry);
    info_option(&info, "medium", parameters.medium, sizeof parameters.medium);
    /* The root image is in memory of its own, and it is the loader's now. */
    parameters_write((uint8_t *)(uintptr_t)root_file->contents.data + room->offset,
                     (size_t)room->file_size, &parameters);
}

/* The root image as module 0, then every other file in GRUB's order. */
static void write_info(struct pq_bytes data, struct loader_failure *failure)
{
    const struct verify_result *result = &decision.result;
    struct info_place modules[INFO_MODULES_MAX];
    unsigned count = 1;

    for (unsigned i = 0; i < info.module_count; i++) {
        const struct verify_file *file = &decision.files[i];
        uint64_t start = decision.places[i].to;
        struct info_place place = {start, start + file->contents.size, file->name};

        if (i == result->root)
            modules[0] = place;
        else if (i != result->kernel && i != result->manifest)
            modules[count++] = place;
    }
    if (info_write(kernel_info, sizeof kernel_info, data, modules, count) == 0) {
        failure_set(failure, LOADER_ERROR_INFO, NULL);
        refuse(failure);
    }
}

static void place_kernel(const struct elf *kernel, struct pq_bytes file)
{
    for (unsigned i = 0; i < kernel->count; i++) {
        const struct elf_segment *segment = &kernel->segments[i];
        uint8_t *to = (uint8_t *)(uintptr_t)segment->address;

        memcpy(to, file.data + segment->offset, segment->file_size);
        memset(to + segment->file_size, 0, segment->memory - segment->file_size);
    }
}

_Noreturn void loader_main(uint32_t magic, uint32_t address)
{
    static _Alignas(8) uint8_t kept_info[INFO_SIZE_MAX];
    struct loader_failure failure;
    struct pq_bytes data;

    entered = cpu_timestamp();
    console_init();
    console_print("\n");
    say("Quoin's loader");
    catch_exceptions();
    data = read_info(magic, address, &failure);
    start_tpm();
    judge(&failure);
    record();

    /* The information may lie where the kernel or a file goes. */
    memcpy(kept_info, data.data, data.size);
    data.data = kept_info;
    move_files();
    write_parameters();
    write_info(data, &failure);
    place_kernel(&decision.kernel, decision.files[decision.result.kernel].contents);
    show_ticks();
    say("starting the kernel");
    loader_leave((uint32_t)decision.kernel.entry, (uint32_t)(uintptr_t)kernel_info);
}

/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The configuration of a virtual machine: any text. What is taken keeps the promises of vmconfig.h,
 * and what is refused says why.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <vmconfig.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LARGE_PAGE 0x200000ull

static void require(bool condition)
{
    if (!condition)
        abort();
}

static bool ends(const char *text, size_t size)
{
    return memchr(text, 0, size) != NULL;
}

static void check(const struct vmconfig *config)
{
    require(ends(config->name, sizeof(config->name)) && config->name[0] != 0);
    require(ends(config->kernel, sizeof(config->kernel)));
    require(ends(config->initrd, sizeof(config->initrd)));
    require(ends(config->firmware, sizeof(config->firmware)));
    require(ends(config->command_line, sizeof(config->command_line)));
    require(config->kernel[0] != 0 || config->firmware[0] != 0);
    require(config->memory >= 16ull << 20 && config->memory <= 1ull << 40);
    require(config->memory % LARGE_PAGE == 0);
    require(config->vcpus >= 1 && config->vcpus <= VMCONFIG_MAX_VCPUS);
    require(config->cpu_percent >= 1 && config->cpu_percent <= 100);
    require(config->order <= 99);
    require(ends(config->secret, sizeof(config->secret)));
    require(config->disk_count <= VMCONFIG_MAX_DISKS);
    for (unsigned i = 0; i < config->disk_count; i++) {
        require(ends(config->disk[i].file, sizeof(config->disk[i].file)));
        require(config->disk[i].writable % LARGE_PAGE == 0);
        require(config->disk[i].file[0] != 0 || config->disk[i].writable != 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* The text ends where the memory ends: a read behind it is seen. */
    char *text = malloc(size == 0 ? 1 : size);
    require(text != NULL);
    unsigned lines = 1;
    for (size_t i = 0; i < size; i++) {
        text[i] = (char)data[i];
        lines += data[i] == '\n';
    }
    struct vmconfig config;
    struct vmconfig_error error;
    memset(&config, 0xa5, sizeof(config));
    memset(&error, 0xa5, sizeof(error));
    int result = vmconfig_parse(text, size, &config, &error);
    if (result == 0) {
        check(&config);
    } else {
        require(result == -1);
        require(error.line <= lines);
        require(ends(error.message, sizeof(error.message)) && error.message[0] != 0);
    }
    free(text);
    return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "settings.h"

#include <string.h>
#include <rt/log.h>
#include <vmconfig.h>

/* Looks a file up that the configuration names; "" is no file. */
static int find(const struct archive_file *config, const char *name, struct archive_file *file)
{
    *file = (struct archive_file){0};
    if (name[0] != 0 && archive_find(name, file) != 0) {
        log_error("%s: there is no file %s in the root image", config->name, name);
        return -1;
    }
    return 0;
}

int settings_read(const struct archive_file *file, struct vm_settings *settings)
{
    static struct vmconfig config;
    struct vmconfig_error error;

    *settings = (struct vm_settings){0};
    if (vmconfig_parse((const char *)file->data, file->size, &config, &error) != 0) {
        log_error("%s:%u: %s", file->name, error.line, error.message);
        return -1;
    }
    if (find(file, config.kernel, &settings->kernel) != 0 ||
        find(file, config.initrd, &settings->initrd) != 0 ||
        find(file, config.firmware, &settings->firmware) != 0) {
        return -1;
    }
    if (vmconfig_machine_disks(&config) != 0) {
        settings->connections |= CONNECTION_DISKS;
    }
    if (config.rng) {
        settings->connections |= 1u << CONNECTION_ENTROPY;
    }
    if (config.net.vlan != 0) {
        settings->connections |= 1u << CONNECTION_NET;
    }
    if (config.secret[0] != 0) {
        settings->connections |= 1u << CONNECTION_SECRET;
    }
    if (settings->connections != 0 && file->size > sizeof(((struct connection_row *)0)->config)) {
        log_error("%s: it is too long", file->name);
        return -1;
    }
    for (unsigned i = 0; i < config.disk_count; i++) {
        if (find(file, config.disk[i].file, &settings->disk[i]) != 0) {
            return -1;
        }
        settings->disk_store[i] = config.disk[i].writable;
    }
    memcpy(settings->name, config.name, sizeof(settings->name));
    memcpy(settings->secret, config.secret, sizeof(settings->secret));
    settings->memory = config.memory;
    settings->balloon = config.balloon;
    settings->vcpus = config.vcpus;
    settings->autostart = config.autostart;
    settings->cpu_percent = config.cpu_percent;
    settings->high_priority = config.high_priority;
    settings->order = config.order;
    settings->config = *file;
    return 0;
}

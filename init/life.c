/* SPDX-License-Identifier: BSD-2-Clause */
#include "life.h"

#include <string.h>
#include <machines/machines.h>
#include <ring/ring.h>
#include <rt/log.h>

#include "alarm.h"
#include "balloon.h"
#include "pool.h"
#include "priority.h"
#include "settings.h"

/* How long a machine that is to stop may take. */
enum { STOP_SECONDS = 30 };

enum { MAX_COMMANDS = 64 }; /* taken at once */

_Static_assert((int)VM_MAX == (int)MACHINES_MAX, "each machine has a row in the table");

struct slot {
    struct vm vm;
    struct vm_settings settings;
    enum machine_state state;
    uint32_t generation;
    uint64_t started;  /* TSC */
    uint64_t deadline; /* TSC: MACHINE_STOPPING ends there */
    /* It has ended, and its memory is still with devices. */
    bool ending;
    bool again;           /* it is to be started when its memory is back */
    const char *how;      /* it ended, for the log */
    uint64_t waits_since; /* TSC: when it ended, or a service was last started anew */
};

static struct life life;
static struct slot slots[VM_MAX];
static unsigned slot_count;
static struct ring commands;
static bool has_commands;

static uint64_t tsc(void)
{
    return __builtin_ia32_rdtsc();
}

static bool runs(const struct slot *s)
{
    return s->state == MACHINE_RUNNING || s->state == MACHINE_STOPPING;
}

/* Tells the console how things are. */
static void publish(void)
{
    struct machine_table *table = (struct machine_table *)life.system->machine_table;

    if (!table) {
        return;
    }
    table->pool_free = pool_free_bytes();
    table->pool_total = pool_total_bytes();
    table->sampled_tsc = tsc();
    for (unsigned i = 0; i < slot_count; i++) {
        const struct slot *s = &slots[i];
        struct machine_row *row = &table->row[i];
        memcpy(row->name, s->settings.name, sizeof(row->name));
        row->vcpus = s->settings.vcpus;
        row->memory = s->settings.memory - balloon_away(i);
        row->cpu_percent = s->settings.cpu_percent;
        row->consumed_us = s->vm.consumed_us;
        row->started_tsc = s->started;
        row->generation = s->generation;
        /* One that starts again keeps its console, also while devices have its memory. */
        row->state = s->ending && s->again ? MACHINE_STOPPING : s->state;
        if (table->focus == 0 && runs(s)) {
            table->focus = i + 1;
        }
    }
    table->count = slot_count;
    seL4_Signal(life.system->console_signal);
}

/* The earliest deadline of a machine that is to stop. */
static void arm(void)
{
    uint64_t next = 0;

    for (unsigned i = 0; i < slot_count; i++) {
        const struct slot *s = &slots[i];
        if (s->state == MACHINE_STOPPING && (next == 0 || s->deadline < next)) {
            next = s->deadline;
        }
    }
    alarm_set(ALARM_LIFE, next);
}

static void start(struct slot *s)
{
    const struct vm_settings *set = &s->settings;

    if (s->ending) {
        s->again = true;
        return;
    }
    if (runs(s)) {
        return;
    }
    /* The console turns to the fresh rings before anything can stand in them. */
    if (life.system->rings) {
        memset(life.system->rings + (size_t)(s - slots) * MACHINE_SLICE_SIZE, 0,
               MACHINE_SLICE_SIZE);
    }
    s->generation++;
    s->started = tsc();
    s->vm.consumed_us = 0;
    s->state = MACHINE_RUNNING;
    publish();
    /* What it takes to build a machine is shared with the others as if it ran already, so that one
     * that is reset again and again takes no more than its part. */
    (void)seL4_TCB_SetPriority(seL4_CapInitThreadTCB, seL4_CapInitThreadTCB, life.host->priority);
    seL4_Error error = vm_start(&s->vm, (unsigned)(s - slots), life.host, set, life.vmm);
    (void)seL4_TCB_SetPriority(seL4_CapInitThreadTCB, seL4_CapInitThreadTCB, INIT_PRIORITY);
    if (error != seL4_NoError) {
        s->state = MACHINE_FAILED;
        s->ending = s->vm.held;
        s->how = "was not started";
        s->again = false;
        s->waits_since = tsc();
    } else {
        log_info("VM %s: %lu MiB, %u vCPU%s, started", set->name, set->memory >> 20, set->vcpus,
                 set->vcpus == 1 ? "" : "s");
    }
}

/* Memory has come to the pool: who waits for some tries again. */
static void share(void)
{
    for (unsigned i = 0; i < slot_count; i++) {
        if (runs(&slots[i]) && balloon_waits(i)) {
            vm_tell_balloon(&slots[i].vm);
        }
    }
}

/* All of its memory is back in the pool. */
static void settle(struct slot *s)
{
    s->ending = false;
    share();
    log_info("VM %s: %s, %lu bytes free", s->settings.name, s->how, pool_free_bytes());
    if (s->again) {
        start(s);
    }
}

/*
 * Ends it at once. What devices may still touch of its memory comes back to the pool later; only
 * then it can be started `again`.
 */
static void end(struct slot *s, enum machine_state state, const char *how, bool again)
{
    vm_sample(&s->vm);
    s->state = state;
    s->how = how;
    s->again = again;
    s->ending = true;
    s->waits_since = tsc();
    if (vm_stop(&s->vm, life.host)) {
        settle(s);
    }
}

void life_released(void)
{
    bool changed = false;

    for (unsigned i = 0; i < slot_count; i++) {
        if (slots[i].ending && vm_release(&slots[i].vm, life.host)) {
            settle(&slots[i]);
            changed = true;
        }
    }
    if (changed) {
        publish();
    }
}

bool life_waits_for(unsigned kind, uint64_t ticks)
{
    bool waits = false;

    for (unsigned i = 0; i < slot_count; i++) {
        const struct connection *c = connection_find(life.host->connection, kind, i);
        waits = waits || (slots[i].ending && c && connection_holds(c, i) &&
                          tsc() - slots[i].waits_since > ticks);
    }
    return waits;
}

static void stop(struct slot *s)
{
    if (s->state == MACHINE_RUNNING) {
        s->state = MACHINE_STOPPING;
        s->deadline = tsc() + STOP_SECONDS * life.host->tsc_hz;
        vm_control(&s->vm, VMM_CONTROL_POWER_BUTTON);
        arm();
    }
}

/* The guest is asked for memory, or may have some again. */
static void change_memory(struct slot *s, bool more)
{
    const unsigned slot = (unsigned)(s - slots);

    if (!runs(s) || s->settings.balloon == 0) {
        log_error("VM %s: %s", s->settings.name, runs(s) ? "it has no balloon" : "it does not run");
        return;
    }
    if (!(more ? balloon_more(slot) : balloon_less(slot))) {
        log_error("VM %s: it %s (%lu MiB free)", s->settings.name,
                  !more                       ? "gives no more memory"
                  : balloon_target(slot) == 0 ? "has all of its memory"
                                              : "cannot have its memory again",
                  pool_free_bytes() >> 20);
        return;
    }
    log_info("VM %s: it is to have %lu MiB of its memory", s->settings.name,
             (s->settings.memory - balloon_target(slot)) >> 20);
    vm_tell_balloon(&s->vm);
}

seL4_Error life_balloon(unsigned slot, seL4_Word what, seL4_Word block)
{
    seL4_Error error = seL4_IllegalOperation;

    if (slot >= slot_count || !runs(&slots[slot])) {
        return seL4_InvalidArgument;
    }
    /* Clearing memory takes turns with the machines, as building one does. */
    (void)seL4_TCB_SetPriority(seL4_CapInitThreadTCB, seL4_CapInitThreadTCB, life.host->priority);
    if (what == VMM_BALLOON_GIVE) {
        error = balloon_give(slot, block);
    } else if (what == VMM_BALLOON_TAKE) {
        error = balloon_take(slot, block);
    }
    (void)seL4_TCB_SetPriority(seL4_CapInitThreadTCB, seL4_CapInitThreadTCB, INIT_PRIORITY);
    if (error == seL4_NoError && what == VMM_BALLOON_GIVE) {
        share();
    }
    publish();
    return error;
}

static void carry_out(uint8_t command, struct slot *s)
{
    switch (command) {
    case MACHINE_COMMAND_START:
        start(s);
        break;
    case MACHINE_COMMAND_STOP:
        stop(s);
        break;
    case MACHINE_COMMAND_POWER_BUTTON:
        if (runs(s)) {
            vm_control(&s->vm, VMM_CONTROL_POWER_BUTTON);
        }
        break;
    case MACHINE_COMMAND_DUMP:
        if (runs(s)) {
            vm_control(&s->vm, VMM_CONTROL_DUMP);
        }
        break;
    case MACHINE_COMMAND_LESS:
    case MACHINE_COMMAND_MORE:
        change_memory(s, command == MACHINE_COMMAND_MORE);
        break;
    case MACHINE_COMMAND_RESTART:
    case MACHINE_COMMAND_KILL:
        if (runs(s)) {
            end(s, MACHINE_STOPPED, "killed", command == MACHINE_COMMAND_RESTART);
        } else if (command == MACHINE_COMMAND_RESTART) {
            start(s);
        } else {
            s->again = false;
        }
        break;
    default: /* MACHINE_COMMAND_SAMPLE, and what means nothing */
        break;
    }
}

void life_commands(void)
{
    uint8_t bytes[2];

    for (unsigned i = 0; has_commands && i < MAX_COMMANDS; i++) {
        int64_t length = ring_read(&commands, bytes, sizeof(bytes));
        if (length != sizeof(bytes)) {
            /* An empty ring is left alone: what comes just now is not to be lost. */
            if (length != 0) {
                ring_drop(&commands);
            }
            break;
        }
        if (bytes[1] < slot_count) {
            carry_out(bytes[0], &slots[bytes[1]]);
        }
    }
    for (unsigned i = 0; i < slot_count; i++) {
        if (runs(&slots[i])) {
            vm_sample(&slots[i].vm);
        }
    }
    publish();
}

void life_time(void)
{
    bool changed = false;

    for (unsigned i = 0; i < slot_count; i++) {
        struct slot *s = &slots[i];
        if (s->state == MACHINE_STOPPING && s->deadline <= tsc()) {
            end(s, MACHINE_STOPPED, "did not stop and was killed", false);
            changed = true;
        }
    }
    arm();
    /* It is called each second for others as well, and times that were not read are not news. */
    if (changed) {
        publish();
    }
}

void life_ended(unsigned slot, enum vmm_ending ending)
{
    struct slot *s = &slots[slot];

    switch (ending) {
    case VMM_ENDING_RESET:
        end(s, MACHINE_STOPPED, "reset", true);
        break;
    case VMM_ENDING_POWER_OFF:
        end(s, MACHINE_STOPPED, "powered off", false);
        break;
    default:
        end(s, MACHINE_FAILED, "failed and was stopped", false);
        break;
    }
    publish();
}

void life_faulted(unsigned slot)
{
    end(&slots[slot], MACHINE_FAILED, "stopped", false);
    publish();
}

void life_service_epoch(unsigned kind, uint64_t epoch)
{
    for (unsigned i = 0; i < slot_count; i++) {
        vm_set_epoch(&slots[i].vm, kind, epoch);
        slots[i].waits_since = tsc();
    }
}

const char *life_name(unsigned slot)
{
    return slot < slot_count && runs(&slots[slot]) ? slots[slot].settings.name : NULL;
}

static bool is_vm_file(const char *name)
{
    size_t length = strlen(name);
    return strncmp(name, "vm/", 3) == 0 && length > 7 && strcmp(name + length - 4, ".ini") == 0;
}

/* Why there is no slot for such a machine, or NULL. A secret is for one machine. */
static const char *reason_against(const struct vm_settings *settings)
{
    for (unsigned i = 0; i < slot_count; i++) {
        const struct vm_settings *other = &slots[i].settings;
        if (strcmp(other->name, settings->name) == 0) {
            return "another virtual machine has this name";
        }
        if (settings->secret[0] != 0 && strcmp(other->secret, settings->secret) == 0) {
            return "another virtual machine has this secret";
        }
    }
    return slot_count == VM_MAX ? "there are too many virtual machines" : NULL;
}

/* One slot for each configuration, by their order, and by the files' names where that is the same.
 */
static void read_settings(unsigned file_count)
{
    for (unsigned i = 0; i < file_count; i++) {
        struct archive_file file;
        struct vm_settings settings;

        archive_get(i, &file);
        if (!is_vm_file(file.name) || settings_read(&file, &settings) != 0) {
            continue;
        }
        const char *against = reason_against(&settings);
        if (against) {
            log_error("%s: %s", file.name, against);
            continue;
        }
        unsigned at = slot_count++;
        for (; at > 0 && slots[at - 1].settings.order > settings.order; at--) {
            slots[at].settings = slots[at - 1].settings;
        }
        slots[at].settings = settings;
    }
}

void life_start(const struct life *given, unsigned file_count)
{
    unsigned running = 0;

    life = *given;
    if (life.system->commands) {
        has_commands = ring_attach(&commands, life.system->commands, 4096, false) == RING_OK;
    }
    read_settings(file_count);
    for (unsigned i = 0; i < slot_count; i++) {
        slots[i].state = MACHINE_STOPPED;
        slots[i].settings.first_core = i % life.host->core_count;
    }
    for (unsigned i = 0; i < slot_count; i++) {
        if (slots[i].settings.autostart) {
            start(&slots[i]);
            running += runs(&slots[i]);
            publish();
        }
    }
    log_info("%u virtual machine%s, %lu MiB free", running, running == 1 ? "" : "s",
             pool_free_bytes() >> 20);
    publish();
}

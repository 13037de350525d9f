/* SPDX-License-Identifier: BSD-2-Clause */
#include "status.h"

#include <component/component.h>
#include <rt/format.h>
#include <timer/timer.h>

#include "machines.h"
#include "view.h"
#include "vmm/vcpu/exit.h"

#define SECOND 1000000000ull

microkit_channel status_timer = 2; /* set by the system description */

/* What the page showed last, for the differences. */
struct sample {
    uint32_t generation;
    uint64_t tsc, consumed_us;
    uint64_t exits[EXIT_KIND_COUNT];
};

static struct sample samples[MACHINES_MAX];
static unsigned selected;
static bool ticking;

static char text[6000];
static size_t length;

/* A line of the page: the rest of the screen's line is cleared. */
#define LINE(...)                                                                  \
    do {                                                                           \
        length += format_text(text + length, sizeof(text) - length, __VA_ARGS__);  \
        length += format_text(text + length, sizeof(text) - length, "\x1b[K\r\n"); \
    } while (0)
#define ADD(...) (length += format_text(text + length, sizeof(text) - length, __VA_ARGS__))

void status_tick(void)
{
    ticking = view_is_shown(VIEW_STATUS);
    if (ticking) {
        machines_command(MACHINE_COMMAND_SAMPLE, 0);
        timer_set_timeout(status_timer, SECOND);
    }
}

void status_show(enum screen screen)
{
    view_show_page(screen, VIEW_STATUS);
    if (!ticking) {
        status_tick();
    } else {
        machines_command(MACHINE_COMMAND_SAMPLE, 0);
    }
}

unsigned status_selected(void)
{
    return selected < machines_count() ? selected : 0;
}

void status_select(unsigned slot)
{
    selected = slot;
    machines_command(MACHINE_COMMAND_SAMPLE, 0);
}

void status_move(bool down)
{
    unsigned count = machines_count();

    if (count != 0) {
        status_select((status_selected() + (down ? 1 : count - 1)) % count);
    }
}

static const char *state_name(uint32_t state)
{
    static const char *const names[] = {
        [MACHINE_NONE] = "none",       [MACHINE_STOPPED] = "stopped",
        [MACHINE_RUNNING] = "running", [MACHINE_STOPPING] = "stopping",
        [MACHINE_FAILED] = "failed",
    };
    return state < sizeof(names) / sizeof(names[0]) ? names[state] : "?";
}

/* The kinds of which there were exits, per second. */
static void draw_exits(unsigned slot, struct sample *s, uint64_t ticks)
{
    unsigned shown = 0;

    for (unsigned kind = 0; kind < EXIT_KIND_COUNT; kind++) {
        uint64_t now = machines_exits(slot, kind);
        uint64_t count = now - s->exits[kind];
        s->exits[kind] = now;
        if (ticks == 0 || count == 0 || count > ticks) {
            continue;
        }
        uint64_t ms = ticks / (component_info->tsc_hz / 1000 + 1) + 1;
        uint64_t rate = count * 1000 / ms;
        ADD("%s%s %lu", shown++ ? ", " : "", exit_name((enum exit_kind)kind), rate);
    }
    if (shown == 0) {
        ADD("none");
    }
}

static void draw_machine(unsigned slot)
{
    const struct machine_row *row = &machines_table()->row[slot];
    struct sample *s = &samples[slot];
    uint64_t tsc = machines_table()->sampled_tsc;
    bool same = s->generation == row->generation && tsc > s->tsc;
    uint64_t ticks = same ? tsc - s->tsc : 0;
    uint64_t us = ticks / (component_info->tsc_hz / 1000000 + 1) + 1;
    uint64_t used = same && row->consumed_us >= s->consumed_us
                        ? (row->consumed_us - s->consumed_us) * 1000 / us
                        : 0;

    LINE("%c%2u  %-16s %-9s %5u %6lu MiB %6lu.%lu  %3u%%  %lu s",
         slot == status_selected() ? '>' : ' ', slot + 1, machines_name(slot),
         state_name(row->state), row->vcpus, row->memory >> 20, used / 10, used % 10,
         row->cpu_percent,
         row->state == MACHINE_RUNNING || row->state == MACHINE_STOPPING
             ? (tsc - row->started_tsc) / component_info->tsc_hz
             : 0);
    if (machines_wait(slot) && row->state == MACHINE_RUNNING) {
        LINE("        waits for its secret, which a verifier must release (./quoin attest "
             "--release)");
    } else {
        ADD("        exits/s: ");
        draw_exits(slot, s, ticks);
        LINE("%s", "");
    }
    s->generation = row->generation;
    s->tsc = tsc;
    s->consumed_us = row->consumed_us;
}

void status_draw(void)
{
    const struct machine_table *t = machines_table();

    if (!view_is_shown(VIEW_STATUS)) {
        return;
    }
    length = 0;
    LINE("Quoin   pool: %lu of %lu bytes free", t->pool_free, t->pool_total);
    LINE("%s", "");
    LINE(" no  name             state     vCPUs     memory    CPU %%  limit  up");
    for (unsigned i = 0; i < machines_count(); i++) {
        draw_machine(i);
    }
    LINE("%s", "");
    LINE("1-9, 0, i, j select  Enter console  s start  x stop  p power button  r restart  k kill  "
         "d dump");
    LINE("- + memory  l log  n next console  ? help");
    ADD("\x1b[J");
    view_page(VIEW_STATUS, text, length);
}

void status_show_help(enum screen screen)
{
    view_show_page(screen, VIEW_HELP);
    length = 0;
    LINE("Quoin's console. The escape key is Ctrl-]; behind it:");
    LINE("%s", "");
    LINE("  1 to 9, 0   the console of machine 1 to 10");
    LINE("  n           the next machine's console");
    LINE("  l           the log of all components");
    LINE("  s           the status page: machines, times, exits; there they are started and "
         "stopped");
    LINE("  ?           this help");
    LINE("  Ctrl-]      sends Ctrl-] to the machine");
    LINE("%s", "");
    LINE(
        "On the status page: x presses the power button and kills a machine that is not off after");
    LINE(
        "half a minute, p presses the power button only, k kills at once, d tells in the log what");
    LINE("its vCPUs are doing. - takes 64 MiB from a machine with a balloon, + lets it have them "
         "again.");
    ADD("\x1b[J");
    view_page(VIEW_HELP, text, length);
}

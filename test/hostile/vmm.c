/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A virtual machine monitor that was taken over: it has exactly what init gives a monitor, and does
 * what is typed on its machine's console (tool/command/hostiletests.py). Whatever reaches beyond
 * what it was given is told with the word BEYOND or REACHED.
 *
 *   m          lists its memory and its capabilities
 *   r, w, x A  reads, writes, executes address A: "REACHED" if it goes on afterwards
 *   i N        instruction N of the list below, which takes privileges
 *   k C        invokes capability address C, which lies outside its capability space
 *   y N        system call N, which does not exist
 *   c SEED     every empty slot with every label: an answer other than an error is BEYOND
 *   o SEED     its own capabilities with every label and random arguments
 *   p          its own thread's priority: the highest that it is let have
 *   d SEED     requests to the block service, of every kind and for every place
 *   g SEED     garbage in all the memory that it shares with services
 *   e W        the message W to init, in the place of the news that the machine has ended
 *   b SEED     gives and takes blocks of its memory, and such that it has not or has not given
 *
 * A machine whose command line is "watch" is the neighbour: it keeps a pattern in all its memory,
 * checks it without end and counts.
 */
#include <component/log.h>
#include <ring/ring.h>
#include <rt/format.h>
#include <rt/tls.h>
#include <sel4/labels.h>
#include <sel4/sel4.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <vmconfig.h>

#include "balloon.h"
#include "disk.h"
#include "vmm/startup.h"

enum { SLOTS = 256, PAGE = 4096 };

static struct rt_tls_block tls[VMM_MAX_VCPUS];
static const struct vmm_startup *startup;
static struct vmconfig config;
static struct ring out, in;
static uint64_t random_state;
static bool own[SLOTS];

extern const uint8_t rt_image_end[];

void vmm_thread(const struct vmm_startup *page, uint64_t index);

static uint64_t next_random(void)
{
    /* xorshift64: Marsaglia, Xorshift RNGs, 2003. */
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static void wake_console(void)
{
    seL4_Signal(startup->console_notification);
}

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...)
{
    char text[160];
    va_list arguments;

    va_start(arguments, format);
    size_t length = format_vtext(text, sizeof(text), format, arguments);
    va_end(arguments);
    for (size_t done = 0; done < length;) {
        int64_t written = ring_write(&out, (const uint8_t *)text + done, (uint32_t)(length - done));
        if (written < 0) {
            break;
        }
        done += (size_t)written;
        wake_console();
        if (done < length) {
            seL4_Yield();
        }
    }
}

static void list_blob(const char *what, const struct vmm_startup_blob *blob)
{
    if (blob->size != 0) {
        say("own %s %lx %lx\r\n", what, blob->address,
            (blob->size + PAGE - 1) & ~(uint64_t)(PAGE - 1));
    }
}

/* Names with "-rw" are those that may be written. */
static void list(void)
{
    say("own image 400000 %lx\r\n", (uint64_t)rt_image_end - 0x400000);
    say("own startup %lx %x\r\n", (uint64_t)startup, PAGE);
    say("own control %lx %x\r\n", startup->control, PAGE);
    say("own slice-rw %lx %lx\r\n", startup->console_out.address,
        startup->counts + PAGE - startup->console_out.address);
    for (unsigned i = 0; i < startup->vcpu_count; i++) {
        say("own buffer-rw %lx %x\r\n", startup->vcpu[i].ipc_buffer, PAGE);
    }
    for (unsigned i = 0; i < startup->ram_count; i++) {
        say("own ram-rw %lx %lx\r\n", startup->ram[i].address, startup->ram[i].size);
    }
    list_blob("config", &startup->config);
    list_blob("kernel", &startup->kernel);
    list_blob("initrd", &startup->initrd);
    for (unsigned i = 0; i < VMM_MAX_CONNECTIONS; i++) {
        if (startup->connection[i].size != 0) {
            say("own connection-rw %lx %lx\r\n", startup->connection[i].address,
                startup->connection[i].size);
        }
    }
    say("own end\r\n");
}

static void touch(char how, uint64_t address)
{
    volatile uint8_t *byte = (volatile uint8_t *)address;

    say("touch %c %lx\r\n", how, address);
    if (how == 'r') {
        (void)*byte;
    } else if (how == 'w') {
        *byte = 0xcc;
    } else {
        ((void (*)(void))address)();
    }
    say("REACHED %c %lx\r\n", how, address);
}

/* SDM vol. 3, 6.9.1 and vol. 1, 19.5: all of these take privileges, or a port that is not given. */
static void privileged(uint64_t number)
{
    uint64_t table[2] = {0, 0};
    uint32_t low = 0, high;

    say("instruction %lu\r\n", number);
    switch (number) {
    case 0:
        __asm__ volatile("cli");
        break;
    case 1:
        __asm__ volatile("hlt");
        break;
    case 2:
        __asm__ volatile("mov %%cr3, %0" : "=r"(table[0]));
        break;
    case 3:
        __asm__ volatile("mov %0, %%cr0" : : "r"(table[0]));
        break;
    case 4:
        __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(0xc0000080));
        break;
    case 5:
        __asm__ volatile("wrmsr" : : "a"(low), "d"(0), "c"(0xc0000082));
        break;
    case 6:
        __asm__ volatile("lgdt %0" : : "m"(table));
        break;
    case 7:
        __asm__ volatile("lidt %0" : : "m"(table));
        break;
    case 8:
        __asm__ volatile("invlpg %0" : : "m"(table));
        break;
    case 9:
        __asm__ volatile("inb $0x64, %%al" : "=a"(low));
        break;
    case 10:
        __asm__ volatile("outb %%al, %%dx" : : "a"(0x0e), "d"(0xcf9));
        break;
    case 11:
        __asm__ volatile("mov %0, %%dr7" : : "r"(table[0]));
        break;
    case 12:
        __asm__ volatile("vmrun" : : "a"(0ull));
        break;
    case 13:
        __asm__ volatile("int $0x20");
        break;
    case 14:
        __asm__ volatile("sgdt %0" : "=m"(table));
        break;
    case 15:
        __asm__ volatile("xsetbv" : : "a"(7), "d"(0), "c"(0));
        break;
    default:
        say("no more instructions\r\n");
        return;
    }
    say("REACHED instruction %lu\r\n", number);
}

/* Numbers that mean something somewhere, and some that do not. */
static uint64_t argument(void)
{
    uint64_t r = next_random();

    switch (r >> 60) {
    case 0:
    case 1:
        return r & 0xff;
    case 2:
        return r & 0xffff;
    case 3:
        return r & 0xfffff000;
    case 4:
        return startup->ram[0].address + (r & 0xfff000);
    case 5:
        return 0xffffffff80000000ull | (r & 0xffff000);
    case 6:
        return 1ull << (r & 63);
    case 7:
        return 0;
    case 8:
        return ~0ull;
    default:
        return r;
    }
}

static seL4_Word call(seL4_CPtr cap, seL4_Word label)
{
    uint64_t r = next_random();
    seL4_Word length = r & 15, caps = r >> 8 & 3;

    for (seL4_Word i = 0; i < length; i++) {
        seL4_SetMR(i, argument());
    }
    for (seL4_Word i = 0; i < caps; i++) {
        seL4_SetCap(i, next_random() & (SLOTS - 1));
    }
    return seL4_MessageInfo_get_label(seL4_Call(cap, seL4_MessageInfo_new(label, 0, caps, length)));
}

static seL4_Word label_at(unsigned i)
{
    return i <= nInvocationLabels ? i : 0x1000 + i - nInvocationLabels - 1;
}

enum { LABELS = nInvocationLabels + 33 };

static void find_own(void)
{
    for (unsigned i = 0; i < startup->vcpu_count; i++) {
        const struct vmm_startup_vcpu *v = &startup->vcpu[i];
        own[v->tcb] = own[v->vcpu] = own[v->notification] = own[v->timer] = true;
    }
    for (unsigned i = 0; i < VMM_MAX_CONNECTIONS; i++) {
        own[startup->connection[i].notification] = true;
    }
    own[startup->balloon_endpoint] = true;
    own[startup->console_notification] = own[startup->exit_endpoint] = own[startup->lock] = true;
}

/* In a slot without a capability nothing may answer; one that was not told of would. */
static void sweep_empty(void)
{
    unsigned calls = 0, beyond = 0;

    for (seL4_CPtr slot = 1; slot < SLOTS; slot++) {
        for (unsigned i = 0; !own[slot] && i < LABELS; i++) {
            seL4_Word error = call(slot, label_at(i));
            calls++;
            if (error != seL4_InvalidCapability) {
                say("BEYOND: slot %lu, label %lx: %lu\r\n", slot, label_at(i), error);
                beyond++;
            }
        }
    }
    say("empty slots: %u calls, %u beyond\r\n", calls, beyond);
}

/* What its own thread must not be asked in a sweep, or the sweep ends with it. */
static bool ends_sweep(seL4_CPtr cap, seL4_Word label)
{
    return cap == startup->exit_endpoint ||
           (cap == startup->vcpu[0].tcb &&
            (label == TCBSuspend || label == TCBWriteRegisters || label == TCBCopyRegisters ||
             label == TCBSetIPCBuffer || label == TCBSetTLSBase || label == TCBSetPriority ||
             label == TCBSetMCPriority));
}

static void sweep_own(void)
{
    unsigned calls = 0, taken = 0;

    for (seL4_CPtr slot = 1; slot < SLOTS; slot++) {
        for (unsigned i = 0; own[slot] && i < LABELS * 40; i++) {
            seL4_Word label = label_at(i % LABELS);
            if (ends_sweep(slot, label)) {
                continue;
            }
            calls++;
            taken += call(slot, label) == seL4_NoError;
        }
    }
    say("own slots: %u calls, %u taken\r\n", calls, taken);
}

static void priority(void)
{
    seL4_CPtr tcb = startup->vcpu[0].tcb;
    seL4_Word highest = seL4_MaxPrio;

    /* Downwards: what is taken once is the most that is taken from then on. */
    while (highest > 0 && seL4_TCB_SetMCPriority(tcb, tcb, highest) != seL4_NoError &&
           seL4_TCB_SetPriority(tcb, tcb, highest) != seL4_NoError) {
        highest--;
    }
    say("priority: %lu at most\r\n", highest);
}

/* Nonsense somewhere in an area, and more often where its services keep their indices. */
static void disturb(uint64_t address, uint64_t size, const uint64_t *index, unsigned count)
{
    if (next_random() & 1) {
        ((volatile uint64_t *)address)[next_random() % (size / 8)] = argument();
    } else {
        uint64_t at = index[next_random() % count] + (next_random() & 1) * 64;
        *(volatile uint32_t *)(address + at) = (uint32_t)argument();
    }
}

static void garbage(void)
{
    uint64_t slice = startup->console_out.address;
    /* The three rings of the console; head and rings of a connection (block/protocol.h has two). */
    const uint64_t console[] = {0, startup->console_log.address - slice,
                                startup->console_in.address - slice};
    const uint64_t service[] = {0, 0x1000, 0x2000, 0x4000};

    say("garbage\r\n");
    for (unsigned i = 0; i < 20000; i++) {
        disturb(slice, startup->counts + PAGE - slice, console, 3);
        for (unsigned k = 0; k < VMM_MAX_CONNECTIONS; k++) {
            const struct vmm_startup_connection *c = &startup->connection[k];
            if (c->size != 0) {
                disturb(c->address, c->size, service, 4);
                if (i % 16 == 0) {
                    seL4_Signal(c->notification);
                }
            }
        }
        if (i % 16 == 0) {
            wake_console();
        }
        if (i % 256 == 0) {
            seL4_Yield();
        }
    }
    /* Its own rings are in no state to say more; init is told instead. */
    seL4_SetMR(0, VMM_ENDING_FAILED);
    seL4_Send(startup->exit_endpoint, seL4_MessageInfo_new(0, 0, 0, 1));
}

static void balloon(void)
{
    struct balloon_answers answers = balloon_attack(startup, next_random);

    say("balloon: %u done, %u%s beyond\r\n", answers.done, answers.beyond,
        answers.beyond == 0 ? "" : " BEYOND");
}

static void disk(void)
{
    unsigned count = vmconfig_machine_disks(&config);

    if (disk_join(startup, count) != 0) {
        say("disk: none\r\n");
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        struct disk_answers answers = disk_attack(i, next_random);
        say("disk %u: %u requests, %u good, %u refused\r\n", i, answers.sent, answers.good,
            answers.refused);
    }
    say("disks done\r\n");
}

static uint64_t number(const char *text)
{
    uint64_t value = 0;

    for (; *text != 0; text++) {
        unsigned digit = *text <= '9' ? (unsigned)(*text - '0') : (unsigned)(*text - 'a' + 10);
        value = value << 4 | (digit & 15);
    }
    return value;
}

static void command(const char *line)
{
    uint64_t value = line[0] != 0 && line[1] == ' ' ? number(line + 2) : 0;

    random_state = value * 2 + 1;
    switch (line[0]) {
    case 'm':
        list();
        break;
    case 'r':
    case 'w':
    case 'x':
        touch(line[0], value);
        break;
    case 'i':
        privileged(value);
        break;
    case 'k':
        say("invoke %lx\r\n", value);
        (void)call(value, TCBSuspend);
        say("REACHED %lx\r\n", value);
        break;
    case 'y':
        say("system call %lx\r\n", value);
        (void)seL4_x64_syscall_word(value, 1, 0);
        say("REACHED %lx\r\n", value);
        break;
    case 'c':
        sweep_empty();
        break;
    case 'o':
        sweep_own();
        break;
    case 'p':
        priority();
        break;
    case 'd':
        disk();
        break;
    case 'g':
        garbage();
        break;
    case 'b':
        balloon();
        break;
    case 'e':
        seL4_SetMR(0, value);
        seL4_Send(startup->exit_endpoint, seL4_MessageInfo_new(value & 0xff, 0, 0, 1));
        break;
    default:
        say("what is %s?\r\n", line);
        break;
    }
}

static _Noreturn void obey(void)
{
    char line[40];
    uint32_t length = 0;
    uint8_t byte;

    say("hostile up\r\n");
    for (;;) {
        if (ring_read(&in, &byte, 1) != 1) {
            if (ring_prepare_sleep(&in)) {
                (void)seL4_Wait(startup->vcpu[0].notification, NULL);
            }
        } else if (byte == '\r') {
            line[length] = 0;
            length = 0;
            command(line);
        } else if (length < sizeof(line) - 1) {
            line[length++] = (char)byte;
        }
    }
}

static uint64_t pattern(uint64_t at)
{
    return at * 0x9e3779b97f4a7c15ull ^ startup->ram[0].size;
}

static _Noreturn void watch(void)
{
    uint64_t *word = (uint64_t *)startup->ram[0].address;
    uint64_t words = startup->ram[0].size / 8;

    for (uint64_t i = 0; i < words; i++) {
        word[i] = pattern(i);
    }
    say("hostile up\r\n");
    for (unsigned tick = 1;; tick++) {
        for (uint64_t i = 0; i < words; i++) {
            if (((volatile uint64_t *)word)[i] != pattern(i)) {
                say("BEYOND: word %lx of the neighbour changed\r\n", i);
                word[i] = pattern(i);
            }
        }
        say("tick %u\r\n", tick);
    }
}

void vmm_thread(const struct vmm_startup *page, uint64_t index)
{
    struct vmconfig_error error;

    tls_enter(&tls[index], (seL4_IPCBuffer *)page->vcpu[index].ipc_buffer);
    while (page->vcpu[index].tcb != page->vcpu[0].tcb) {
        (void)seL4_Wait(page->vcpu[index].notification, NULL);
    }
    startup = page;
    if (ring_attach(&out, (void *)page->console_out.address, page->console_out.size, true) != 0 ||
        ring_attach(&in, (void *)page->console_in.address, page->console_in.size, false) != 0 ||
        vmconfig_parse((const char *)page->config.address, page->config.size, &config, &error)) {
        __builtin_trap();
    }
    find_own();
    if (strcmp(config.command_line, "watch") == 0) {
        watch();
    }
    obey();
}

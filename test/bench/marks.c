/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A plugin of QEMU's TCG that counts instructions exactly, up to marks: the first execution of an
 * instruction at a given address. With -icount and one processor two runs agree.
 *
 *     -plugin marks.so,out=FILE,mark=ADDRESS,...,guest=on,settle=on
 *
 * For each mark, and at the end, FILE gets a line "ADDRESS INSTRUCTIONS GUEST ENTRIES": all
 * instructions so far, those between a VMRUN and the instruction behind it, and the number of
 * VMRUNs; the address of the end is 0. A mark counts only once the one named before it has been
 * passed and, with guest=on, only inside a guest: other code may stand at the same address.
 *
 * The emulator's main loop finishes what virtio devices have begun, whenever the host lets it run:
 * that the machine goes on meanwhile makes two runs differ. With settle=on it stands still behind
 * each store of 16 bits to a device, as which virtio is notified (4.1.5.2), until the thread of the
 * main loop sleeps. What answers without waiting for the host has answered then.
 *
 * Debian ships no header of the plugin interface; what is declared here is what
 * docs/devel/tcg-plugins says of version 1.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef uint64_t qemu_plugin_id_t;
struct qemu_info;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum qemu_plugin_op { QEMU_PLUGIN_INLINE_ADD_U64 };
enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS };

typedef void tb_callback(qemu_plugin_id_t id, struct qemu_plugin_tb *tb);
typedef void exec_callback(unsigned cpu, void *data);

extern int qemu_plugin_version;
int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc, char **argv);
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, tb_callback *callback);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn,
                                                enum qemu_plugin_op operation, void *counter,
                                                uint64_t addend);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, exec_callback *callback,
                                            enum qemu_plugin_cb_flags flags, void *data);

typedef uint32_t qemu_plugin_meminfo_t;
struct qemu_plugin_hwaddr;
enum qemu_plugin_mem_rw { QEMU_PLUGIN_MEM_W = 2 };
typedef void memory_callback(unsigned cpu, qemu_plugin_meminfo_t info, uint64_t address,
                             void *data);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn, memory_callback *callback,
                                      enum qemu_plugin_cb_flags flags, enum qemu_plugin_mem_rw rw,
                                      void *data);
unsigned qemu_plugin_mem_size_shift(qemu_plugin_meminfo_t info);
struct qemu_plugin_hwaddr *qemu_plugin_get_hwaddr(qemu_plugin_meminfo_t info, uint64_t address);
bool qemu_plugin_hwaddr_is_io(const struct qemu_plugin_hwaddr *address);

void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id,
                                    void (*callback)(qemu_plugin_id_t id, void *data), void *data);

int qemu_plugin_version = 1;

enum { MAX_MARKS = 8 };

static uint64_t marks[MAX_MARKS];
static unsigned mark_count;
static unsigned passed;
static FILE *out;
static uint64_t total;
static uint64_t guest;
static uint64_t entered; /* total at the last VMRUN */
static uint64_t entries;
static uint64_t behind; /* address of the instruction behind VMRUN */
static int guest_only;
static int main_loop =
    -1; /* what the kernel says of the main loop's thread, or -1: not waited for */

static void note(uint64_t address)
{
    uint64_t inside = guest + (entered != 0 ? total - entered : 0);
    fprintf(out, "%#lx %lu %lu %lu\n", address, total, inside, entries);
    fflush(out);
}

static void at_mark(unsigned cpu, void *data)
{
    uint64_t address = *(uint64_t *)data;
    (void)cpu;
    if (passed == mark_count || marks[passed] != address || (guest_only && entered == 0))
        return;
    passed++;
    note(address);
}

static void at_end(qemu_plugin_id_t id, void *data)
{
    (void)id;
    (void)data;
    note(0);
}

static void at_vmrun(unsigned cpu, void *data)
{
    (void)cpu;
    (void)data;
    entries++;
    entered = total;
}

static void behind_vmrun(unsigned cpu, void *data)
{
    (void)cpu;
    (void)data;
    if (entered != 0)
        guest += total - entered;
    entered = 0;
}

/* The kernel marks a thread as running when it is woken, not only when it runs: if the access has
 * woken the main loop, or made it wait for this thread, it is not seen asleep before it is done. */
static bool main_loop_sleeps(void)
{
    char text[128];
    ssize_t length = pread(main_loop, text, sizeof(text) - 1, 0);
    text[length > 0 ? length : 0] = 0;
    const char *state = strrchr(text, ')'); /* behind the name, which may hold anything */
    return state == NULL || state[1] == 0 || state[2] == 'S';
}

static void stored(unsigned cpu, qemu_plugin_meminfo_t info, uint64_t address, void *data)
{
    (void)cpu;
    (void)data;
    if (qemu_plugin_mem_size_shift(info) != 1)
        return;
    const struct qemu_plugin_hwaddr *place = qemu_plugin_get_hwaddr(info, address);
    if (place == NULL || !qemu_plugin_hwaddr_is_io(place))
        return;
    while (!main_loop_sleeps())
        sched_yield();
}

/* A store of 16 bits has the prefix 0x66; other instructions with it are sorted out when they run.
 */
static int may_notify(const struct qemu_plugin_insn *insn)
{
    return *(const uint8_t *)qemu_plugin_insn_data(insn) == 0x66;
}

static int is_vmrun(const struct qemu_plugin_insn *insn)
{
    static const uint8_t code[3] = {0x0f, 0x01, 0xd8};
    return qemu_plugin_insn_size(insn) == sizeof(code) &&
           memcmp(qemu_plugin_insn_data(insn), code, sizeof(code)) == 0;
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    (void)id;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        uint64_t address = qemu_plugin_insn_vaddr(insn);
        if (address == behind)
            qemu_plugin_register_vcpu_insn_exec_cb(insn, behind_vmrun, QEMU_PLUGIN_CB_NO_REGS,
                                                   NULL);
        qemu_plugin_register_vcpu_insn_exec_inline(insn, QEMU_PLUGIN_INLINE_ADD_U64, &total, 1);
        if (main_loop >= 0 && may_notify(insn))
            qemu_plugin_register_vcpu_mem_cb(insn, stored, QEMU_PLUGIN_CB_NO_REGS,
                                             QEMU_PLUGIN_MEM_W, NULL);
        if (is_vmrun(insn)) {
            behind = address + 3;
            qemu_plugin_register_vcpu_insn_exec_cb(insn, at_vmrun, QEMU_PLUGIN_CB_NO_REGS, NULL);
        }
        for (unsigned m = 0; m < mark_count; m++) {
            if (marks[m] == address)
                qemu_plugin_register_vcpu_insn_exec_cb(insn, at_mark, QEMU_PLUGIN_CB_NO_REGS,
                                                       &marks[m]);
        }
    }
}

int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc, char **argv)
{
    bool settle = false;
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "out=", 4) == 0)
            out = fopen(argv[i] + 4, "w");
        else if (strncmp(argv[i], "mark=", 5) == 0 && mark_count < MAX_MARKS)
            marks[mark_count++] = strtoull(argv[i] + 5, NULL, 16);
        else if (strcmp(argv[i], "guest=on") == 0)
            guest_only = 1;
        else if (strcmp(argv[i], "settle=on") == 0)
            settle = true;
    }
    if (out == NULL || mark_count == 0)
        return -1;
    if (settle) {
        char name[64]; /* plugins are installed by the thread that becomes the main loop */
        snprintf(name, sizeof(name), "/proc/self/task/%d/stat", (int)getpid());
        main_loop = open(name, O_RDONLY | O_CLOEXEC);
        if (main_loop < 0)
            return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, at_end, NULL);
    return 0;
}

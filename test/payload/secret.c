/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads every file of fw_cfg (QEMU's docs/specs/fw_cfg) by ports, says its name, size and a hash,
 * and how many bytes of it are not zero when it is read again. What is read never gets into memory:
 * a search for it there finds what others have left.
 */
#include "payload.h"

enum { SELECT = 0x510, DATA = 0x511, DIRECTORY = 0x19 };
enum { NAME_SIZE = 56, FILES_MAX = 16 };

static uint32_t read_number(unsigned size)
{
    uint32_t value = 0;
    while (size-- > 0)
        value = value << 8 | inb(DATA);
    return value;
}

/* FNV-1a of 64 bits, and the number of bytes that are not zero. */
static uint64_t read_file(uint16_t key, uint32_t size, uint32_t *others)
{
    uint64_t hash = 0xcbf29ce484222325u;
    *others = 0;
    outw(SELECT, key);
    for (uint32_t i = 0; i < size; i++) {
        uint8_t byte = inb(DATA);
        hash = (hash ^ byte) * 0x100000001b3u;
        *others += byte != 0;
    }
    return hash;
}

static void show_file(unsigned number)
{
    char name[NAME_SIZE + 1] = {0};
    uint32_t others;
    outw(SELECT, DIRECTORY);
    (void)read_number(4);
    for (unsigned i = 0; i < number * 64; i++)
        (void)inb(DATA);
    uint32_t size = read_number(4);
    uint16_t key = (uint16_t)read_number(2);
    (void)read_number(2);
    for (unsigned i = 0; i < NAME_SIZE; i++)
        name[i] = (char)inb(DATA);
    uint64_t hash = read_file(key, size, &others);
    payload_print("file %s %u bytes, hash %lx\n", name, size, hash);
    (void)read_file(key, size, &others);
    payload_print("again %u\n", others);
}

void payload_main(uint64_t start_info)
{
    (void)start_info;
    payload_initialize();
    outw(SELECT, DIRECTORY);
    uint32_t count = read_number(4);
    payload_print("secret: %u files\n", count);
    for (unsigned i = 0; i < count && i < FILES_MAX; i++)
        show_file(i);
    payload_print("secret: done\n");
    for (;;)
        __asm__ volatile("hlt");
}

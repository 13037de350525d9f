/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <vmconfig.h>

static struct vmconfig config;
static struct vmconfig_error error;

static int parse(const char *text)
{
    return vmconfig_parse(text, strlen(text), &config, &error);
}

static void test_complete_file(void **state)
{
    (void)state;
    assert_int_equal(parse("; a comment\n\nname = web-1\r\nkernel=k\n initrd = i\n"
                           "cmdline = console=ttyS0 quiet\nmemory = 2G\nvcpus = 4\nautostart = no"),
                     0);
    assert_string_equal(config.name, "web-1");
    assert_string_equal(config.kernel, "k");
    assert_string_equal(config.initrd, "i");
    assert_string_equal(config.command_line, "console=ttyS0 quiet");
    assert_int_equal(config.memory, 2ull << 30);
    assert_int_equal(config.vcpus, 4);
    assert_false(config.autostart);
}

static void test_defaults(void **state)
{
    (void)state;
    assert_int_equal(parse("name=a\nfirmware=f\nmemory=16M\n"), 0);
    assert_int_equal(config.vcpus, 1);
    assert_true(config.autostart);
    assert_int_equal(config.cpu_percent, 100);
    assert_int_equal(config.order, 50);
    assert_int_equal(parse("name=a\nfirmware=f\nmemory=16M\ncpu=25%\norder=0\n"), 0);
    assert_int_equal(config.cpu_percent, 25);
    assert_int_equal(config.order, 0);
    assert_false(config.high_priority);
    assert_int_equal(parse("name=a\nfirmware=f\nmemory=16M\npriority=high\ncpu=50%\n"), 0);
    assert_true(config.high_priority);
    assert_string_equal(config.initrd, "");
    assert_false(config.rng);
    assert_false(config.hpet);
    assert_int_equal(config.disk_count, 0);
}

static void test_disks_of_the_machine(void **state)
{
    (void)state;
    const char *head = "name=a\nkernel=k\nmemory=16M\n";
    char text[256];
    assert_int_equal(parse("name=a\nkernel=k\nmemory=16M\n"
                           "disk = partition:01234567-89ab-cdef-0123-456789ABCDEF\n"
                           "disk = disk:00000000-0000-0000-0000-000000000001 sata read-only\n"
                           "disk = serial:WD-1234 virtio\ndisk = f"),
                     0);
    assert_int_equal(config.disk_count, 4);
    assert_int_equal(vmconfig_machine_disks(&config), 3);
    assert_int_equal(config.disk[0].source, VMCONFIG_SOURCE_PARTITION);
    assert_int_equal(config.disk[0].uuid.bytes[0], 0x67);
    assert_int_equal(config.disk[0].uuid.bytes[15], 0xef);
    assert_false(config.disk[0].read_only);
    assert_int_equal(config.disk[1].source, VMCONFIG_SOURCE_DISK);
    assert_int_equal(config.disk[1].kind, VMCONFIG_DISK_SATA);
    assert_true(config.disk[1].read_only);
    assert_int_equal(config.disk[2].source, VMCONFIG_SOURCE_SERIAL);
    assert_string_equal(config.disk[2].serial, "WD-1234");
    assert_int_equal(config.disk[3].source, VMCONFIG_SOURCE_FILE);
    const char *bad[] = {
        "partition:01234567-89ab-cdef-0123-456789abcde",
        "disk:",
        "serial:",
        "serial:123456789012345678901",
        "serial:1 cdrom",
        "serial:1 virtio 16M",
        "serial:1 virtio read-only 16M",
    };
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(text, sizeof(text), "%sdisk = %s\n", head, bad[i]);
        assert_int_equal(parse(text), -1);
        assert_int_equal(error.line, 4);
    }
}

static void test_network(void **state)
{
    static const uint8_t given[6] = {0x02, 0, 0x5e, 0xab, 0xcd, 0x01};
    uint8_t made[6];
    (void)state;
    assert_int_equal(parse("name=a\nkernel=k\nmemory=16M\n"), 0);
    assert_int_equal(config.net.vlan, 0);
    assert_int_equal(parse("name=a\nkernel=k\nmemory=16M\nnet = outside"), 0);
    assert_string_equal(config.net.network, "");
    assert_true(config.net.outside);
    assert_int_equal(config.net.vlan, 1);
    assert_int_equal(config.net.mac[0], 2);
    memcpy(made, config.net.mac, 6);
    assert_int_equal(parse("net = outside\nname=b\nkernel=k\nmemory=16M\n"), 0);
    assert_memory_not_equal(config.net.mac, made, 6); /* each name has its own */
    assert_int_equal(
        parse("name=a\nkernel=k\nmemory=16M\nnet = lan mac=02:00:5e:aB:cd:01\tvlan=4094"), 0);
    assert_string_equal(config.net.network, "lan");
    assert_false(config.net.outside);
    assert_int_equal(config.net.vlan, 4094);
    assert_memory_equal(config.net.mac, given, 6);
    assert_int_equal(parse("name=a\nkernel=k\nmemory=16M\nnet = lan outside vlan=7"), 0);
    assert_true(config.net.outside);
    assert_int_equal(config.net.vlan, 7);
    assert_memory_equal(config.net.mac, made, 6);
}

static void test_devices(void **state)
{
    (void)state;
    assert_int_equal(parse("name=a\nkernel=k\nmemory=2G\nballoon=2046M"), 0);
    assert_int_equal(config.balloon, 2046u << 20);
    assert_int_equal(parse("name=a\nkernel=k\nmemory=16M\nrng = on\nhpet = on\ndisk = guest/disk\n"
                           "disk=  guest/other   sata\t4M \ndisk=c cdrom\ndisk = - virtio 256M"),
                     0);
    assert_true(config.rng);
    assert_true(config.hpet);
    assert_int_equal(config.balloon, 0);
    assert_int_equal(config.disk_count, 4);
    assert_string_equal(config.disk[0].file, "guest/disk");
    assert_int_equal(config.disk[0].kind, VMCONFIG_DISK_VIRTIO);
    assert_int_equal(config.disk[0].writable, 0);
    assert_string_equal(config.disk[1].file, "guest/other");
    assert_int_equal(config.disk[1].kind, VMCONFIG_DISK_SATA);
    assert_int_equal(config.disk[1].writable, 4u << 20);
    assert_int_equal(config.disk[2].kind, VMCONFIG_DISK_CDROM);
    assert_string_equal(config.disk[3].file, "");
    assert_int_equal(config.disk[3].writable, 256u << 20);
}

struct refusal {
    const char *text;
    unsigned line;
    const char *part;
};

static void test_refusals(void **state)
{
    static const struct refusal refusals[] = {
        {"name = a\nkernal = k\n", 2, "unknown key: kernal"},
        {"name = a b\n", 1, "letters"},
        {"name =\n", 1, "needs a value"},
        {"name = aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", 1, "too long"},
        {"name = a\nname = b\n", 2, "second time"},
        {"[section]\n", 1, "key = value"},
        {"memory = 512\n", 1, "M or G"},
        {"rng = yes\n", 1, "on or off"},
        {"hpet = 1\n", 1, "on or off"},
        {"balloon = 3M\n", 1, "a multiple of 2M"},
        {"balloon = 0M\n", 1, "a multiple of 2M"},
        {"balloon = 64\n", 1, "a multiple of 2M"},
        {"net =\n", 1, "needs a value"},
        {"secret =\n", 1, "needs a value"},
        {"secret = a/b\n", 1, "made of letters"},
        {"secret = aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", 1, "too long"},
        {"secret = key wait\n", 1, "one option is or-fail: wait"},
        {"secret = key or-fail now\n", 1, "nothing may follow a secret's option: now"},
        {"secret = a\nsecret = b\n", 2, "a second time: secret"},
        {"net = a.b\n", 1, "made of letters"},
        {"net = abcdefghijklmnop\n", 1, "too long"},
        {"net = lan inside\n", 1, "options are outside, mac= and vlan=: inside"},
        {"net = lan vlan=0\n", 1, "from 1 to 4094: 0"},
        {"net = lan vlan=4095\n", 1, "from 1 to 4094"},
        {"net = lan vlan=\n", 1, "from 1 to 4094"},
        {"net = lan mac=00:00:00:00:00:00\n", 1, "one station's address"},
        {"net = lan mac=01:00:00:00:00:01\n", 1, "one station's address"},
        {"net = lan mac=02:00:00:00:00:0g\n", 1, "one station's address"},
        {"net = lan mac=02-00:00:00:00:00\n", 1, "one station's address"},
        {"net = lan mac=02:00:00:00:00:0\n", 1, "one station's address"},
        {"net = lan\nnet = lan\n", 2, "a second time: net"},
        {"disk =\n", 1, "needs a value"},
        {"disk = f ide\n", 1, "virtio, sata or cdrom: ide"},
        {"disk = f sata 3M\n", 1, "multiple of 2M"},
        {"disk = f sata 0M\n", 1, "multiple of 2M"},
        {"disk = f sata 258M\n", 1, "up to 256M"},
        {"disk = f sata 2\n", 1, "up to 256M"},
        {"disk = f sata 2M x\n", 1, "nothing may follow"},
        {"disk = f cdrom 2M\n", 1, "a cdrom"},
        {"disk = - cdrom\n", 1, "a cdrom"},
        {"disk = -\n", 1, "needs a size"},
        {"disk=a\ndisk=a\ndisk=a\ndisk=a\ndisk=a\n", 5, "at most 4"},
        {"memory = M\n", 1, "M or G"},
        {"memory = 15M\n", 1, "from 16M"},
        {"memory = 17M\n", 1, "multiple of 2M"},
        {"memory = 99999999999999999999G\n", 1, "M or G"},
        {"memory = 1025G\n", 1, "from 16M"},
        {"vcpus = 0\n", 1, "1 to 16"},
        {"vcpus = 17\n", 1, "1 to 16"},
        {"vcpus = two\n", 1, "1 to 16"},
        {"cpu = 0%\n", 1, "1% to 100%"},
        {"cpu = 101%\n", 1, "1% to 100%"},
        {"cpu = 50\n", 1, "1% to 100%"},
        {"cpu = %\n", 1, "1% to 100%"},
        {"order = 100\n", 1, "0 to 99"},
        {"autostart = maybe\n", 1, "yes or no"},
        {"priority = 1\n", 1, "normal or high"},
        {"name=a\nkernel=k\nmemory=16M\npriority=high\n", 0, "at most 50%"},
        {"name=a\nkernel=k\nmemory=16M\nballoon=16M\n", 0, "smaller than memory"},
        {"name=a\nkernel=k\nmemory=2050M\nballoon=16M\n", 0, "at most 2G"},
        {"name=a\nkernel=k\nmemory=1G\nballoon=1024G\n", 0, "smaller than memory"},
        {"kernel = k\nmemory = 16M\n", 0, "missing: name"},
        {"name = a\nkernel = k\n", 0, "missing: memory"},
        {"name = a\nmemory = 16M\n", 0, "kernel and firmware"},
        {"name = a\nmemory = 16M\nkernel = k\nfirmware = f\n", 0, "kernel and firmware"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        assert_int_equal(parse(refusals[i].text), -1);
        assert_int_equal(error.line, refusals[i].line);
        assert_non_null(strstr(error.message, refusals[i].part));
    }
}

static void test_secret(void **state)
{
    (void)state;
    assert_int_equal(parse("name=a\nkernel=k\nmemory=16M\n"), 0);
    assert_string_equal(config.secret, "");
    assert_int_equal(parse("name=a\nkernel=k\nmemory=16M\nsecret = disk-key\n"), 0);
    assert_string_equal(config.secret, "disk-key");
    assert_false(config.secret_or_fail);
    assert_int_equal(parse("name=a\nkernel=k\nmemory=16M\nsecret=disk-key  or-fail \n"), 0);
    assert_string_equal(config.secret, "disk-key");
    assert_true(config.secret_or_fail);
}

static void test_nul_byte_is_refused(void **state)
{
    static const char text[] = "name = a\0b\n";
    (void)state;
    assert_int_equal(vmconfig_parse(text, sizeof(text) - 1, &config, &error), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_complete_file), cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_devices),       cmocka_unit_test(test_disks_of_the_machine),
        cmocka_unit_test(test_refusals),      cmocka_unit_test(test_nul_byte_is_refused),
        cmocka_unit_test(test_network),       cmocka_unit_test(test_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

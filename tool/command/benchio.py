# SPDX-License-Identifier: BSD-2-Clause
"""./quoin bench io: a machine's disk and network, in virtual machines and without one: instructions
for what test/guest/blocks.c and test/guest/exchange.c do."""

from . import benchmachine

# What lies between two marks, in their order; does it depend on the count? None: it is a stream.
DISK_PARTS = [("64 MiB written one after the other", False),
              ("64 MiB read one after the other", False),
              ("20,000 times 4 KiB read somewhere", True)]
# The same in a short run: how many requests each is (test/guest/blocks.c).
SOME = 200
DISK_REQUESTS = {"write-256k": 256, "read-256k": 256, "read-4k": SOME}
SOME_TRIPS = 1000
NETWORK_PARTS = [("20,000 round trips", True), ("64 MiB sent by TCP", None),
                 ("64 MiB received by TCP", None)]

# A virtual machine of Xen has other devices, which appear by themselves once their driver is there.
DISK_SCRIPT = """#!/bin/sh
if [ -e /lib/xen-blkfront.ko ]; then
    insmod /lib/xen-blkfront.ko
    until [ -e /dev/xvda ]; do sleep 0.1; done
    exec /test/blocks /dev/xvda $count
fi
for module in virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci \\
    virtio_blk; do
    insmod /lib/$module.ko
done
exec /test/blocks /dev/vda $count
"""
NETWORK_SCRIPT = """#!/bin/sh
set -e
if [ -e /lib/xen-netfront.ko ]; then
    insmod /lib/xen-netfront.ko
    until [ -e /sys/class/net/eth0 ]; do sleep 0.1; done
    for link in lo eth0; do ip link set $link up; done
else
    . /test/load-network
fi
ip addr add 10.0.2.20/24 dev eth0
echo 0 0 >/proc/sys/net/ipv4/ping_group_range
ping -c 2 10.0.2.2
exec /test/exchange $count $mib 10.0.2.2 10.0.2.100 10.0.2.101
"""


def _disk_test(devices=benchmachine.DISK):
    return benchmachine.Test(
        "disk-bench", DISK_SCRIPT, "blocks", ["mark_write", "mark_read", "mark_random", "mark_end"],
        devices, "disk = serial:bench\n",
        ["-drive", "if=none,id=disk,format=raw,file=/dev/vda,cache=none,aio=native",
         "-device", "virtio-blk-pci,drive=disk,disable-legacy=on"],
        "disk = ['phy:/dev/vda,xvda,w']", settle=True)


def disk_requests(yes):
    """What ./quoin test has limits for: instructions for one request beside the guest's own."""
    spent = benchmachine.beside(_disk_test(), SOME, benchmachine.MIB, yes)
    return {name: total // requests
            for (name, requests), total in zip(DISK_REQUESTS.items(), spent)}


def _disk(yes, devices=benchmachine.DISK, **columns):
    return benchmachine.rows(_disk_test(devices), DISK_PARTS, yes, **columns)


def _network_test():
    # Without vhost, with which KVM hardly ever gets to its end (benchmachine.KVM_TRIES).
    return benchmachine.Test(
        "network-bench", NETWORK_SCRIPT, "exchange",
        ["mark_rounds", "mark_send", "mark_receive", "mark_end"],
        benchmachine.NETWORK, "net = outside\n",
        ["-netdev", "tap,id=net,ifname=tap0,script=/tap,downscript=no",
         "-device", "virtio-net-pci,netdev=net,disable-legacy=on,romfile="],
        "vif = ['bridge=br0,mac=00:16:3e:51:00:01']", streams=True)


def round_trips(yes):
    """The same for one round trip with the emulator's user network."""
    return {"round-trip": benchmachine.beside(_network_test(), SOME_TRIPS, 0, yes)[0] // SOME_TRIPS}


def _network(yes):
    return benchmachine.rows(_network_test(), NETWORK_PARTS, yes)


def io(yes):
    return _disk(yes) + _network(yes)


def io_vtd(yes):
    """The disk behind VT-d, which Debian's kernel on the machine itself drives as well."""
    return _disk(yes, benchmachine.DISK_VTD, without_others=True)

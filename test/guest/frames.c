/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Frames as no honest guest sends them: frames KIND COUNT [ADDRESS] on eth0. Kinds:
 *   storm    broadcasts
 *   spoof    broadcasts from the address, which is another's
 *   vlan     broadcasts and frames to the address with tags of all VLANs, single and double
 *   unicast  frames to the address
 *   random   frames of random bytes and lengths behind the own address
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

enum { LENGTH = 64, LARGEST = 1514 };

static uint8_t own[6], other[6];
static uint8_t frame[LARGEST];
static uint64_t state = 88172645463325252ull;

static uint32_t random32(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16);
}

static void put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

/* Frame `number` of the kind; its length, or 0 for a kind that is none. The type is of no protocol
 * that anybody answers, so whoever gets it counts it and no more. */
static size_t make(const char *kind, uint32_t number)
{
    size_t length = LENGTH;
    memset(frame, 0, sizeof(frame));
    memset(frame, 0xff, 6);
    memcpy(frame + 6, own, 6);
    put16(frame + 12, 0x88b5); /* IEEE 802: local experiments */
    if (strcmp(kind, "storm") == 0)
        return length;
    if (strcmp(kind, "unicast") == 0) {
        memcpy(frame, other, 6);
    } else if (strcmp(kind, "spoof") == 0) {
        memcpy(frame + 6, other, 6);
    } else if (strcmp(kind, "vlan") == 0) {
        if (number & 1)
            memcpy(frame, other, 6);
        put16(frame + 12, 0x8100);
        put16(frame + 14, number / 4 % 4096);
        put16(frame + 16, number & 2 ? 0x8100 : 0x88b5);
        put16(frame + 18, number / 4 % 4096 + 1);
        put16(frame + 20, 0x88b5);
    } else if (strcmp(kind, "random") == 0) {
        length = 14 + random32() % (LARGEST - 14);
        for (size_t i = 12; i < length; i++)
            frame[i] = (uint8_t)random32();
        if (number & 1)
            memcpy(frame, other, 6);
    } else {
        length = 0;
    }
    return length;
}

int main(int count, char **words)
{
    struct ifreq request = {.ifr_name = "eth0"};
    int raw = socket(AF_PACKET, SOCK_RAW, htons(0));
    if (count < 3 || raw < 0 || ioctl(raw, SIOCGIFHWADDR, &request) < 0)
        return 2;
    memcpy(own, request.ifr_hwaddr.sa_data, sizeof(own));
    if (ioctl(raw, SIOCGIFINDEX, &request) < 0)
        return 2;
    struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = request.ifr_ifindex};
    for (unsigned i = 0; i < 6 && count > 3; i++)
        other[i] = (uint8_t)strtoul(words[3] + 3 * i, NULL, 16);
    uint32_t total = (uint32_t)strtoul(words[2], NULL, 10);
    for (uint32_t i = 0; i < total; i++) {
        size_t length = make(words[1], i);
        if (length == 0)
            return 2;
        while (sendto(raw, frame, length, 0, (struct sockaddr *)&to, sizeof(to)) < 0) {
            struct pollfd wait = {.fd = raw, .events = POLLOUT};
            if (errno != ENOBUFS && errno != EAGAIN)
                return 1;
            poll(&wait, 1, 10);
        }
    }
    printf("frames: %u sent\n", total);
    return 0;
}

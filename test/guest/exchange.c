/* SPDX-License-Identifier: BSD-2-Clause
 *
 * exchange COUNT MIB GATEWAY SINK SOURCE: COUNT pings to the gateway, one after the other; MIB by
 * TCP to port 9 of SINK, which takes everything, and as much from port 19 of SOURCE, which sends
 * without end. What lies between two of the marks is what ./quoin bench io counts; the program is
 * linked where no other one stands.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SIZE = 56, PIECE = 64 * 1024, DISCARD = 9, CHARGEN = 19 };

#define MARK(name)                             \
    __attribute__((noinline)) void name(void); \
    void name(void)                            \
    {                                          \
        __asm__ volatile("");                  \
    }

MARK(mark_rounds)
MARK(mark_send)
MARK(mark_receive)
MARK(mark_end)

static struct sockaddr_in address(const char *text, uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (inet_pton(AF_INET, text, &to.sin_addr) != 1)
        exit(2);
    return to;
}

static int fail(const char *what)
{
    perror(what);
    return 1;
}

/* The kernel fills the checksum in and gives this socket its own answers alone (icmp(7)). */
static int rounds(unsigned long count, const char *gateway)
{
    struct {
        struct icmphdr header;
        uint8_t data[SIZE];
    } packet;
    const struct sockaddr_in to = address(gateway, 0);
    const struct timeval patience = {.tv_sec = 5};
    int ping = socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
    if (ping < 0 || setsockopt(ping, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) != 0)
        return fail("ping socket");
    for (unsigned long i = 0; i < count; i++) {
        memset(&packet, 0x5a, sizeof(packet));
        packet.header = (struct icmphdr){.type = ICMP_ECHO};
        packet.header.un.echo.sequence = htons((uint16_t)i);
        if (sendto(ping, &packet, sizeof(packet), 0, (const struct sockaddr *)&to, sizeof(to)) !=
            sizeof(packet))
            return fail("ping");
        if (recv(ping, &packet, sizeof(packet), 0) != sizeof(packet) ||
            packet.header.un.echo.sequence != htons((uint16_t)i))
            return fail("answer");
    }
    return close(ping);
}

static int joined(const char *text, uint16_t port)
{
    const struct sockaddr_in to = address(text, port);
    int stream = socket(AF_INET, SOCK_STREAM, 0);
    if (stream < 0 || connect(stream, (const struct sockaddr *)&to, sizeof(to)) != 0)
        return -1;
    return stream;
}

int main(int count, char **words)
{
    static uint8_t data[PIECE];
    const struct linger all = {.l_onoff = 1, .l_linger = 60};
    if (count != 6)
        return 2;
    size_t bytes = strtoul(words[2], NULL, 10) << 20;
    mark_rounds();
    if (rounds(strtoul(words[1], NULL, 10), words[3]) != 0)
        return 1;
    mark_send();
    int stream = joined(words[4], DISCARD);
    for (size_t i = 0; i < bytes; i += PIECE) {
        if (write(stream, data, sizeof(data)) != (ssize_t)sizeof(data))
            return fail("send");
    }
    /* Waits until the other side has everything (socket(7)). */
    if (setsockopt(stream, SOL_SOCKET, SO_LINGER, &all, sizeof(all)) != 0 || close(stream) != 0)
        return fail("close");
    mark_receive();
    stream = joined(words[5], CHARGEN);
    for (size_t left = bytes; left != 0;) {
        ssize_t length = read(stream, data, left < sizeof(data) ? left : sizeof(data));
        if (length <= 0)
            return fail("receive");
        left -= (size_t)length;
    }
    mark_end();
    printf("exchange: done\n");
    return 0;
}

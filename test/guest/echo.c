/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Pings of a guest under test: echo ADDRESS COUNT SIZE WINDOW sends COUNT requests with SIZE bytes
 * of data, WINDOW of them on their way at a time, and says what came back: how many were lost,
 * changed or out of order, and how long they took. Ends with 0 if all came back in order.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEADER = 8, LARGEST = 1472, MAX_WINDOW = 64, PATIENCE_MS = 3000 };

/* The data begins with the request's number; the rest follows from it. */
struct packet {
    struct icmphdr header;
    uint32_t number;
    uint8_t data[LARGEST - sizeof(uint32_t)];
};

static uint64_t sent_at[MAX_WINDOW];
static uint64_t *took; /* ns, of each that came back */
static uint32_t received, lost, wrong, disordered;

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static uint16_t checksum(const void *data, size_t length)
{
    const uint8_t *bytes = data;
    uint32_t sum = 0;
    for (size_t i = 0; i + 1 < length; i += 2)
        sum += (uint32_t)(bytes[i] | bytes[i + 1] << 8);
    if (length & 1)
        sum += bytes[length - 1];
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

static void fill(struct packet *packet, uint32_t number, size_t size)
{
    memset(packet, 0, sizeof(*packet));
    packet->header.type = ICMP_ECHO;
    packet->header.un.echo.id = htons((uint16_t)getpid());
    packet->header.un.echo.sequence = htons((uint16_t)number);
    packet->number = number;
    for (size_t i = 0; i + sizeof(packet->number) < size; i++)
        packet->data[i] = (uint8_t)(number + i * 7);
    packet->header.checksum = checksum(packet, HEADER + size);
}

/* Takes one reply; false when none came. `next` is the number of the oldest that is on its way. */
static int take(int socket, uint32_t *next, uint32_t end, size_t size)
{
    static uint8_t bytes[65536];
    static struct packet expected;
    struct pollfd wait = {.fd = socket, .events = POLLIN};
    uint64_t deadline = now() + PATIENCE_MS * 1000000ull;
    while (now() < deadline) {
        if (poll(&wait, 1, 100) <= 0)
            continue;
        ssize_t length = recv(socket, bytes, sizeof(bytes), 0);
        size_t ip = (size_t)(bytes[0] & 15) * 4;
        const struct packet *packet = (const void *)(bytes + ip);
        if (length < (ssize_t)(ip + HEADER + sizeof(uint32_t)) ||
            packet->header.type != ICMP_ECHOREPLY ||
            packet->header.un.echo.id != htons((uint16_t)getpid()))
            continue;
        uint32_t number = packet->number;
        if (number < *next || number >= end) {
            disordered++; /* twice, or behind a later one */
            return 1;
        }
        fill(&expected, number, size);
        if ((size_t)length != ip + HEADER + size ||
            memcmp(&packet->number, &expected.number, size) != 0)
            wrong++;
        lost += number - *next;
        *next = number + 1;
        took[received++] = now() - sent_at[number % MAX_WINDOW];
        return 1;
    }
    return 0;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

int main(int count, char **words)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    static struct packet packet;
    if (count != 5 || inet_pton(AF_INET, words[1], &to.sin_addr) != 1)
        return 2;
    uint32_t total = (uint32_t)strtoul(words[2], NULL, 10);
    size_t size = strtoul(words[3], NULL, 10);
    uint32_t window = (uint32_t)strtoul(words[4], NULL, 10);
    int raw = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
    took = calloc(total + 1, sizeof(*took));
    if (size < sizeof(uint32_t) || size > LARGEST || window == 0 || window > MAX_WINDOW ||
        raw < 0 || took == NULL)
        return 2;
    uint32_t next = 0;
    uint32_t end = 0;
    while (next < total) {
        while (end < total && end - next < window) {
            fill(&packet, end, size);
            sent_at[end % MAX_WINDOW] = now();
            if (sendto(raw, &packet, HEADER + size, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
                perror("sendto");
            end++;
        }
        if (!take(raw, &next, end, size)) {
            lost += end - next;
            next = end;
        }
    }
    qsort(took, received, sizeof(*took), compare);
    printf("echo: %u sent, %u received, %u lost, %u changed, %u out of order\n", total, received,
           lost, wrong, disordered);
    if (received != 0)
        printf("echo: round trips of %lu to %lu ns, half below %lu, 99 %% below %lu\n",
               (unsigned long)took[0], (unsigned long)took[received - 1],
               (unsigned long)took[received / 2],
               (unsigned long)took[(uint64_t)received * 99 / 100]);
    return received == total && wrong == 0 && disordered == 0 ? 0 : 1;
}

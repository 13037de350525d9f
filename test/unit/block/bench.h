/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Client and server of the block protocol over one region, before a disk in memory that answers
 * later and in any order. Each side runs only when it was woken.
 */
#ifndef TEST_BLOCK_BENCH_H
#define TEST_BLOCK_BENCH_H

#include <block/bounce.h>
#include <block/client.h>
#include <block/ramdisk.h>
#include <block/server.h>

#include "delay.h"

#define SECTORS 4096u /* of the disk */
#define REGION  (BLOCK_AT_DATA + 32 * 8192u)

struct bench {
    struct ramdisk disk;
    struct delay delay;
    struct block_server server;
    struct block_client client;
    struct bounce bounce;
    struct block_offer offer; /* without its device, which is delay's */
    uint32_t map[SECTORS / 8];
    uint8_t *store;
    uint8_t *region;
    bool server_woken;
    bool client_woken;
    unsigned crash; /* the server dies at the crash-th step, and is followed by another one */
};

/* Makes the disk; what stands before it, or itself, is for bench_open. */
void bench_initialize(struct bench *bench);

/* Opens what is offered of the device, for a client that is there. */
void bench_open(struct bench *bench, struct block_device *lower, const struct block_offer *offer);

void bench_wake_server(void *context);

/* A server takes its predecessor's place. */
void bench_new_server(struct bench *bench);

/* For an exercise: context is the bench. */
void bench_step(void *context);

/* Completes what the device has, one after the other. */
void bench_complete(struct bench *bench);

/* Puts a message into the ring beside the client's own; takes an answer out of it. */
void bench_put(struct bench *bench, const struct block_message *message);
enum block_status bench_answer(struct bench *bench, uint64_t id);

/* Both, with all between them. */
enum block_status bench_ask(struct bench *bench, const struct block_message *message);

void bench_end(struct bench *bench);

#endif

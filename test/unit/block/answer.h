/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How the requests of a test end that are not the exercise's.
 */
#ifndef TEST_BLOCK_ANSWER_H
#define TEST_BLOCK_ANSWER_H

#include <block/device.h>

/* As many as there were, and the last one. */
static unsigned answers;
static enum block_status answer;

/* A request's `complete`. */
static inline void answer_note(struct block_request *request, enum block_status status)
{
    (void)request;
    answer = status;
    answers++;
}

#endif

/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the keys' parsers share; nobody else's business.
 */
#ifndef VMCONFIG_PARSER_H
#define VMCONFIG_PARSER_H

#include "vmconfig.h"

/* A piece of the file. */
struct text {
    const char *start;
    size_t length;
};

struct parser {
    struct vmconfig *config;
    struct vmconfig_error *error;
    unsigned line;
    uint32_t seen; /* bit: index in the table of keys */
};

/* -1, with the error "message" or "message: detail", cut to what fits. */
int parser_fail(struct parser *p, const char *message, struct text detail);

bool parser_text_is(struct text t, const char *string);

/* Cuts the first word off; an empty one at the end. */
struct text parser_next_word(struct text *rest);

/* Digits only; false beyond 2^40 too. */
bool parser_number(struct text t, uint64_t *number);

/* A name of letters, digits, - and _, shorter than size; 0 or -1 as parser_fail. */
int parser_set_name(struct parser *p, char *to, size_t size, struct text value);

/* The key `net`, and what is to be done about it when the whole file is known. */
int parser_set_net(struct parser *p, struct text value);
void parser_complete_net(struct vmconfig *config);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#include "request.h"

#include <string.h>

static const struct {
    const char *word;
    enum request_kind kind;
    int has_name;
    int has_data;
} kinds[] = {
    {"status", REQUEST_STATUS, 0, 0},
    {"release", REQUEST_RELEASE, 1, 1},
    {"certificate", REQUEST_CERTIFICATE, 0, 0},
    {"activate", REQUEST_ACTIVATE, 0, 1},
    {"prove", REQUEST_PROVE, 0, 1},
    {"console", REQUEST_CONSOLE, 0, 0},
    {"type", REQUEST_TYPE, 0, 1},
    {"end", REQUEST_END, 0, 0},
};

static int is_name_byte(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

/* Cuts off what stands before the first blank, which is cut off as well; all, where there is none.
 */
static struct pq_bytes cut(struct pq_bytes *rest)
{
    struct pq_bytes word = {rest->data, 0};

    while (word.size < rest->size && rest->data[word.size] != ' ')
        word.size++;
    size_t taken = word.size < rest->size ? word.size + 1 : word.size;
    rest->data += taken;
    rest->size -= taken;
    return word;
}

static int read_name(struct pq_bytes word, char name[REQUEST_NAME_SIZE])
{
    if (word.size == 0 || word.size >= REQUEST_NAME_SIZE)
        return -1;
    for (size_t i = 0; i < word.size; i++) {
        if (!is_name_byte(word.data[i]))
            return -1;
        name[i] = (char)word.data[i];
    }
    return 0;
}

int request_parse(struct pq_bytes text, struct request *request)
{
    const size_t size = text.size;
    struct pq_bytes word = cut(&text);

    memset(request, 0, sizeof *request);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strlen(kinds[i].word) != word.size || memcmp(kinds[i].word, word.data, word.size) != 0)
            continue;
        request->kind = kinds[i].kind;
        if (!kinds[i].has_data)
            return word.size == size ? 0 : -1;
        if (kinds[i].has_name && read_name(cut(&text), request->name) != 0)
            return -1;
        request->data = text;
        return text.size != 0 ? 0 : -1;
    }
    return -1;
}

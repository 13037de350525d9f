/* SPDX-License-Identifier: BSD-2-Clause */
/* Files, memory and randomness of the host. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sign.h"

void die(const char *format, ...)
{
    va_list arguments;

    fprintf(stderr, "quoin-sign: ");
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

void *allocate(size_t size)
{
    void *memory = malloc(size ? size : 1);
    if (!memory)
        die("out of memory");
    return memory;
}

struct pq_bytes file_read(const char *path)
{
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    uint8_t *data;
    size_t done = 0;

    if (file < 0 || fstat(file, &status) < 0)
        die("%s: %s", path, strerror(errno));
    if (!S_ISREG(status.st_mode))
        die("%s is not a file", path);
    data = allocate((size_t)status.st_size);
    while (done < (size_t)status.st_size) {
        ssize_t part = read(file, data + done, (size_t)status.st_size - done);
        if (part <= 0)
            die("%s: %s", path, part < 0 ? strerror(errno) : "it became shorter while it was read");
        done += (size_t)part;
    }
    close(file);
    return (struct pq_bytes){data, done};
}

void file_write(const char *path, const uint8_t *data, size_t size, int secret)
{
    char fresh[4096];
    int file;
    size_t done = 0;

    if ((size_t)snprintf(fresh, sizeof fresh, "%s.new", path) >= sizeof fresh)
        die("%s: the name is too long", path);
    file = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, secret ? 0600 : 0644);
    if (file < 0)
        die("%s: %s", fresh, strerror(errno));
    while (done < size) {
        ssize_t part = write(file, data + done, size - done);
        if (part < 0)
            die("%s: %s", fresh, strerror(errno));
        done += (size_t)part;
    }
    if (fsync(file) < 0 || close(file) < 0 || rename(fresh, path) < 0)
        die("%s: %s", path, strerror(errno));
}

const char *file_in(const char *folder, const char *name)
{
    static char paths[4][4096];
    static unsigned next;
    char *path = paths[next++ % 4];

    if ((size_t)snprintf(path, sizeof paths[0], "%s/%s", folder, name) >= sizeof paths[0])
        die("%s: the name is too long", folder);
    return path;
}

void random_bytes(uint8_t *out, size_t size)
{
    while (size != 0) {
        ssize_t part = getrandom(out, size, 0);
        if (part <= 0)
            die("no random bytes: %s", strerror(errno));
        out += part;
        size -= (size_t)part;
    }
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* The line to a machine: a serial device, or a socket that an emulator serves. */
#ifndef LINE_H
#define LINE_H

#include <stddef.h>
#include <stdint.h>

/* A file descriptor, or -1 with errno set. A terminal device is set to 115200 baud, 8N1, raw. */
int line_open(const char *path);

/* 0, or -1. */
int line_write(int line, const uint8_t *data, size_t size);

/* At most size bytes that come within that many milliseconds; 0 when none come, -1 at the end. */
long line_read(int line, uint8_t *data, size_t size, int milliseconds);

#endif

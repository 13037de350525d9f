/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "line.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

static int open_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int line;

    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path));
    line = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (line >= 0 && connect(line, (const struct sockaddr *)&address, sizeof address) < 0) {
        close(line);
        return -1;
    }
    return line;
}

int line_open(const char *path)
{
    struct stat status;
    struct termios settings;
    int line;

    if (stat(path, &status) < 0)
        return -1;
    if (S_ISSOCK(status.st_mode))
        return open_socket(path);
    line = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (line >= 0 && tcgetattr(line, &settings) == 0) {
        cfmakeraw(&settings);
        settings.c_cflag |= CLOCAL | CREAD;
        cfsetspeed(&settings, B115200);
        tcsetattr(line, TCSAFLUSH, &settings);
    }
    return line;
}

int line_write(int line, const uint8_t *data, size_t size)
{
    while (size != 0) {
        ssize_t part = write(line, data, size);
        if (part <= 0)
            return -1;
        data += part;
        size -= (size_t)part;
    }
    return 0;
}

long line_read(int line, uint8_t *data, size_t size, int milliseconds)
{
    struct pollfd wait = {.fd = line, .events = POLLIN};
    ssize_t got;

    if (poll(&wait, 1, milliseconds) <= 0)
        return 0;
    got = read(line, data, size);
    return got > 0 ? got : -1;
}

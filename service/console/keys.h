/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What is typed: the escape key and the keys of the pages, the rest for the machine in focus.
 */
#ifndef CONSOLE_KEYS_H
#define CONSOLE_KEYS_H

#include <stdint.h>

#include "view.h"

void key_byte(enum screen screen, uint8_t byte);

#endif

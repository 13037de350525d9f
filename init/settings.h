/* SPDX-License-Identifier: BSD-2-Clause
 *
 * From a VM's configuration file to what init must know to build it.
 */
#ifndef INIT_SETTINGS_H
#define INIT_SETTINGS_H

#include "vm.h"

/* 0, or -1 with a line in the log that names file and line. Checks the whole file. */
int settings_read(const struct archive_file *file, struct vm_settings *settings);

#endif

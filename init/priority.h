/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef INIT_PRIORITY_H
#define INIT_PRIORITY_H

/* Above every virtual machine, so that none can keep init from ending it, and below the services,
 * so that they go on while init works. */
enum { INIT_PRIORITY = 140, DEFAULT_MACHINE_PRIORITY = 100 };

#endif

/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Linked into a driver of disks whose devices are to seem slow in a test: with a machine that has
 * ended it has done only LATE_SECONDS later.
 */
#include <block/server.h>
#include <component/component.h>

bool __real_block_server_idle(const struct block_server *server);
bool __wrap_block_server_idle(const struct block_server *server);

bool __wrap_block_server_idle(const struct block_server *server)
{
    static const struct block_server *last;
    static uint32_t generation;
    static uint64_t since;

    if (!__real_block_server_idle(server))
        return false;
    if (server->generation == 0 || server->open)
        return true;
    if (last != server || generation != server->generation) {
        last = server;
        generation = server->generation;
        since = component_tsc();
    }
    return component_tsc() - since > LATE_SECONDS * component_info->tsc_hz;
}

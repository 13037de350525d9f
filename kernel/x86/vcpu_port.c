/* SPDX-License-Identifier: BSD-2-Clause
 *
 * I/O ports given to guests by EnableIOPort. A VCPU object has no room for a permission map of all
 * ports, so it keeps a few ranges; an access exits to the kernel, which carries it out.
 */
#include "x86/asm.h"
#include "x86/vcpu.h"

static struct vcpu *vcpus_with_ports; /* under the kernel lock */

bool vcpu_port_allowed(const struct vcpu *v, uint16_t port, unsigned bytes)
{
    uint32_t end = (uint32_t)port + bytes - 1;
    for (unsigned i = 0; i < v->port_count; i++) {
        if (port >= v->ports[i].first && end <= v->ports[i].last)
            return true;
    }
    return false;
}

static void list_remove(struct vcpu *v)
{
    for (struct vcpu **p = &vcpus_with_ports; *p; p = &(*p)->ports_next) {
        if (*p == v) {
            *p = v->ports_next;
            return;
        }
    }
}

bool vcpu_port_enable(struct vcpu *v, uint16_t first, uint16_t last)
{
    if (v->port_count == VCPU_PORT_RANGES)
        return false;
    if (v->port_count == 0) {
        v->ports_next = vcpus_with_ports;
        vcpus_with_ports = v;
    }
    v->ports[v->port_count++] = (struct port_range){first, last};
    return true;
}

/* Ranges that would remain of r without first..last: none, one or two. */
static unsigned subtract(struct port_range r, uint16_t first, uint16_t last,
                         struct port_range rest[static 2])
{
    unsigned n = 0;
    if (first > r.last || last < r.first) {
        rest[n++] = r;
        return n;
    }
    if (r.first < first)
        rest[n++] = (struct port_range){r.first, (uint16_t)(first - 1)};
    if (r.last > last)
        rest[n++] = (struct port_range){(uint16_t)(last + 1), r.last};
    return n;
}

bool vcpu_port_disable(struct vcpu *v, uint16_t first, uint16_t last)
{
    struct port_range kept[2 * VCPU_PORT_RANGES];
    unsigned n = 0;
    for (unsigned i = 0; i < v->port_count; i++)
        n += subtract(v->ports[i], first, last, &kept[n]);
    if (n > VCPU_PORT_RANGES)
        return false;
    for (unsigned i = 0; i < n; i++)
        v->ports[i] = kept[i];
    if (n == 0 && v->port_count != 0)
        list_remove(v);
    v->port_count = (uint8_t)n;
    return true;
}

void vcpu_port_forget(struct vcpu *v)
{
    vcpu_port_disable(v, 0, UINT16_MAX);
}

/* Whole ranges go, so that a full list is no reason to keep a port. A guest that runs on another
 * core meanwhile loses them with its next exit; vcpu_quiesce makes that now. */
void vcpu_port_revoked(uint16_t first, uint16_t last)
{
    struct vcpu *next;
    for (struct vcpu *v = vcpus_with_ports; v; v = next) {
        next = v->ports_next;
        bool touched = false;
        for (unsigned i = 0; i < v->port_count; i++)
            touched |= v->ports[i].first <= last && v->ports[i].last >= first;
        if (!touched)
            continue;
        vcpu_quiesce(v);
        if (!vcpu_port_disable(v, first, last))
            vcpu_port_forget(v);
    }
}

/* --- Served in the VMM's stead --- */

bool vcpu_port_serve(struct vcpu *v, uint16_t port, uint8_t how, uint8_t value)
{
    struct port_service service = {port, how, value};
    unsigned i = 0;
    while (i < v->service_count && v->services[i].port != port)
        i++;
    if (how == QUOIN_PORT_EXIT) {
        if (i < v->service_count)
            v->services[i] = v->services[--v->service_count];
        return true;
    }
    if (i == QUOIN_PORTS_SERVED)
        return false;
    v->services[i] = service;
    if (i == v->service_count)
        v->service_count++;
    return true;
}

static bool collect(struct vcpu *v, uint8_t byte)
{
    if (!v->collecting || v->collected_count == QUOIN_COLLECT_MAX)
        return false;
    unsigned shift = v->collected_count % 8 * 8;
    uint64_t *word = &v->collected[v->collected_count++ / 8];
    *word = (shift == 0 ? 0 : *word) | (uint64_t)byte << shift;
    return true;
}

bool vcpu_port_served(struct vcpu *v, uint16_t port, bool in)
{
    for (unsigned i = 0; i < v->service_count; i++) {
        const struct port_service *s = &v->services[i];
        if (s->port != port || (s->how == QUOIN_PORT_ANSWER) != in)
            continue;
        if (!in)
            return collect(v, (uint8_t)v->gpr[GPR_RAX]);
        v->gpr[GPR_RAX] = (v->gpr[GPR_RAX] & ~0xffull) | s->value;
        return true;
    }
    return false;
}

void vcpu_port_access(struct vcpu *v, uint16_t port, unsigned bytes, bool in)
{
    uint64_t *rax = &v->gpr[GPR_RAX];
    switch (bytes) {
    case 1:
        if (in)
            *rax = (*rax & ~0xffull) | asm_in8(port);
        else
            asm_out8(port, (uint8_t)*rax);
        break;
    case 2:
        if (in)
            *rax = (*rax & ~0xffffull) | asm_in16(port);
        else
            asm_out16(port, (uint16_t)*rax);
        break;
    default:
        if (in)
            *rax = asm_in32(port);
        else
            asm_out32(port, (uint32_t)*rax);
        break;
    }
}

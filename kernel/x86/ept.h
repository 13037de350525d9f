/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Guest-physical address spaces: EPT on VT-x, nested page tables on AMD-V.
 */
#ifndef KERNEL_X86_EPT_H
#define KERNEL_X86_EPT_H

#include "api/call.h"

/* Once at boot: which format the tables have. */
void ept_init(bool svm, bool huge_frames);

struct cap ept_create(enum cap_type type, struct paddr base);
enum result ept_decode(struct call *c);
enum result ept_map_frame(struct call *c);
void ept_unmap_frame(struct cap frame);
void ept_cap_finalise(struct cap cap, bool final);
void ept_asid_removed(unsigned asid);

/* Root table of the space that an EPT PML4 capability names and its ASID, or the empty space with
 * ASID 0 if the capability is null or its ASID is gone. */
struct paddr ept_root(struct cap cap, unsigned *asid);
/* Counts changes of a space that make cached translations wrong. */
uint32_t ept_epoch(unsigned asid);
/* True if the core may hold wrong translations of the space; says so once for each change. */
bool ept_take_stale(unsigned asid, unsigned core);
/* The ASID now names another table: nothing cached for it is right. */
void ept_mark_stale(unsigned asid);

#endif

/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Virtual machines, as the rest of the kernel sees them: VCPU, EPT and I/O address space objects,
 * and the way into a guest and back. Behind it stand svm/ and vmx/; one of them, or none, is chosen
 * at boot.
 */
#ifndef KERNEL_X86_VIRT_H
#define KERNEL_X86_VIRT_H

#include "api/call.h"
#include "object/sched.h"

/* --- Boot ------------------------------------------------------------------------------------ */

/* Boot core, after its tables and SYSCALL MSRs are set up and before the first object is made. */
void virt_init(void);
/* Every core, the boot core after virt_init, likewise with its GDT, TSS and MSRs set up. */
void virt_init_core(void);
/* For bootinfo: QUOIN_FEATURE_* of virtualization, and what quoin_extensions.xcr0 holds. */
uint64_t virt_features(void);
uint64_t virt_max_xcr0(void);

/* Boot core: finds the IOMMUs in the ACPI tables (acpi.h) and switches them on, unless enable is
 * false ("disable_iommu" on the command line). most: pages of their tables are 4 KiB (0), 2 MiB too
 * (1), 1 GiB too ("iommu_large": what units without these are like). After kspace_init, before the
 * untypeds are made: takes memory with boot_alloc_pages, maps registers with kspace_map_device and
 * keeps them from user mode with boot_reserve (boot.h). */
struct acpi_info;
void iommu_init(const struct acpi_info *acpi, bool enable, unsigned most);
/* Bootinfo's numIOPTLevels, 0 without IOMMU. */
unsigned iommu_levels(void);
/* For bootinfo: QUOIN_FEATURE_* of the IOMMU. */
uint64_t iommu_features(void);
/* Slot 8; there even without IOMMU, as in a kernel of the ABI's column E. */
struct cap iommu_master_cap(void);
/* VECTOR_IOMMU arrived; lock held. */
void iommu_interrupt(void);
/* As arch_cap_update_data for CAP_IO_SPACE: Mint of the master cap with a device badge. */
struct cap iommu_cap_update_data(bool preserve, uint64_t data, struct cap cap);

/* --- Objects and capabilities ---------------------------------------------------------------- */

/* For arch_object_bits and arch_object_create: VCPU, EPT_* and IO_PAGE_TABLE. 0 bits: there is no
 * such type on this machine. The memory is cleared. */
unsigned virt_object_bits(uint64_t type);
struct cap virt_object_create(uint64_t type, struct paddr base);

/* Invocations of CAP_VCPU, CAP_EPT_*, CAP_IO_SPACE, CAP_IO_PAGE_TABLE. */
enum result virt_decode(struct call *c);
/* LABEL_PAGE_MAP_EPT and LABEL_PAGE_MAP_IO, invoked on a frame. */
enum result virt_map_frame(struct call *c);
/* A frame mapped as MAP_EPT or MAP_IOSPACE is unmapped or its capability deleted. The caller
 * clears the mapping in the capability. */
void virt_unmap_frame(struct cap frame);
/* LABEL_TCB_SET_EPT_ROOT, invoked on a TCB. */
enum result virt_tcb_set_ept_root(struct call *c);
/* arch_cap_finalise for the types above; also to be called for a final CAP_IO_PORT, whose ports
 * guests lose. Paging structures copy as those of the vspace do: only while mapped. */
void virt_cap_finalise(struct cap cap, bool final);
/* The thread is being deleted: dissociates its VCPU. From arch_tcb_finalise. */
void virt_tcb_finalise(struct tcb *t);
/* An ASID pool is being deleted or an EPT root lost its ASID: guests that run on it stop. */
void virt_asid_removed(unsigned asid);

/* --- Running guests --------------------------------------------------------------------------
 *
 * arch_vmenter makes a thread THREAD_RUNNING_VM. The exit path to user mode is
 *
 *     for (sched_leave(core); core->current->state == THREAD_RUNNING_VM; sched_leave(core))
 *         virt_run(core);
 *     kernel_unlock();
 *
 * virt_run is called, and returns, with the kernel lock held and interrupts off. It unlocks
 * (kernel_unlock), runs the guest of core->current until something happens, takes the lock with
 * kernel_enter(core) (entry.h; it calls sched_enter) and handles what happened: an interrupt goes
 * to kernel_interrupt below, everything else ends the VMEnter. If kernel_enter says false, another
 * core took the thread away meanwhile (it may have no VCPU any more): only an interrupt is handled
 * then, the exit is forgotten; the guest will run into it again. */
void virt_run(struct core *core);

/* Called for a VMEnter of core->current, with the lock held and the clock read. */
enum virt_entry {
    VIRT_ENTRY_REFUSED, /* nothing was changed: arch_vmenter is to carry the call out */
    VIRT_ENTRY_DONE,    /* the guest has run, as virt_run says; kernel_leave follows */
    VIRT_ENTRY_RETURN,  /* likewise, and the thread goes on at once */
};
enum virt_entry virt_enter_quickly(struct core *core, bool extended);

/* From arch_switch_to and arch_switch_quickly, for every thread they switch to (before they see to
 * its FPU state), if there is a current_vcpu. Of guest state that is left in the registers of this
 * core (FPU, XCR0, debug registers, TSC_AUX) all stays there while only the idle thread or the
 * VCPU's own thread runs. Under another thread what that can neither see nor change stays: debug
 * registers, and the FPU behind CR0.TS if XCR0 is the host's. */
void virt_switch_to(struct core *core, struct tcb *t);

/* True if the FPU registers hold the state of t's own guest. Then arch_switch_to loads nothing but
 * sets CR0.TS, so that a VMM that uses no FPU costs none; on #NM the kernel calls virt_fpu_release
 * and loads t's state. */
bool virt_holds_fpu(const struct core *core, const struct tcb *t);
/* Guest FPU state, if there is any in this core's registers, goes to its VCPU; XCR0 is the host's
 * again. virt_run calls arch_fpu_release(core->fpu_owner) before it loads a guest's. */
void virt_fpu_release(struct core *core);

/* --- What this needs of the platform's code --------------------------------------------------- */

/* The root registered for an ASID, or null if there is none or it is of the other kind. */
void *asid_lookup(unsigned asid, bool ept);

/* Handles an external interrupt as entry code does one from user mode: lock held, sched_enter
 * done; sched_leave follows. */
void kernel_interrupt(struct core *core, unsigned vector);

/* Kernel mode, interrupts off, lock not held: lets one pending interrupt in (STI, NOP, CLI). The
 * stub that takes interrupts in kernel mode records its vector and returns without an EOI; the
 * result is that vector, or 0 if none came. kernel_interrupt then handles it. The same serves the
 * idle loop with HLT. */
unsigned arch_interrupt_window(void);

/* Host PAT (SDM vol. 3, 12.12): entries 0 WB, 1 WT, 2 UC-, 3 UC, 4 WC, 5 WP; nested paging's memory
 * types rely on it. */
#define HOST_PAT 0x0007050100070406ull
_Static_assert((HOST_PAT & 0xff) == 6 && (HOST_PAT >> 8 & 0xff) == 4 &&
                   (HOST_PAT >> 16 & 0xff) == 7 && (HOST_PAT >> 24 & 0xff) == 0 &&
                   (HOST_PAT >> 32 & 0xff) == 1 && (HOST_PAT >> 40 & 0xff) == 5,
               "the order above");

#endif

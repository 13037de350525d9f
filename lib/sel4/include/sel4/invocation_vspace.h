/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Invocations of paging structures, pages, address space identifiers and I/O page tables (ABI
 * sheet, sections 9 and 14). Addresses are in bytes; a structure covers the naturally aligned range
 * that holds vaddr.
 */
#ifndef SEL4_INVOCATION_VSPACE_H
#define SEL4_INVOCATION_VSPACE_H

#include <sel4/invocation.h>

static inline seL4_Error seL4_x64_map_structure(seL4_CPtr object, seL4_Word label, seL4_CPtr vspace,
                                                seL4_Word vaddr, seL4_Word attr)
{
    seL4_SetCap(0, vspace);
    return seL4_x64_invoke2(object, label, 1, vaddr, attr);
}

static inline seL4_Error seL4_X86_PDPT_Map(seL4_X86_PDPT pdpt, seL4_X64_PML4 vspace,
                                           seL4_Word vaddr, seL4_X86_VMAttributes attr)
{
    return seL4_x64_map_structure(pdpt, X86PDPTMap, vspace, vaddr, attr);
}

static inline seL4_Error seL4_X86_PDPT_Unmap(seL4_X86_PDPT pdpt)
{
    return seL4_x64_invoke0(pdpt, X86PDPTUnmap, 0);
}

static inline seL4_Error seL4_X86_PageDirectory_Map(seL4_X86_PageDirectory directory,
                                                    seL4_X64_PML4 vspace, seL4_Word vaddr,
                                                    seL4_X86_VMAttributes attr)
{
    return seL4_x64_map_structure(directory, X86PageDirectoryMap, vspace, vaddr, attr);
}

static inline seL4_Error seL4_X86_PageDirectory_Unmap(seL4_X86_PageDirectory directory)
{
    return seL4_x64_invoke0(directory, X86PageDirectoryUnmap, 0);
}

static inline seL4_Error seL4_X86_PageTable_Map(seL4_X86_PageTable table, seL4_X64_PML4 vspace,
                                                seL4_Word vaddr, seL4_X86_VMAttributes attr)
{
    return seL4_x64_map_structure(table, X86PageTableMap, vspace, vaddr, attr);
}

static inline seL4_Error seL4_X86_PageTable_Unmap(seL4_X86_PageTable table)
{
    return seL4_x64_invoke0(table, X86PageTableUnmap, 0);
}

/* Maps a page, or changes rights and attributes of a page mapped at this very address. */
static inline seL4_Error seL4_X86_Page_Map(seL4_X86_Page page, seL4_X64_PML4 vspace,
                                           seL4_Word vaddr, seL4_CapRights_t rights,
                                           seL4_X86_VMAttributes attr)
{
    seL4_SetCap(0, vspace);
    return seL4_x64_invoke3(page, X86PageMap, 1, vaddr, rights.words[0], attr);
}

/* Undoes Map, MapIO and MapEPT alike. */
static inline seL4_Error seL4_X86_Page_Unmap(seL4_X86_Page page)
{
    return seL4_x64_invoke0(page, X86PageUnmap, 0);
}

/* Lets the device of iospace reach a page at ioaddr. Beyond upstream: large ones too, and huge ones
 * with QUOIN_FEATURE_IOMMU_LARGE. FailedLookup: a table is missing, and IOPageTable_Map puts it
 * there. */
static inline seL4_Error seL4_X86_Page_MapIO(seL4_X86_Page page, seL4_X86_IOSpace iospace,
                                             seL4_CapRights_t rights, seL4_Word ioaddr)
{
    seL4_SetCap(0, iospace);
    return seL4_x64_invoke2(page, X86PageMapIO, 1, rights.words[0], ioaddr);
}

/* Maps a page into a guest-physical address space. */
static inline seL4_Error seL4_X86_Page_MapEPT(seL4_X86_Page page, seL4_X86_EPTPML4 vspace,
                                              seL4_Word gpa, seL4_CapRights_t rights,
                                              seL4_X86_EPT_VMAttributes attr)
{
    seL4_SetCap(0, vspace);
    return seL4_x64_invoke3(page, X86PageMapEPT, 1, gpa, rights.words[0], attr);
}

typedef struct {
    seL4_Error error;
    seL4_Word paddr;
} seL4_X86_Page_GetAddress_t;

static inline seL4_X86_Page_GetAddress_t seL4_X86_Page_GetAddress(seL4_X86_Page page)
{
    seL4_X86_Page_GetAddress_t result;

    result.error = seL4_x64_invoke0(page, X86PageGetAddress, 0);
    result.paddr = seL4_GetMR(0);
    return result;
}

/* Makes a pool of 512 address space identifiers out of a 4 KiB untyped. */
static inline seL4_Error seL4_X86_ASIDControl_MakePool(seL4_X86_ASIDControl control,
                                                       seL4_Untyped untyped, seL4_CNode root,
                                                       seL4_Word index, uint8_t depth)
{
    seL4_SetCap(0, untyped);
    seL4_SetCap(1, root);
    return seL4_x64_invoke2(control, X86ASIDControlMakePool, 2, index, depth);
}

/* Gives a PML4 or an EPT PML4 its identifier; until then nothing can be mapped in it. */
static inline seL4_Error seL4_X86_ASIDPool_Assign(seL4_X86_ASIDPool pool, seL4_CPtr vspace)
{
    seL4_SetCap(0, vspace);
    return seL4_x64_invoke0(pool, X86ASIDPoolAssign, 1);
}

/* The kernel puts the table at the next level that is missing for ioaddr. */
static inline seL4_Error seL4_X86_IOPageTable_Map(seL4_X86_IOPageTable table,
                                                  seL4_X86_IOSpace iospace, seL4_Word ioaddr)
{
    seL4_SetCap(0, iospace);
    return seL4_x64_invoke1(table, X86IOPageTableMap, 1, ioaddr);
}

static inline seL4_Error seL4_X86_IOPageTable_Unmap(seL4_X86_IOPageTable table)
{
    return seL4_x64_invoke0(table, X86IOPageTableUnmap, 0);
}

static inline seL4_Error seL4_X86_EPTPDPT_Map(seL4_X86_EPTPDPT pdpt, seL4_X86_EPTPML4 vspace,
                                              seL4_Word gpa, seL4_X86_EPT_VMAttributes attr)
{
    return seL4_x64_map_structure(pdpt, X86EPTPDPTMap, vspace, gpa, attr);
}

static inline seL4_Error seL4_X86_EPTPDPT_Unmap(seL4_X86_EPTPDPT pdpt)
{
    return seL4_x64_invoke0(pdpt, X86EPTPDPTUnmap, 0);
}

static inline seL4_Error seL4_X86_EPTPD_Map(seL4_X86_EPTPD directory, seL4_X86_EPTPML4 vspace,
                                            seL4_Word gpa, seL4_X86_EPT_VMAttributes attr)
{
    return seL4_x64_map_structure(directory, X86EPTPDMap, vspace, gpa, attr);
}

static inline seL4_Error seL4_X86_EPTPD_Unmap(seL4_X86_EPTPD directory)
{
    return seL4_x64_invoke0(directory, X86EPTPDUnmap, 0);
}

static inline seL4_Error seL4_X86_EPTPT_Map(seL4_X86_EPTPT table, seL4_X86_EPTPML4 vspace,
                                            seL4_Word gpa, seL4_X86_EPT_VMAttributes attr)
{
    return seL4_x64_map_structure(table, X86EPTPTMap, vspace, gpa, attr);
}

static inline seL4_Error seL4_X86_EPTPT_Unmap(seL4_X86_EPTPT table)
{
    return seL4_x64_invoke0(table, X86EPTPTUnmap, 0);
}

#endif

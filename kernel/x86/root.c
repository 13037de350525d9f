/* SPDX-License-Identifier: BSD-2-Clause */
#include "x86/root.h"

#include "x86/arch.h"
#include "x86/elf.h"
#include "x86/kspace.h"
#include "x86/virt.h"
#include "x86/vspace.h"

/* Slots, ABI section 3. */
enum {
    SLOT_TCB = 1,
    SLOT_CNODE = 2,
    SLOT_VSPACE = 3,
    SLOT_IRQ_CONTROL = 4,
    SLOT_ASID_CONTROL = 5,
    SLOT_ASID_POOL = 6,
    SLOT_IO_PORT_CONTROL = 7,
    SLOT_IO_SPACE = 8,
    SLOT_BOOTINFO = 9,
    SLOT_IPC_BUFFER = 10,
    SLOT_DOMAIN = 11,
    SLOT_SC = 14,
    SLOT_FIRST_DYNAMIC = 16,
};
enum { ROOT_PRIORITY = 255, ROOT_SC_BITS = SC_MIN_SIZE_BITS };
/* Slots of the root CNode that are not for pages of the image: untypeds, tables, and free ones. */
enum { OTHER_SLOTS = 0x400 };

static struct slot *cnode;
static struct root_layout layout;
static struct elf elf;
static uint64_t *pml4;
static unsigned root_asid;
static struct untyped_piece untypeds[CONFIG_MAX_UNTYPEDS];

static uint64_t provide(struct cap cap)
{
    if (layout.next_slot >= BIT(layout.cnode_bits) - CONFIG_MAX_UNTYPEDS) {
        boot_fail("the root task is too large for its CNode");
    }
    slot_insert_root(&cnode[layout.next_slot], cap);
    return layout.next_slot++;
}

static void layout_init(void)
{
    const struct region *module = &boot_info.modules[0];
    const char *error = elf_parse(arch_window((struct paddr){module->start}),
                                  module->end - module->start, USER_TOP - BIT(30), &elf);
    if (error != NULL) {
        boot_fail(error);
    }
    layout.cnode_bits = CONFIG_ROOT_CNODE_BITS;
    while ((elf.end - elf.start) >> PAGE_BITS > BIT(layout.cnode_bits) - OTHER_SLOTS) {
        if (++layout.cnode_bits > CONFIG_ROOT_CNODE_MAX_BITS) {
            boot_fail("the root task is too large");
        }
    }
    layout.image_start = elf.start;
    layout.image_end = elf.end;
    layout.ipc_buffer = elf.end;
    layout.bootinfo = layout.ipc_buffer + PAGE_SIZE;
    layout.extra_bootinfo = layout.bootinfo + PAGE_SIZE;
    layout.extra_pages = 1;
    while (layout.extra_pages * PAGE_SIZE < bootinfo_extra_bytes()) {
        layout.extra_pages *= 2;
    }
    layout.next_slot = SLOT_FIRST_DYNAMIC;
}

static void make_sched_controls(void)
{
    layout.sched_control.start = layout.next_slot;
    for (unsigned i = 0; i < core_count; i++) {
        provide(cap_make(CAP_SCHED_CONTROL, 0, 0, i));
    }
    layout.sched_control.end = layout.next_slot;
}

/* All tables of one level that the task's addresses need. */
static void make_tables(enum cap_type type, enum level level)
{
    uint64_t end = layout.extra_bootinfo + layout.extra_pages * PAGE_SIZE;
    uint64_t step = BIT(level_bits(level));
    for (uint64_t a = layout.image_start & ~(step - 1); a < end; a += step) {
        void *table = boot_alloc_pages(1, true);
        uint64_t *entry;
        enum level missing;
        if (vspace_walk(pml4, a, level, &entry, &missing) != OK) {
            boot_fail("no table for the root task");
        }
        *entry = pte_for_table(table);
        provide(cap_with_mapping(cap_for_object(type, table), true, a, root_asid));
    }
}

static void make_vspace(void)
{
    void *pool = boot_alloc_pages(1, true);
    slot_insert_root(&cnode[SLOT_ASID_POOL], asid_init_pool(pool));
    pml4 = boot_alloc_pages(1, true);
    vspace_init_pml4(pml4);
    root_asid = asid_assign_initial(pml4);
    struct cap cap = cap_with_detail(cap_for_object(CAP_PML4, pml4), 0, 1, 1);
    cap.w1 = root_asid;
    slot_insert_root(&cnode[SLOT_VSPACE], cap);

    layout.paging.start = layout.next_slot;
    make_tables(CAP_PDPT, LEVEL_PML4);
    make_tables(CAP_PAGE_DIRECTORY, LEVEL_PDPT);
    make_tables(CAP_PAGE_TABLE, LEVEL_PD);
    layout.paging.end = layout.next_slot;
}

/* Maps a page of RAM for the task and makes its capability. */
static struct cap map_frame(void *page, uint64_t address)
{
    const unsigned rights = RIGHT_READ | RIGHT_WRITE;
    struct paddr base = arch_paddr(page);
    uint64_t *entry;
    enum level missing;
    if (vspace_walk(pml4, address, LEVEL_PT, &entry, &missing) != OK) {
        boot_fail("no page table for the root task");
    }
    *entry = pte_for_frame(base, FRAME_4K, rights, 0);
    return cap_frame_with_map(cap_frame(base, FRAME_4K, rights, false), MAP_VSPACE, address,
                              root_asid);
}

static void make_frames(uint8_t *pages, uint64_t address, uint64_t end, struct slot_range *range)
{
    range->start = layout.next_slot;
    for (; address < end; address += PAGE_SIZE, pages += PAGE_SIZE) {
        provide(map_frame(pages, address));
    }
    range->end = layout.next_slot;
}

static void make_image(void)
{
    unsigned pages = (unsigned)((layout.image_end - layout.image_start) >> PAGE_BITS);
    uint8_t *image = boot_alloc_pages(pages, false);
    for (unsigned i = 0; i < elf.count; i++) {
        const struct elf_segment *s = &elf.segments[i];
        memory_copy(image + (s->address - layout.image_start), s->data, s->file_bytes);
    }
    make_frames(image, layout.image_start, layout.image_end, &layout.image);
    /* The file is not needed any more, nor are other modules: the root task reads its own image. */
    for (unsigned i = 0; i < boot_info.module_count; i++) {
        const struct region *m = &boot_info.modules[i];
        region_add(&boot_free, m->start & ~MASK(PAGE_BITS),
                   (m->end + PAGE_SIZE - 1) & ~MASK(PAGE_BITS));
    }
}

static void make_thread(void)
{
    uint8_t *page = boot_alloc_pages(1, true);
    struct tcb *t = (struct tcb *)page;
    struct sched_context *sc = (struct sched_context *)(page + TCB_SIZE);

    tcb_init(t);
    t->priority = ROOT_PRIORITY;
    t->mcp = ROOT_PRIORITY;
    t->buffer_address = layout.ipc_buffer;
    arch_set_register(t, 0, elf.entry);
    t->context.rdi = layout.bootinfo;
    memory_copy(t->name, "root", 5);
    slot_insert_root(&cnode[SLOT_TCB], cap_for_object(CAP_THREAD, t));
    slot_insert(&t->slots[TCB_SLOT_CSPACE], cnode[SLOT_CNODE].cap, &cnode[SLOT_CNODE], false);
    slot_insert(&t->slots[TCB_SLOT_VSPACE], cnode[SLOT_VSPACE].cap, &cnode[SLOT_VSPACE], false);
    tcb_root_changed(t);
    slot_insert(&t->slots[TCB_SLOT_BUFFER],
                cap_frame_with_map(cnode[SLOT_IPC_BUFFER].cap, MAP_NONE, 0, 0),
                &cnode[SLOT_IPC_BUFFER], false);

    ticks_t budget = arch_us_to_ticks(CONFIG_BOOT_SLICE_US);
    sc_init(sc, ROOT_SC_BITS);
    sc_configure(sc, budget, budget, 1, false, 0);
    slot_insert_root(&cnode[SLOT_SC],
                     cap_with_detail(cap_for_object(CAP_SCHED_CONTEXT, sc), 0, 6, ROOT_SC_BITS));
    tcb_set_state(t, THREAD_RUNNING);
    sc_bind_tcb(sc, t);
}

/* All that is no RAM and not the kernel's is device memory. */
static void find_device_memory(struct region_list *device)
{
    region_add(device, 0, BIT(PADDR_TOP_BITS));
    for (unsigned i = 0; i < boot_info.ram.count; i++) {
        region_remove(device, boot_info.ram.at[i].start, boot_info.ram.at[i].end);
    }
    for (unsigned i = 0; i < boot_reserved.count; i++) {
        region_remove(device, boot_reserved.at[i].start, boot_reserved.at[i].end);
    }
}

static void make_untypeds(void)
{
    static struct region_list device;
    find_device_memory(&device);
    unsigned count = untyped_list(&device, &boot_free, untypeds, CONFIG_MAX_UNTYPEDS);
    boot_free.count = 0;
    layout.untyped.start = layout.next_slot;
    for (unsigned i = 0; i < count; i++) {
        slot_insert_root(
            &cnode[layout.next_slot++],
            cap_untyped((struct paddr){untypeds[i].base}, untypeds[i].bits, untypeds[i].device, 0));
    }
    layout.untyped.end = layout.next_slot;
}

static void make_simple_caps(void)
{
    slot_insert_root(&cnode[SLOT_IRQ_CONTROL], cap_make(CAP_IRQ_CONTROL, 0, 0, 0));
    slot_insert_root(&cnode[SLOT_ASID_CONTROL], cap_make(CAP_ASID_CONTROL, 0, 0, 0));
    slot_insert_root(&cnode[SLOT_IO_PORT_CONTROL], cap_make(CAP_IO_PORT_CONTROL, 0, 0, 0));
    slot_insert_root(&cnode[SLOT_DOMAIN], cap_make(CAP_DOMAIN, 0, 0, 0));
    slot_insert_root(&cnode[SLOT_IO_SPACE], iommu_master_cap());
}

void root_create(void)
{
    layout_init();
    cnode = boot_alloc_pages((unsigned)(BIT(layout.cnode_bits + SLOT_BITS) >> PAGE_BITS), true);
    slot_insert_root(&cnode[SLOT_CNODE],
                     cap_cnode(cnode, layout.cnode_bits, 64 - layout.cnode_bits, 0));
    make_simple_caps();
    make_sched_controls();
    make_vspace();

    uint8_t *extra = boot_alloc_pages(layout.extra_pages, false);
    make_frames(extra, layout.extra_bootinfo,
                layout.extra_bootinfo + layout.extra_pages * PAGE_SIZE, &layout.extra);
    make_image();
    void *bootinfo = boot_alloc_pages(1, true);
    slot_insert_root(&cnode[SLOT_IPC_BUFFER],
                     map_frame(boot_alloc_pages(1, true), layout.ipc_buffer));
    slot_insert_root(&cnode[SLOT_BOOTINFO], map_frame(bootinfo, layout.bootinfo));
    make_thread();
    make_untypeds();
    bootinfo_write_extra(extra);
    bootinfo_write(bootinfo, &layout, untypeds);
}

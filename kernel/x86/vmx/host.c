/* SPDX-License-Identifier: BSD-2-Clause */
#include "x86/vmx/host.h"
#include "x86/arch.h"
#include "x86/percpu.h"
#include "x86/virt.h"
#include "x86/virt_asm.h"
#include "x86/vmx/vmx.h"

/* What this kernel has in the SYSCALL registers, and the GDT with its limit: exits set that to
 * 0xffff (SDM vol. 3, 28.5.2), which would make what lies behind the table descriptors. */
static struct {
    uint64_t star, lstar, cstar, fmask;
    struct descriptor_pointer gdt;
} host[CONFIG_MAX_CORES];

void vmx_host_init(unsigned core)
{
    host[core].star = asm_rdmsr(MSR_STAR);
    host[core].lstar = asm_rdmsr(MSR_LSTAR);
    host[core].cstar = asm_rdmsr(MSR_CSTAR);
    host[core].fmask = asm_rdmsr(MSR_FMASK);
    __asm__ volatile("sgdt %0" : "=m"(host[core].gdt));
}

void vmx_host_load(unsigned core, struct vcpu *v)
{
    struct descriptor_pointer idt;
    uint16_t tr;
    __asm__ volatile("sidt %0" : "=m"(idt));
    __asm__ volatile("str %0" : "=r"(tr));
    vmwrite(VMCS_HOST_ES_SELECTOR, 0);
    vmwrite(VMCS_HOST_CS_SELECTOR, SELECTOR_KERNEL_CODE);
    vmwrite(VMCS_HOST_SS_SELECTOR, SELECTOR_KERNEL_DATA);
    vmwrite(VMCS_HOST_DS_SELECTOR, 0);
    vmwrite(VMCS_HOST_FS_SELECTOR, 0);
    vmwrite(VMCS_HOST_GS_SELECTOR, 0);
    vmwrite(VMCS_HOST_TR_SELECTOR, tr);
    vmwrite(VMCS_HOST_PAT, HOST_PAT);
    vmwrite(VMCS_HOST_EFER, asm_rdmsr(MSR_EFER));
    vmwrite(VMCS_HOST_SYSENTER_CS, asm_rdmsr(MSR_SYSENTER_CS));
    vmwrite(VMCS_HOST_SYSENTER_ESP, asm_rdmsr(MSR_SYSENTER_ESP));
    vmwrite(VMCS_HOST_SYSENTER_EIP, asm_rdmsr(MSR_SYSENTER_EIP));
    vmwrite(VMCS_HOST_GS_BASE, (uint64_t)(uintptr_t)core_self());
    vmwrite(VMCS_HOST_TR_BASE, (uint64_t)(uintptr_t)&percpus[core].entry->tss);
    vmwrite(VMCS_HOST_GDTR_BASE, host[core].gdt.base);
    vmwrite(VMCS_HOST_IDTR_BASE, idt.base);
    vmwrite(VMCS_HOST_RIP, (uint64_t)(uintptr_t)vmx_exit_point);
    vmwrite(VMCS_HOST_CR4, asm_read_cr4());
    v->host_cr0 = asm_read_cr0();
    v->host_cr3 = asm_read_cr3();
    v->host_fs_base = 0;
    v->host_rsp = 0; /* vmx_enter writes it */
    vmwrite(VMCS_HOST_CR0, v->host_cr0);
    vmwrite(VMCS_HOST_CR3, v->host_cr3);
    vmwrite(VMCS_HOST_FS_BASE, 0);
}

void vmx_host_update(struct vcpu *v)
{
    uint64_t cr0 = asm_read_cr0();
    uint64_t cr3 = asm_read_cr3();
    uint64_t fs_base = cpu.fsgsbase ? asm_rdfsbase() : asm_rdmsr(MSR_FS_BASE);
    if (cr0 != v->host_cr0) {
        v->host_cr0 = cr0;
        vmwrite(VMCS_HOST_CR0, cr0);
    }
    if (cr3 != v->host_cr3) {
        v->host_cr3 = cr3;
        vmwrite(VMCS_HOST_CR3, cr3);
    }
    if (fs_base != v->host_fs_base) {
        v->host_fs_base = fs_base;
        vmwrite(VMCS_HOST_FS_BASE, fs_base);
    }
}

/* KERNEL_GS_BASE (the user's GS base while in the kernel) changes places with the guest's. */
static void exchange_kernel_gs_base(struct vcpu *v)
{
    uint64_t old;
    if (cpu.fsgsbase) {
        __asm__ volatile("swapgs\n"
                         "rdgsbase %0\n"
                         "wrgsbase %1\n"
                         "swapgs"
                         : "=&r"(old)
                         : "r"(v->kernel_gs_base)
                         : "memory");
    } else {
        old = asm_rdmsr(MSR_KERNEL_GS_BASE);
        asm_wrmsr(MSR_KERNEL_GS_BASE, v->kernel_gs_base);
    }
    v->kernel_gs_base = old;
}

static void exchange_msr(uint32_t msr, uint64_t from, uint64_t to)
{
    if (from != to)
        asm_wrmsr(msr, to);
}

void vmx_host_leave(unsigned core, struct vcpu *v)
{
    exchange_kernel_gs_base(v);
    exchange_msr(MSR_STAR, host[core].star, v->star);
    exchange_msr(MSR_LSTAR, host[core].lstar, v->lstar);
    exchange_msr(MSR_CSTAR, host[core].cstar, v->cstar);
    exchange_msr(MSR_FMASK, host[core].fmask, v->fmask);
    if (v->cr2 != asm_read_cr2())
        cr2_write(v->cr2);
}

void vmx_host_return(unsigned core, struct vcpu *v)
{
    v->cr2 = asm_read_cr2();
    if (v->syscall_msrs_open) {
        v->star = asm_rdmsr(MSR_STAR);
        v->lstar = asm_rdmsr(MSR_LSTAR);
        v->cstar = asm_rdmsr(MSR_CSTAR);
        v->fmask = asm_rdmsr(MSR_FMASK);
    }
    exchange_msr(MSR_STAR, v->star, host[core].star);
    exchange_msr(MSR_LSTAR, v->lstar, host[core].lstar);
    exchange_msr(MSR_CSTAR, v->cstar, host[core].cstar);
    exchange_msr(MSR_FMASK, v->fmask, host[core].fmask);
    exchange_kernel_gs_base(v);
    asm_lgdt(&host[core].gdt);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "decide.h"

static int list_files(struct decision *decision, const struct info *info, const uint8_t *memory,
                      struct place_range loader, struct loader_failure *failure)
{
    unsigned culprit;

    for (unsigned i = 0; i < info->module_count; i++) {
        const struct info_module *module = &info->modules[i];

        decision->places[i] = (struct place_file){{module->start, module->end}, module->start};
        decision->files[i].name = module->name;
        decision->files[i].contents =
            (struct pq_bytes){memory + module->start, module->end - module->start};
    }
    if (place_check(decision->places, info->module_count, info, loader, &culprit))
        return failure_set(failure, LOADER_ERROR_RANGE, decision->files[culprit].name);
    return LOADER_OK;
}

/* Of a root image that is verified in part, all that is loaded must lie in that part, but for the
 * files at the end of its last segment, which init verifies. */
static int check_root(const struct verify_file *root, struct loader_failure *failure)
{
    struct pq_bytes covered = {root->contents.data, root->covered};
    struct elf elf;
    unsigned beyond = 0;

    if (root->covered == root->contents.size)
        return LOADER_OK;
    if (elf_parse(&elf, covered, ELF_TYPE_PARAMETERS) ||
        elf_parse(&elf, root->contents, ELF_TYPE_LOAD))
        return failure_set(failure, LOADER_ERROR_ROOT, root->name);
    for (unsigned i = 0; i < elf.count; i++) {
        const struct elf_segment *segment = &elf.segments[i];

        if (segment->offset > root->covered)
            return failure_set(failure, LOADER_ERROR_ROOT, root->name);
        if (segment->file_size > root->covered - segment->offset)
            beyond++;
    }
    return beyond > 1 ? failure_set(failure, LOADER_ERROR_ROOT, root->name) : LOADER_OK;
}

static int plan(struct decision *decision, const struct info *info, struct place_range loader,
                struct loader_failure *failure)
{
    const struct verify_file *kernel = &decision->files[decision->result.kernel];
    unsigned culprit;
    int error;

    if (elf_parse(&decision->kernel, kernel->contents, ELF_TYPE_LOAD))
        return failure_set(failure, LOADER_ERROR_KERNEL, kernel->name);
    error =
        place_plan(decision->places, info->module_count, &decision->kernel, info, loader, &culprit);
    if (error)
        return failure_set(failure, (enum loader_error)error,
                           culprit < info->module_count ? decision->files[culprit].name
                                                        : kernel->name);
    return LOADER_OK;
}

int decide(struct decision *decision, const struct info *info, const uint8_t *memory,
           struct place_range loader, const struct manifest_keys *roots,
           const struct verify_floor *floor, verify_progress *progress,
           struct loader_failure *failure)
{
    int error = list_files(decision, info, memory, loader, failure);

    if (error)
        return error;
    error = verify_files(decision->files, info->module_count, roots, floor, progress,
                         &decision->result, failure);
    if (!error)
        error = check_root(&decision->files[decision->result.root], failure);
    return error ? error : plan(decision, info, loader, failure);
}

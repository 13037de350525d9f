/* SPDX-License-Identifier: BSD-2-Clause */
#include "failure.h"

#include <rt/format.h>

int failure_set(struct loader_failure *failure, enum loader_error error, const char *file)
{
    unsigned i = 0;

    *failure = (struct loader_failure){.error = error};
    for (; file && file[i] != 0 && i < sizeof failure->file - 1; i++)
        failure->file[i] = file[i];
    failure->file[i] = 0;
    return error;
}

static const char *reason(const struct loader_failure *failure)
{
    static const char *const texts[] = {
        [-LOADER_OK] = "no error",
        [-LOADER_ERROR_MAGIC] = "the loader was not started by GRUB (Multiboot 2)",
        [-LOADER_ERROR_INFO] = "GRUB's information about the machine is damaged",
        [-LOADER_ERROR_COUNT] = "GRUB loaded more files than the loader takes",
        [-LOADER_ERROR_NAME] = "GRUB loaded a file without a proper name",
        [-LOADER_ERROR_TWICE] = "GRUB loaded two files of this name",
        [-LOADER_ERROR_RANGE] = "the file does not lie in memory of its own",
        [-LOADER_ERROR_NO_ROOTS] = "this loader was built without root keys and trusts nothing",
        [-LOADER_ERROR_NO_MANIFEST] = "GRUB did not load it",
        [-LOADER_ERROR_NO_KERNEL] = "GRUB loaded no kernel",
        [-LOADER_ERROR_NO_ROOT] = "GRUB loaded no root image",
        [-LOADER_ERROR_TWO_KERNELS] = "GRUB loaded a second kernel",
        [-LOADER_ERROR_TWO_ROOTS] = "GRUB loaded a second root image",
        [-LOADER_ERROR_KERNEL] = "the kernel is not an ELF file that can be placed",
        [-LOADER_ERROR_PLACE] = "the kernel's place is not free memory on this machine",
        [-LOADER_ERROR_MEMORY] = "there is no memory to move the file to",
        [-LOADER_ERROR_TPM] = "the TPM did not take the measurement",
        [-LOADER_ERROR_EXCEPTION] = "the processor raised an exception in the loader",
        [-LOADER_ERROR_ROOT] = "the part that is verified does not hold what is loaded",
    };

    if (failure->error == LOADER_ERROR_MANIFEST || failure->error == LOADER_ERROR_FILE)
        return manifest_error_text(failure->manifest_error);
    return texts[-failure->error];
}

/* Which signature or part of the manifest, and whose key. */
static size_t manifest_place(const struct loader_failure *failure, char *text, size_t size)
{
    const char *algorithm = manifest_algorithm_name(failure->place.algorithm);
    const char *part =
        failure->place.part == MANIFEST_PART_KEYS ? "list of release keys" : "list of files";

    if (failure->manifest_error != MANIFEST_ERROR_SIGNATURE)
        return format_text(text, size, "%s%s%s: ", part, algorithm[0] ? ", " : "", algorithm);
    if (failure->place.part == MANIFEST_PART_KEYS)
        return format_text(text, size, "%s, signed by the root key %s: ", part, algorithm);
    return format_text(text, size, "%s, signed by the release key %s of epoch %u: ", part,
                       algorithm, failure->epoch);
}

size_t failure_line(const struct loader_failure *failure, char *text, size_t size)
{
    size_t used = 0;

    if (failure->file[0])
        used += format_text(text, size, "%s: ", failure->file);
    if (failure->error == LOADER_ERROR_MANIFEST)
        used += manifest_place(failure, text + used, size - used);
    return used + format_text(text + used, size - used, "%s", reason(failure));
}

const char *failure_remedy(const struct loader_failure *failure)
{
    switch (failure->error) {
    case LOADER_ERROR_PLACE:
    case LOADER_ERROR_MEMORY:
        return "This machine's memory is too small or is used otherwise at 1 MiB.\n"
               "Quoin needs 512 MiB.";
    case LOADER_ERROR_TPM:
        return "Switch the machine off and on again. If that does not help, check the TPM in the\n"
               "firmware's settings.";
    case LOADER_ERROR_EXCEPTION:
        return "Check the machine's memory. If it is good, report this as an error of Quoin.";
    case LOADER_ERROR_MANIFEST:
        if (failure->manifest_error == MANIFEST_ERROR_VERSION ||
            failure->manifest_error == MANIFEST_ERROR_EPOCH)
            return "Use the newest image: older ones may have known weaknesses.";
        break;
    default:
        break;
    }
    return "This medium is damaged or was changed. Write it anew from an image that\n"
           "\"quoin verify\" finds good, and find out who could write to it.";
}

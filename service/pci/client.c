/* SPDX-License-Identifier: BSD-2-Clause */
#include "service/pci/client.h"

#include "service/pci/protocol.h"

static uint64_t config_read(void *context, uint64_t offset, unsigned size)
{
    const struct pci_client *client = context;
    microkit_mr_set(0, client->number);
    microkit_mr_set(1, offset);
    microkit_mr_set(2, size);
    microkit_msginfo answer =
        microkit_ppcall(client->channel, microkit_msginfo_new(PCI_CALL_READ, 3));
    return microkit_msginfo_get_label(answer) == 0 ? microkit_mr_get(0) : UINT64_MAX;
}

static void config_write(void *context, uint64_t offset, unsigned size, uint64_t value)
{
    const struct pci_client *client = context;
    microkit_mr_set(0, client->number);
    microkit_mr_set(1, offset);
    microkit_mr_set(2, size);
    microkit_mr_set(3, value);
    (void)microkit_ppcall(client->channel, microkit_msginfo_new(PCI_CALL_WRITE, 4));
}

bool pci_client_find(struct pci_client *client, microkit_channel channel, unsigned number,
                     const struct registers *window)
{
    *client = (struct pci_client){.channel = channel, .number = number};
    client->config = (struct registers){
        .size = PCI_CONFIG_BYTES, .read = config_read, .write = config_write, .context = client};
    microkit_mr_set(0, number);
    microkit_msginfo answer = microkit_ppcall(channel, microkit_msginfo_new(PCI_CALL_FIND, 1));
    if (microkit_msginfo_get_label(answer) != 0)
        return false;
    for (unsigned i = 0; i < PCI_BAR_COUNT; i++)
        client->bar[i] = registers_part(window, microkit_mr_get((seL4_Uint8)(PCI_FIND_OFFSET + i)),
                                        microkit_mr_get((seL4_Uint8)(PCI_FIND_SIZE + i)));
    client->requester = (uint16_t)microkit_mr_get(PCI_FIND_REQUESTER);
    return true;
}

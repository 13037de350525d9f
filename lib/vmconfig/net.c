/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The key `net`: a machine's network card.
 */
#include "parser.h"

#include <string.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Six bytes with colons between them. */
static bool parse_mac(struct text t, uint8_t mac[6])
{
    bool some = false;

    if (t.length != 17) {
        return false;
    }
    for (size_t i = 0; i < 6; i++) {
        int high = hex_digit(t.start[3 * i]), low = hex_digit(t.start[3 * i + 1]);
        if (high < 0 || low < 0 || (i < 5 && t.start[3 * i + 2] != ':')) {
            return false;
        }
        mac[i] = (uint8_t)(high << 4 | low);
        some |= mac[i] != 0;
    }
    return some && (mac[0] & 1) == 0;
}

/* What stands behind the prefix. */
static bool has_prefix(struct text t, const char *prefix, struct text *rest)
{
    size_t length = strlen(prefix);

    if (t.length < length || memcmp(t.start, prefix, length) != 0) {
        return false;
    }
    *rest = (struct text){t.start + length, t.length - length};
    return true;
}

static int set_net_option(struct parser *p, struct text word)
{
    struct vmconfig_net *net = &p->config->net;
    struct text rest;
    uint64_t number;

    if (parser_text_is(word, "outside")) {
        net->outside = true;
    } else if (has_prefix(word, "mac=", &rest)) {
        if (!parse_mac(rest, net->mac)) {
            return parser_fail(p, "mac is one station's address, such as mac=02:00:5e:00:53:01",
                               rest);
        }
    } else if (has_prefix(word, "vlan=", &rest)) {
        if (!parser_number(rest, &number) || number < 1 || number > 4094) {
            return parser_fail(p, "vlan is a number from 1 to 4094", rest);
        }
        net->vlan = (uint16_t)number;
    } else {
        return parser_fail(p, "a network's options are outside, mac= and vlan=", word);
    }
    return 0;
}

/* The network's name, or `outside` alone; then what else is known of the card. */
int parser_set_net(struct parser *p, struct text value)
{
    struct vmconfig_net *net = &p->config->net;
    struct text name = parser_next_word(&value);

    net->vlan = 1;
    if (parser_text_is(name, "outside")) {
        net->outside = true;
    } else if (parser_set_name(p, net->network, sizeof(net->network), name) != 0) {
        return -1;
    }
    for (;;) {
        struct text word = parser_next_word(&value);
        if (word.length == 0) {
            return 0;
        }
        if (set_net_option(p, word) != 0) {
            return -1;
        }
    }
}

/* A card without an address of its own gets one made of the machine's name, which no other has;
 * its first byte says that it is locally administered. */
void parser_complete_net(struct vmconfig *config)
{
    static const uint8_t none[6];
    uint32_t hash = 0x811c9dc5u; /* FNV-1a */

    if (config->net.vlan == 0 || memcmp(config->net.mac, none, sizeof(none)) != 0) {
        return;
    }
    for (size_t i = 0; config->name[i] != 0; i++) {
        hash = (hash ^ (uint8_t)config->name[i]) * 0x01000193u;
    }
    config->net.mac[0] = 0x02;
    config->net.mac[1] = 0x51;
    for (unsigned i = 0; i < 4; i++) {
        config->net.mac[2 + i] = (uint8_t)(hash >> (24 - 8 * i));
    }
}

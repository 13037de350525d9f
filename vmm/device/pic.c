/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/device/pic.h"

#include <string.h>

#define CASCADE 2

/* Inputs that can be level triggered (ICH9 13.4.4): not 0, 1, 2, 8, 13. */
static const uint8_t elcr_writable[2] = {0xf8, 0xde};

void pic_initialize(struct pic *pic, void (*changed)(void *, bool), void *context)
{
    memset(pic, 0, sizeof(*pic));
    pic->changed = changed;
    pic->context = context;
    pic_reset(pic);
}

static void chip_reset(struct pic_chip *chip)
{
    uint8_t lines = chip->lines;
    memset(chip, 0, sizeof(*chip));
    chip->lines = lines;
    chip->lowest = 7;
    chip->imr = 0xff;
}

void pic_reset(struct pic *pic)
{
    chip_reset(&pic->chip[0]);
    chip_reset(&pic->chip[1]);
    pic->output = false;
}

/* Priority of an input, 0 the highest. */
static unsigned priority(const struct pic_chip *chip, unsigned input)
{
    return (input - chip->lowest - 1u) & 7;
}

static int highest(const struct pic_chip *chip, uint8_t mask)
{
    for (unsigned i = 1; i <= 8; i++) {
        unsigned input = (chip->lowest + i) & 7;
        if ((mask & (1u << input)) != 0)
            return (int)input;
    }
    return -1;
}

/* The input that would be served now, or -1. */
static int requested(const struct pic_chip *chip, bool master)
{
    int input = highest(chip, (uint8_t)(chip->irr & ~chip->imr));
    if (input < 0)
        return -1;
    uint8_t service = chip->isr;
    if (chip->special_mask)
        service = (uint8_t)(service & ~chip->imr);
    /* In special fully nested mode the slave may interrupt its own service. */
    if (master && chip->fully_nested)
        service = (uint8_t)(service & ~(1u << CASCADE));
    int serving = highest(chip, service);
    if (serving >= 0 && priority(chip, (unsigned)serving) <= priority(chip, (unsigned)input))
        return -1;
    return input;
}

static void chip_line(struct pic_chip *chip, unsigned input, bool asserted)
{
    uint8_t bit = (uint8_t)(1u << input);
    bool was = (chip->lines & bit) != 0;
    if (asserted) {
        chip->lines |= bit;
        if (!was || (chip->elcr & bit) != 0)
            chip->irr |= bit;
    } else {
        chip->lines &= (uint8_t)~bit;
        chip->irr &= (uint8_t)~bit; /* a request must stay up until it is acknowledged */
    }
}

static void update(struct pic *pic)
{
    chip_line(&pic->chip[0], CASCADE, requested(&pic->chip[1], false) >= 0);
    bool output = requested(&pic->chip[0], true) >= 0;
    if (output == pic->output)
        return;
    pic->output = output;
    pic->changed(pic->context, output);
}

void pic_set(struct pic *pic, unsigned irq, bool asserted)
{
    if (irq >= 16 || irq == CASCADE)
        return;
    chip_line(&pic->chip[irq / 8], irq % 8, asserted);
    update(pic);
}

static void chip_acknowledge(struct pic_chip *chip, unsigned input)
{
    uint8_t bit = (uint8_t)(1u << input);
    if ((chip->elcr & bit) == 0 || (chip->lines & bit) == 0)
        chip->irr &= (uint8_t)~bit;
    if (!chip->auto_eoi)
        chip->isr |= bit;
    else if (chip->rotate_auto)
        chip->lowest = (uint8_t)input;
}

uint8_t pic_acknowledge(struct pic *pic)
{
    struct pic_chip *master = &pic->chip[0];
    struct pic_chip *slave = &pic->chip[1];
    uint8_t vector;
    int input = requested(master, true);
    if (input < 0) {
        vector = (uint8_t)(master->base + 7); /* spurious */
    } else if (input == CASCADE) {
        chip_acknowledge(master, CASCADE);
        int second = requested(slave, false);
        if (second >= 0)
            chip_acknowledge(slave, (unsigned)second);
        vector = (uint8_t)(slave->base + (second < 0 ? 7 : second));
    } else {
        chip_acknowledge(master, (unsigned)input);
        vector = (uint8_t)(master->base + input);
    }
    update(pic);
    return vector;
}

static void write_icw1(struct pic_chip *chip, uint8_t value)
{
    uint8_t lines = chip->lines;
    uint8_t elcr = chip->elcr;
    memset(chip, 0, sizeof(*chip));
    chip->lines = lines;
    chip->elcr = elcr;
    chip->irr = lines & elcr; /* edges before the initialisation are forgotten */
    chip->lowest = 7;
    chip->icw = 2;
    chip->need_icw4 = (value & 1) != 0;
    chip->single = (value & 2) != 0;
}

static void write_ocw2(struct pic_chip *chip, uint8_t value)
{
    unsigned level = value & 7;
    unsigned command = value >> 5;
    if (command == 1 || command == 5) { /* non-specific EOI, the latter rotating */
        uint8_t service = chip->isr;
        if (chip->special_mask)
            service = (uint8_t)(service & ~chip->imr);
        int serving = highest(chip, service);
        if (serving >= 0) {
            chip->isr &= (uint8_t) ~(1u << serving);
            if (command == 5)
                chip->lowest = (uint8_t)serving;
        }
    } else if (command == 3 || command == 7) { /* specific EOI */
        chip->isr &= (uint8_t) ~(1u << level);
        if (command == 7)
            chip->lowest = (uint8_t)level;
    } else if (command == 6) {
        chip->lowest = (uint8_t)level;
    } else if (command == 4 || command == 0) {
        chip->rotate_auto = command == 4;
    }
}

static void write_ocw3(struct pic_chip *chip, uint8_t value)
{
    if ((value & 0x40) != 0)
        chip->special_mask = (value & 0x20) != 0;
    chip->poll = (value & 4) != 0;
    if ((value & 2) != 0)
        chip->read_isr = (value & 1) != 0;
}

static void write_data(struct pic_chip *chip, uint8_t value)
{
    switch (chip->icw) {
    case 2:
        chip->base = value & 0xf8;
        chip->icw = chip->single ? (chip->need_icw4 ? 4 : 0) : 3;
        break;
    case 3:
        chip->icw = chip->need_icw4 ? 4 : 0;
        break;
    case 4:
        chip->auto_eoi = (value & 2) != 0;
        chip->fully_nested = (value & 0x10) != 0;
        chip->icw = 0;
        break;
    default:
        chip->imr = value;
        break;
    }
}

static void chip_write(struct pic *pic, struct pic_chip *chip, uint64_t offset, uint8_t value)
{
    if (offset == 1)
        write_data(chip, value);
    else if ((value & 0x10) != 0)
        write_icw1(chip, value);
    else if ((value & 0x08) != 0)
        write_ocw3(chip, value);
    else
        write_ocw2(chip, value);
    update(pic);
}

static uint8_t chip_read(struct pic *pic, struct pic_chip *chip, uint64_t offset)
{
    if (chip->poll) { /* acknowledges by reading */
        chip->poll = false;
        int input = requested(chip, chip == &pic->chip[0]);
        if (input < 0)
            return 0;
        chip_acknowledge(chip, (unsigned)input);
        update(pic);
        return (uint8_t)(0x80 | input);
    }
    if (offset == 1)
        return chip->imr;
    return chip->read_isr ? chip->isr : chip->irr;
}

static uint64_t master_read(void *device, uint64_t offset, unsigned size)
{
    struct pic *pic = device;
    (void)size;
    return chip_read(pic, &pic->chip[0], offset);
}

static void master_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct pic *pic = device;
    (void)size;
    chip_write(pic, &pic->chip[0], offset, (uint8_t)value);
}

static uint64_t slave_read(void *device, uint64_t offset, unsigned size)
{
    struct pic *pic = device;
    (void)size;
    return chip_read(pic, &pic->chip[1], offset);
}

static void slave_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct pic *pic = device;
    (void)size;
    chip_write(pic, &pic->chip[1], offset, (uint8_t)value);
}

static uint64_t elcr_read(void *device, uint64_t offset, unsigned size)
{
    const struct pic *pic = device;
    (void)size;
    return pic->chip[offset & 1].elcr;
}

static void elcr_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct pic *pic = device;
    (void)size;
    struct pic_chip *chip = &pic->chip[offset & 1];
    chip->elcr = (uint8_t)value & elcr_writable[offset & 1];
    chip->irr |= chip->lines & chip->elcr;
    update(pic);
}

const struct bus_operations pic_master_operations = {master_read, master_write, 1};
const struct bus_operations pic_slave_operations = {slave_read, slave_write, 1};
const struct bus_operations pic_elcr_operations = {elcr_read, elcr_write, 1};

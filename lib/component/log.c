/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A record is three bytes and the text: level, length, and the length's complement, so that a ring
 * with nonsense in it is found out soon.
 */
#include <component/log.h>

enum { HEADER = 3 };

bool log_encode(struct ring *ring, uint8_t level, bool shown, const char *text, size_t length)
{
    uint8_t record[HEADER + LOG_RECORD_TEXT];

    if (length > LOG_RECORD_TEXT) {
        length = LOG_RECORD_TEXT;
    }
    record[0] = (uint8_t)(level | (shown ? LOG_RECORD_SHOWN : 0));
    record[1] = (uint8_t)length;
    record[2] = (uint8_t)~length;
    for (size_t i = 0; i < length; i++) {
        record[HEADER + i] = (uint8_t)text[i];
    }
    if (ring_room(ring) < HEADER + length) {
        return false;
    }
    return ring_write(ring, record, (uint32_t)(HEADER + length)) == (int64_t)(HEADER + length);
}

bool log_decode(struct ring *ring, struct log_record *record)
{
    uint8_t bytes[LOG_RECORD_TEXT];
    uint8_t header[HEADER];

    if (ring_read(ring, header, HEADER) != HEADER) {
        return false;
    }
    if (header[1] > LOG_RECORD_TEXT || (header[1] ^ header[2]) != 0xff) {
        return false;
    }
    if (ring_read(ring, bytes, header[1]) != header[1]) {
        return false;
    }
    record->level = header[0] & 0x7f;
    record->shown = (header[0] & LOG_RECORD_SHOWN) != 0;
    record->length = header[1];
    for (unsigned i = 0; i < header[1]; i++) {
        uint8_t c = bytes[i];
        record->text[i] = c == '\t' ? ' ' : c >= 0x20 && c < 0x7f ? (char)c : '?';
    }
    return true;
}

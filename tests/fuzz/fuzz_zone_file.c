/* links: zone dns base */
/* Zone-file text of any octets. What is read and keeps the rules must print, and read back the
 * same. */
#include "base/assert.h"
#include "dns/name.h"
#include "zone/record_text.h"
#include "zone/zone_file.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_LEN_MAX 262400

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const uint8_t APEX[] = "\007example";

static int on_record(void *user, const struct zone_file_record *record)
{
    static char text[TEXT_LEN_MAX];
    static uint8_t again[ZONE_RDATA_LEN_MAX];
    const struct zone_rdata rdata = {record->rdata, record->rdata_len};
    const struct zone_record_set set = {.name = record->name,
                                        .type = record->type,
                                        .rdata_count = 1,
                                        .ttl_s = record->ttl_s,
                                        .rdatas = &rdata};
    struct zone_problem problem;
    size_t text_len, again_len;

    (void)user;
    if (zone_rules_check_set(APEX, &set, &problem) != 0)
        return 0;
    ASSERT(zone_rdata_format(set.type, rdata.data, rdata.len, text, sizeof(text), &text_len) == 0);
    ASSERT(zone_rdata_parse(text, set.type, APEX, again, &again_len, &problem) == 0);
    ASSERT(again_len == rdata.len && memcmp(again, rdata.data, rdata.len) == 0);
    return 0;
}

static void on_error(void *user, const char *file, uint64_t line, const char *text)
{
    ASSERT(file && text);
    *(uint64_t *)user = line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint64_t last_line = 0;
    uint64_t error_count;
    const struct zone_file_reader reader = {
        .record = on_record,
        .error = on_error,
        .user = &last_line,
        .origin = APEX,
        .default_ttl_s = 3600,
    };

    zone_file_read_text((const char *)data, len, "fuzz", false, &reader, &error_count);
    return 0;
}

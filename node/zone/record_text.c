#include "zone/record_text.h"

#include "base/assert.h"
#include "base/err.h"
#include "dns/name.h"
#include "dns/type.h"
#include "zone/record_set.h"

#include <libknot/libknot.h>
#include <libzscanner/scanner.h>

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int refuse(struct zone_problem *problem, const char *reason)
{
    snprintf(problem->text, sizeof(problem->text), "%s", reason);
    return ERR_INVALID;
}

/* Read exactly one record of @type from the scanner's input. */
static int scan_one(zs_scanner_t *scanner, uint16_t type, uint8_t *out, size_t *out_len,
                    struct zone_problem *problem)
{
    size_t records = 0;

    while (zs_parse_record(scanner) == 0 && scanner->state != ZS_STATE_EOF) {
        if (scanner->state == ZS_STATE_ERROR)
            return refuse(problem, zs_strerror(scanner->error.code));
        if (scanner->state != ZS_STATE_DATA || scanner->r_type != type || ++records > 1)
            return refuse(problem, "expected the data of one record");
        if (!zone_rdata_is_valid(type, scanner->r_data, scanner->r_data_length))
            return refuse(problem, "not well-formed data of this type");
        memcpy(out, scanner->r_data, scanner->r_data_length);
        *out_len = scanner->r_data_length;
    }
    if (scanner->state != ZS_STATE_EOF)
        return refuse(problem, zs_strerror(scanner->error.code));
    return records == 1 ? 0 : refuse(problem, "there is no data");
}

int zone_rdata_parse(const char *text, uint16_t type, const uint8_t *origin, uint8_t *out,
                     size_t *out_len, struct zone_problem *problem)
{
    char origin_text[DNS_NAME_TEXT_SIZE];
    char type_text[ZONE_TYPE_TEXT_LEN_MAX];
    zs_scanner_t *scanner = NULL;
    char *line = NULL;
    int err = ERR_NOMEM;

    if (!zone_type_is_storable(type))
        return refuse(problem, "this type cannot be stored (RFC 6895 3.1)");
    zone_name_format(origin, origin_text);
    zone_type_format(type, type_text);
    scanner = malloc(sizeof(*scanner));
    int line_len = asprintf(&line, ". 0 IN %s %s\n", type_text, text);
    if (!scanner || line_len < 0 || zs_init(scanner, origin_text, KNOT_CLASS_IN, 0) != 0)
        goto out;
    err = zs_set_input_string(scanner, line, (size_t)line_len) != 0
              ? ERR_NOMEM
              : scan_one(scanner, type, out, out_len, problem);
    zs_deinit(scanner);
out:
    if (line_len >= 0)
        free(line);
    free(scanner);
    return err;
}

/* libknot prints some service parameters that libzscanner does not read, or reads otherwise: an
 * ALPN identifier with a blank or a control octet. */
static bool reads_back(uint16_t type, const uint8_t *data, uint16_t len, const char *text)
{
    static const uint8_t ROOT[] = {0};
    uint8_t again[ZONE_RDATA_LEN_MAX];
    struct zone_problem problem;
    size_t again_len;

    if (type != DNS_TYPE_SVCB && type != DNS_TYPE_HTTPS)
        return true;
    return zone_rdata_parse(text, type, ROOT, again, &again_len, &problem) == 0 &&
           again_len == len && memcmp(again, data, len) == 0;
}

int zone_rdata_format(uint16_t type, const uint8_t *data, uint16_t len, char *out, size_t size_max,
                      size_t *out_len)
{
    /* Seconds rather than dates: the text of a timestamp must not depend on the year it is read. */
    static const knot_dump_style_t NAMED = {.show_ttl = true, .original_ttl = true};
    static const knot_dump_style_t GENERIC = {.show_ttl = true, .generic = true};
    static const uint8_t ROOT[] = {0};
    alignas(knot_rdata_t) uint8_t rdata[sizeof(knot_rdata_t) + ZONE_RDATA_LEN_MAX + 1];
    knot_rrset_t rrset;

    if (!zone_rdata_is_valid(type, data, len))
        return ERR_INVALID;
    knot_rdata_init((knot_rdata_t *)rdata, len, data);
    knot_rrset_init(&rrset, (knot_dname_t *)ROOT, type, KNOT_CLASS_IN, 0);
    rrset.rrs.count = 1;
    rrset.rrs.size = (uint32_t)knot_rdata_size(len);
    rrset.rrs.rdata = (knot_rdata_t *)rdata;
    int written = knot_rrset_txt_dump_data(&rrset, 0, out, size_max, &NAMED);
    if ((written < 0 && written != KNOT_ESPACE) ||
        (written >= 0 && !reads_back(type, data, len, out)))
        written = knot_rrset_txt_dump_data(&rrset, 0, out, size_max, &GENERIC);
    if (written < 0)
        return written == KNOT_ESPACE ? ERR_LIMIT : ERR_INVALID;
    if (written > 0 && out[written - 1] == ' ' && (written == 1 || out[written - 2] != '\\'))
        out[--written] = '\0'; /* libknot ends CAA and TXT with a blank */
    *out_len = (size_t)written;
    return 0;
}

int zone_type_parse(const char *text, uint16_t *out)
{
    return knot_rrtype_from_string(text, out) == 0 ? 0 : ERR_INVALID;
}

void zone_type_format(uint16_t type, char *out)
{
    if (knot_rrtype_to_string(type, out, ZONE_TYPE_TEXT_LEN_MAX) < 0)
        snprintf(out, ZONE_TYPE_TEXT_LEN_MAX, "TYPE%u", type);
}

void zone_name_format(const uint8_t *name, char *out)
{
    ASSERT(knot_dname_to_str(out, name, DNS_NAME_TEXT_SIZE));
}

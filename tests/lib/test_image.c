#include "lib/test_image.h"

#include "base/assert.h"
#include "dns/name.h"
#include "zone/image.h"
#include "zone/lookup.h"
#include "zone/record_set.h"
#include "zone/record_text.h"
#include "zone/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct line {
    uint8_t name[DNS_NAME_MAX];
    uint32_t ttl_s;
    uint16_t type;
    const char *data; /* to the end of the text's line */
};

struct zone_text {
    struct zone_publisher *publisher;
    struct zone_content *content;
    uint8_t origin[DNS_NAME_MAX];
    struct line first; /* of the set under way */
    struct zone_rdata *rdatas;
    uint16_t rdata_count;
};

/* Copy the next word of *@text to @out and step over it and the blanks behind it. */
static void next_word(const char **text, char *out, size_t size)
{
    size_t len = strcspn(*text, " \n");
    ASSERT(len > 0 && len < size);
    memcpy(out, *text, len);
    out[len] = '\0';
    *text += len;
    *text += strspn(*text, " ");
}

static struct line read_line(const struct zone_text *zone, const char *text)
{
    struct line line;
    char word[DNS_NAME_TEXT_SIZE];
    next_word(&text, word, sizeof word);
    ASSERT(dns_name_parse(word, zone->origin, line.name) > 0);
    dns_name_lower(line.name, line.name);
    next_word(&text, word, sizeof word);
    line.ttl_s = (uint32_t)strtoul(word, NULL, 10);
    next_word(&text, word, sizeof word);
    ASSERT(zone_type_parse(word, &line.type) == 0);
    line.data = text;
    return line;
}

static void add_data(struct zone_text *zone, const struct line *line)
{
    struct zone_problem problem;
    size_t len;
    uint8_t *data = malloc(ZONE_RDATA_LEN_MAX);
    char *text = strndup(line->data, strcspn(line->data, "\n"));
    ASSERT(data != NULL && text != NULL);
    if (zone_rdata_parse(text, line->type, zone->origin, data, &len, &problem) != 0) {
        fprintf(stderr, "test zone: %s: %s\n", text, problem.text);
        abort();
    }
    free(text);
    zone->rdatas = realloc(zone->rdatas, (zone->rdata_count + 1u) * sizeof *zone->rdatas);
    ASSERT(zone->rdatas != NULL);
    zone->rdatas[zone->rdata_count++] = (struct zone_rdata){realloc(data, len), (uint16_t)len};
}

static void put_set(struct zone_text *zone)
{
    if (zone->rdata_count == 0)
        return;
    struct zone_record_set set = {.name = zone->first.name,
                                  .type = zone->first.type,
                                  .rdata_count = zone->rdata_count,
                                  .ttl_s = zone->first.ttl_s,
                                  .rdatas = zone->rdatas};
    struct zone_problem problem;
    if (zone_rules_check_set(zone->origin, &set, &problem) != 0) {
        fprintf(stderr, "test zone: %s\n", problem.text);
        abort();
    }
    ASSERT(zone_content_put(zone->publisher, zone->content, &set) == 0);
    while (zone->rdata_count > 0)
        free((void *)(uintptr_t)zone->rdatas[--zone->rdata_count].data);
}

struct zone_publisher *test_image_new(void)
{
    struct zone_publisher *publisher;
    ASSERT(zone_publisher_new(&publisher) == 0);
    return publisher;
}

void test_image_serve_private(struct zone_publisher *publisher, const char *id, const char *origin,
                              const char *lines)
{
    struct zone_text zone = {.publisher = publisher};
    ASSERT(dns_name_parse(origin, NULL, zone.origin) > 0);
    if (id != NULL)
        ASSERT(zone_private_content_new(publisher, zone.origin, id, &zone.content) == 0);
    else
        ASSERT(zone_content_new(publisher, zone.origin, &zone.content) == 0);
    for (const char *text = lines; *text != '\0'; text = strchr(text, '\n') + 1) {
        struct line line = read_line(&zone, text);
        if (zone.rdata_count > 0 &&
            (line.type != zone.first.type || !dns_name_is_equal(line.name, zone.first.name)))
            put_set(&zone);
        if (zone.rdata_count == 0)
            zone.first = line;
        add_data(&zone, &line);
    }
    put_set(&zone);
    free(zone.rdatas);
    ASSERT(zone_change_serve(publisher, zone.content) == 0);
    test_image_publish(publisher);
}

void test_image_serve(struct zone_publisher *publisher, const char *origin, const char *lines)
{
    test_image_serve_private(publisher, NULL, origin, lines);
}

void test_image_publish(struct zone_publisher *publisher)
{
    static uint64_t index;
    ASSERT(zone_publish(publisher, ++index) == 0);
}

void test_image_free(struct zone_publisher *publisher)
{
    zone_publisher_free(publisher);
}

int test_image_count(struct zone_publisher *publisher, const char *name, uint16_t type)
{
    uint8_t wire[DNS_NAME_MAX];
    struct zone_match match;

    ASSERT(dns_name_parse(name, NULL, wire) > 0);
    zone_reader_register();
    zone_lookup(zone_image_read_begin(publisher), wire, type, &match);
    int count = match.outcome == ZONE_OUTCOME_NONE     ? -1
                : match.outcome == ZONE_OUTCOME_ANSWER ? match.set->record_count
                                                       : 0;
    zone_image_read_end();
    zone_reader_unregister();
    return count;
}

#include "zone/zone_scratch.h"

#include "dns/name.h"
#include "dns/type.h"
#include "zone/zone_file.h"

#include <libzscanner/scanner.h>

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define FILE_LEN_MAX (256u << 10)

struct zone_file_scratch {
    zs_scanner_t scanner;
    int start_state; /* of a scanner that has read nothing */
    char text[FILE_LEN_MAX + 1];
};

struct zone_file_scratch *zone_file_scratch_new(void)
{
    struct zone_file_scratch *scratch = malloc(sizeof(*scratch));

    if (!scratch)
        return NULL;
    if (zs_init(&scratch->scanner, ".", DNS_CLASS_IN, 0) != 0) {
        free(scratch);
        return NULL;
    }
    scratch->start_state = scratch->scanner.cs;
    return scratch;
}

void zone_file_scratch_free(struct zone_file_scratch *scratch)
{
    if (!scratch)
        return;
    zs_deinit(&scratch->scanner);
    free(scratch);
}

/* All of a file that is no longer than the buffer; its length, or -1. What is in a pipe can only be
 * read once, so that is left to whoever can read it to the end. */
static ssize_t read_file(struct zone_file_scratch *scratch, const char *path)
{
    struct stat info;
    bool is_plain = stat(path, &info) == 0 && S_ISREG(info.st_mode);
    int fd = is_plain ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    size_t len = 0;
    ssize_t got = fd < 0 ? -1 : 1;

    while (got > 0 && len < sizeof(scratch->text)) {
        got = read(fd, scratch->text + len, sizeof(scratch->text) - len);
        len += got > 0 ? (size_t)got : 0;
    }
    if (fd >= 0)
        close(fd);
    return got == 0 && len > 0 ? (ssize_t)len : -1;
}

static bool may_include(const char *text, size_t len)
{
    static const char directive[] = "$INCLUDE";
    const size_t directive_len = sizeof(directive) - 1;
    const char *end = text + len;

    while ((text = memchr(text, '$', (size_t)(end - text))) != NULL) {
        if ((size_t)(end - text) >= directive_len &&
            strncasecmp(text, directive, directive_len) == 0)
            return true;
        text++;
    }
    return false;
}

/* As zs_init() leaves a scanner, without clearing the three large buffers, which it does for each
 * file; all other fields become zero as there. False: not a name. */
static bool restart(struct zone_file_scratch *scratch, const char *origin, uint32_t ttl_s)
{
    zs_scanner_t *scanner = &scratch->scanner;
    uint8_t name[DNS_NAME_MAX];
    int name_len = dns_name_parse(origin, NULL, name);

    if (name_len < 0)
        return false;
    zs_deinit(scanner);
    memset(scanner, 0, offsetof(zs_scanner_t, buffer));
    memset(&scanner->path, 0, offsetof(zs_scanner_t, r_data) - offsetof(zs_scanner_t, path));
    scanner->buffer[0] = scanner->r_data[0] = 0;
    scanner->include_filename[0] = '\0';
    scanner->cs = scratch->start_state;
    scanner->file.descriptor = -1;
    scanner->default_class = DNS_CLASS_IN;
    scanner->default_ttl = ttl_s;
    scanner->line_counter = 1;
    memcpy(scanner->zone_origin, name, (size_t)name_len);
    scanner->zone_origin_length = (uint32_t)name_len;
    return true;
}

struct zs_scanner *zone__scratch_open(struct zone_file_scratch *scratch, const char *path,
                                      const char *origin, uint32_t ttl_s)
{
    ssize_t len = read_file(scratch, path);

    if (len < 0 || may_include(scratch->text, (size_t)len) || !restart(scratch, origin, ttl_s) ||
        zs_set_input_string(&scratch->scanner, scratch->text, (size_t)len) != 0)
        return NULL;
    return &scratch->scanner;
}

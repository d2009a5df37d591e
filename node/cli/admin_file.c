#include "cli/admin_file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/hex.h"

#define ADMIN_FILE_LEN_MAX 65536

static int parse(char *text, struct admin_file *out)
{
    static const char magic[] = "quartet-admin ";
    char *pem = strstr(text, "-----BEGIN CERTIFICATE-----");
    char *line_state = NULL;
    bool has_secret = false;

    if (!pem)
        return ERR_INVALID;
    char *ca_pem = strdup(pem);
    if (!ca_pem)
        return ERR_NOMEM;
    *pem = '\0';
    char *line = strtok_r(text, "\n", &line_state);
    int rc = line && strncmp(line, magic, sizeof(magic) - 1) == 0 ? 0 : ERR_INVALID;
    if (rc == 0 && strcmp(line + sizeof(magic) - 1, "1") != 0)
        rc = ERR_VERSION;
    while (rc == 0 && (line = strtok_r(NULL, "\n", &line_state))) {
        if (strncmp(line, "secret ", 7) == 0)
            has_secret = hex_parse(line + 7, out->secret, ADMIN_SECRET_LEN) == 0;
    }
    if (rc == 0 && !has_secret)
        rc = ERR_INVALID;
    if (rc != 0) {
        free(ca_pem);
        return rc;
    }
    out->ca_pem = ca_pem;
    return 0;
}

int admin_file_read(const char *path, struct admin_file *out)
{
    uint8_t *text;
    size_t len;

    *out = (struct admin_file){.ca_pem = NULL};
    int rc = file_read(path, ADMIN_FILE_LEN_MAX, &text, &len);
    if (rc == ERR_IO && errno == EACCES)
        return ERR_DENIED;
    if (rc != 0)
        return rc;
    rc = strlen((char *)text) == len ? parse((char *)text, out) : ERR_INVALID;
    explicit_bzero(text, len);
    free(text);
    return rc;
}

void admin_file_fini(struct admin_file *file)
{
    free(file->ca_pem);
    explicit_bzero(file, sizeof(*file));
}

/* links: gateway
 * XML bodies: bounded, and what was read can be written and read again to the same tree. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "gateway/xml_reader.h"
#include "gateway/xml_writer.h"

#define MEMORY_MAX (16u << 20)
#define WRITTEN_MAX (64u << 20)

/* Elements of a depth; what stands deeper than the writer goes is left out by both. */
static unsigned write_tree(struct xml_writer *xml, const struct xml_element *element)
{
    unsigned count = 1, children = 0;

    if (!element->child) {
        xml_text(xml, element->name, element->text);
        return 1;
    }
    xml_open(xml, element->name);
    for (const struct xml_element *child = element->child; child; child = child->next) {
        count += write_tree(xml, child);
        children++;
    }
    if (children != element->child_count)
        abort();
    xml_close(xml);
    return count;
}

static bool is_same(const struct xml_element *a, const struct xml_element *b)
{
    if (strcmp(a->name, b->name) != 0 || strcmp(a->text, b->text) != 0 ||
        a->child_count != b->child_count)
        return false;
    for (a = a->child, b = b->child; a && b; a = a->next, b = b->next) {
        if (!is_same(a, b))
            return false;
    }
    return a == b;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct arena *first = arena_new(MEMORY_MAX), *second = arena_new(MEMORY_MAX);
    const struct xml_element *root, *again;
    const char *problem = NULL;
    struct xml_writer xml;

    xml_writer_init(&xml, WRITTEN_MAX);
    int rc = xml_read(first, (const char *)data, len, &root, &problem);
    if (rc != 0 && !problem)
        abort();
    if (rc == 0) {
        size_t written_len = 0;
        if (write_tree(&xml, root) > XML_READ_ELEMENTS_MAX)
            abort();
        char *written = xml_writer_take(&xml, &written_len);
        if (written && (xml_read(second, written, written_len, &again, &problem) != 0 ||
                        !is_same(root, again)))
            abort();
        free(written);
    }
    xml_writer_fini(&xml);
    arena_free(first);
    arena_free(second);
    return 0;
}

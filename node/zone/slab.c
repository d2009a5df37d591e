#include "zone/slab.h"

#include "base/assert.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

/* Let AddressSanitizer see freed blocks. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1
#endif
#ifdef HAS_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, len) ((void)(at), (void)(len))
#define ASAN_UNPOISON_MEMORY_REGION(at, len) ((void)(at), (void)(len))
#endif

#define PAGE_LEN (64u << 10)
#define REGION_LEN (4u << 20)
#define SPARE_MAX 32u /* 2 MiB: giving a page back and taking it again costs more than a put */

/* At the start of each page, which is aligned to its length: a block finds it by masking. */
struct zone_slab_page {
    struct zone_slab_page *next; /* in `partial` of its class, or in `empty` */
    struct zone_slab_page *prev;
    void *freed;           /* chain of freed blocks */
    uint32_t used_count;   /* blocks in use */
    uint32_t fresh_offset; /* octets from here on were never handed out */
    uint32_t block_len;
};

struct zone_slab_region {
    struct zone_slab_region *next;
    void *mapped;
    size_t mapped_len;
};

struct zone_slab_large {
    struct zone_slab_large *next;
    struct zone_slab_large *prev;
};

void zone__slab_init(struct zone_slab *slab)
{
    *slab = (struct zone_slab){0};
}

void zone__slab_fini(struct zone_slab *slab)
{
    while (slab->large) {
        struct zone_slab_large *large = slab->large;
        slab->large = large->next;
        free(large);
    }
    while (slab->regions) {
        struct zone_slab_region *region = slab->regions;
        slab->regions = region->next;
        ASAN_UNPOISON_MEMORY_REGION(region->mapped, region->mapped_len);
        munmap(region->mapped, region->mapped_len);
        free(region);
    }
    zone__slab_init(slab);
}

/* Map a region, with slack so that its pages can be aligned, and chain its pages as empty. */
static bool add_region(struct zone_slab *slab)
{
    struct zone_slab_region *region = malloc(sizeof(*region));
    if (!region)
        return false;
    region->mapped_len = REGION_LEN + PAGE_LEN;
    region->mapped = mmap(NULL, region->mapped_len, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (region->mapped == MAP_FAILED) {
        free(region);
        return false;
    }
    /* Lookups touch a few random lines each: huge pages save a quarter of their time. */
    madvise(region->mapped, region->mapped_len, MADV_HUGEPAGE);
    uintptr_t first = ((uintptr_t)region->mapped + PAGE_LEN - 1) & ~(uintptr_t)(PAGE_LEN - 1);
    for (uintptr_t at = first + REGION_LEN; at > first; at -= PAGE_LEN) {
        struct zone_slab_page *page = (struct zone_slab_page *)(at - PAGE_LEN);
        page->next = slab->empty;
        slab->empty = page;
    }
    region->next = slab->regions;
    slab->regions = region;
    return true;
}

static void link_partial(struct zone_slab *slab, struct zone_slab_page *page)
{
    struct zone_slab_page **head = &slab->partial[page->block_len / 8];

    page->prev = NULL;
    page->next = *head;
    if (page->next)
        page->next->prev = page;
    *head = page;
}

static void unlink_partial(struct zone_slab *slab, struct zone_slab_page *page)
{
    if (page->prev)
        page->prev->next = page->next;
    else
        slab->partial[page->block_len / 8] = page->next;
    if (page->next)
        page->next->prev = page->prev;
}

static struct zone_slab_page *take_page(struct zone_slab *slab, uint32_t block_len)
{
    struct zone_slab_page **from = slab->spare ? &slab->spare : &slab->empty;
    if (!*from && !add_region(slab))
        return NULL;
    struct zone_slab_page *page = *from;
    *from = page->next;
    slab->spare_count -= from == &slab->spare;
    *page = (struct zone_slab_page){
        .fresh_offset = (sizeof(*page) + 7) & ~7u,
        .block_len = block_len,
    };
    ASAN_POISON_MEMORY_REGION((uint8_t *)page + page->fresh_offset, PAGE_LEN - page->fresh_offset);
    slab->reserved_octets += PAGE_LEN;
    link_partial(slab, page);
    return page;
}

/* A page of no blocks is kept for the next class that needs one. Of pages beyond SPARE_MAX only the
 * first 4 KiB are kept, which hold the chain of empty pages; the rest is given back. */
static void release_page(struct zone_slab *slab, struct zone_slab_page *page)
{
    const size_t kept = 4096;

    ASAN_UNPOISON_MEMORY_REGION(page, PAGE_LEN);
    slab->reserved_octets -= PAGE_LEN;
    if (slab->spare_count < SPARE_MAX) {
        slab->spare_count++;
        page->next = slab->spare;
        slab->spare = page;
        return;
    }
    madvise((uint8_t *)page + kept, PAGE_LEN - kept, MADV_DONTNEED);
    page->next = slab->empty;
    slab->empty = page;
}

static bool is_full(const struct zone_slab_page *page)
{
    return !page->freed && page->fresh_offset + page->block_len > PAGE_LEN;
}

static void *alloc_large(struct zone_slab *slab, size_t size)
{
    struct zone_slab_large *large = malloc(sizeof(*large) + size);
    if (!large)
        return NULL;
    *large = (struct zone_slab_large){.next = slab->large};
    if (large->next)
        large->next->prev = large;
    slab->large = large;
    slab->used_octets += sizeof(*large) + size;
    slab->reserved_octets += sizeof(*large) + size;
    return large + 1;
}

static void free_large(struct zone_slab *slab, void *block, size_t size)
{
    struct zone_slab_large *large = (struct zone_slab_large *)block - 1;

    if (large->prev)
        large->prev->next = large->next;
    else
        slab->large = large->next;
    if (large->next)
        large->next->prev = large->prev;
    slab->used_octets -= sizeof(*large) + size;
    slab->reserved_octets -= sizeof(*large) + size;
    free(large);
}

static uint32_t round_up(size_t size)
{
    return (uint32_t)(size + 7) & ~7u;
}

void *zone__slab_alloc(struct zone_slab *slab, size_t size)
{
    ASSERT(size > 0);
    if (size > ZONE_SLAB_BLOCK_MAX)
        return alloc_large(slab, size);
    uint32_t block_len = round_up(size);
    struct zone_slab_page *page = slab->partial[block_len / 8];
    if (!page)
        page = take_page(slab, block_len);
    if (!page)
        return NULL;

    void *block = page->freed;
    if (block) {
        ASAN_UNPOISON_MEMORY_REGION(block, block_len);
        page->freed = *(void **)block;
    } else {
        block = (uint8_t *)page + page->fresh_offset;
        ASAN_UNPOISON_MEMORY_REGION(block, block_len);
        page->fresh_offset += block_len;
    }
    page->used_count++;
    if (is_full(page))
        unlink_partial(slab, page);
    slab->used_octets += block_len;
    return block;
}

void zone__slab_free(struct zone_slab *slab, void *block, size_t size)
{
    if (size > ZONE_SLAB_BLOCK_MAX) {
        free_large(slab, block, size);
        return;
    }
    struct zone_slab_page *page =
        (struct zone_slab_page *)((uintptr_t)block & ~(uintptr_t)(PAGE_LEN - 1));
    ASSERT(page->block_len == round_up(size) && page->used_count > 0);
    if (is_full(page))
        link_partial(slab, page);
    *(void **)block = page->freed;
    page->freed = block;
    page->used_count--;
    slab->used_octets -= page->block_len;
    ASAN_POISON_MEMORY_REGION(block, page->block_len);
    if (page->used_count == 0) {
        unlink_partial(slab, page);
        release_page(slab, page);
    }
}

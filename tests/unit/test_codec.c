/* links: test_net raft_io raft_core proto
 * Frames: every kind there and back, and each way in which one can be wrong. */
#include "raft/io/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/test_net.h"
#include "proto/peer.pb-c.h"
#include "raft/io/mac.h"
#include "raft/io/snapshot_manifest.h"

#define ALICE 0x1111
#define BOB 0x2222

/* Encode as Alice for Bob, decode as Bob. The caller releases. */
static struct codec_frame there_and_back(struct codec_frame *frame)
{
    struct codec_keys alice = test_keys(ALICE);
    struct codec_keys bob = test_keys(BOB);
    struct codec_frame out;
    enum codec_refusal why;
    size_t len;
    frame->to = BOB;
    uint8_t *octets = test_encode(&alice, frame, &len);
    assert_int_equal(codec_decode(&bob, octets, len, &out, &why), 0);
    free(octets);
    assert_int_equal(out.kind, frame->kind);
    assert_int_equal(out.from, ALICE);
    assert_int_equal(out.to, BOB);
    return out;
}

static struct raft_message sample(enum raft_message_kind kind)
{
    return (struct raft_message){.kind = kind,
                                 .term = UINT64_MAX,
                                 .log_index = 7,
                                 .log_term = 6,
                                 .commit = 5,
                                 .hint = 4,
                                 .round = 3,
                                 .rejected = true,
                                 .transfer = true,
                                 .wants_snapshot = true};
}

static struct raft_snapshot sample_snapshot(void)
{
    struct raft_snapshot snapshot = {.index = 9, .term = 8, .locator_len = 3};
    memcpy(snapshot.locator, "abc", 3);
    snapshot.conf.count = RAFT_MEMBERS_MAX;
    for (uint32_t i = 0; i < RAFT_MEMBERS_MAX; i++)
        snapshot.conf.members[i] =
            (struct raft_member){i + 1, i < RAFT_VOTERS_MAX ? RAFT_VOTER : RAFT_LEARNER};
    return snapshot;
}

/* ---- there and back ---- */

static void test_codec_every_raft_kind_round_trips(void **state)
{
    (void)state;
    for (int kind = RAFT_MSG_PRE_VOTE; kind <= RAFT_MSG_READ_REPLY; kind++) {
        struct raft_snapshot snapshot = sample_snapshot();
        struct codec_frame in = {.kind = CODEC_RAFT, .raft = sample((enum raft_message_kind)kind)};
        if (kind == RAFT_MSG_SNAPSHOT)
            in.raft.snapshot = &snapshot;
        struct codec_frame out = there_and_back(&in);
        assert_int_equal(out.raft.kind, kind);
        assert_int_equal(out.raft.from, ALICE);
        assert_int_equal(out.raft.to, BOB);
        assert_int_equal(out.raft.term, UINT64_MAX);
        assert_int_equal(out.raft.log_index, 7);
        assert_int_equal(out.raft.log_term, 6);
        assert_int_equal(out.raft.commit, 5);
        assert_int_equal(out.raft.hint, 4);
        assert_int_equal(out.raft.round, 3);
        assert_true(out.raft.rejected && out.raft.transfer && out.raft.wants_snapshot);
        assert_int_equal(out.raft.entry_count, 0);
        if (kind == RAFT_MSG_SNAPSHOT)
            assert_memory_equal(out.raft.snapshot, &snapshot, sizeof(snapshot));
        else
            assert_null(out.raft.snapshot);
        codec_frame_release(&out);
    }
}

static void test_codec_append_entries_round_trip(void **state)
{
    struct raft_entry entries[RAFT_APPEND_ENTRIES_MAX];
    struct codec_frame in = {.kind = CODEC_RAFT, .raft = sample(RAFT_MSG_APPEND)};
    (void)state;
    for (uint32_t i = 0; i < RAFT_APPEND_ENTRIES_MAX; i++)
        entries[i] = (struct raft_entry){.index = 8 + i,
                                         .term = 6 + i / 100,
                                         .kind = i % 100 == 0 ? RAFT_ENTRY_NOOP : RAFT_ENTRY_NORMAL,
                                         .data = i % 100 == 0 ? NULL : raft_buf_new(&i, sizeof(i))};
    in.raft.entries = entries;
    in.raft.entry_count = RAFT_APPEND_ENTRIES_MAX;
    struct codec_frame out = there_and_back(&in);
    assert_int_equal(out.raft.entry_count, RAFT_APPEND_ENTRIES_MAX);
    for (uint32_t i = 0; i < RAFT_APPEND_ENTRIES_MAX; i++) {
        const struct raft_entry *entry = &out.raft.entries[i];
        assert_int_equal(entry->index, entries[i].index);
        assert_int_equal(entry->term, entries[i].term);
        assert_int_equal(entry->kind, entries[i].kind);
        if (entries[i].data == NULL)
            assert_null(entry->data);
        else
            assert_memory_equal(entry->data->data, &i, sizeof(i));
        raft_buf_unref(entries[i].data);
    }
    struct raft_buf *kept = raft_buf_ref(out.raft.entries[1].data);
    codec_frame_release(&out);
    assert_int_equal(kept->data[0], 1); /* outlives the frame */
    raft_buf_unref(kept);
}

static void test_codec_app_ping_and_refusal_round_trip(void **state)
{
    uint8_t *data = malloc(CODEC_APP_LEN_MAX);
    (void)state;
    assert_non_null(data);
    memset(data, 0x3c, CODEC_APP_LEN_MAX);
    struct codec_frame app = {.kind = CODEC_APP, .data = data, .data_len = CODEC_APP_LEN_MAX};
    struct codec_frame out = there_and_back(&app);
    assert_int_equal(out.data_len, CODEC_APP_LEN_MAX);
    assert_memory_equal(out.data, data, CODEC_APP_LEN_MAX);
    codec_frame_release(&out);
    struct codec_frame ping = {
        .kind = CODEC_PING, .address = "[2001:db8::1]:5301", .unheard_ms = UINT32_MAX};
    out = there_and_back(&ping);
    assert_string_equal(out.address, "[2001:db8::1]:5301");
    assert_int_equal(out.unheard_ms, UINT32_MAX);
    codec_frame_release(&out);
    ping.address = NULL;
    out = there_and_back(&ping);
    assert_string_equal(out.address, "");
    codec_frame_release(&out);
    struct codec_frame refusal = {.kind = CODEC_SNAPSHOT_REFUSAL, .error = RAFT_ENOENT};
    out = there_and_back(&refusal);
    assert_int_equal(out.error, RAFT_ENOENT);
    codec_frame_release(&out);
    free(data);
}

static void test_codec_snapshot_frames_round_trip(void **state)
{
    uint8_t data[100] = {1, 2, 3};
    struct codec_frame request = {.kind = CODEC_CHUNK_REQUEST,
                                  .chunk = {.file_index = 5, .chunk_index = 6}};
    (void)state;
    memset(request.chunk.snapshot_id, 9, sizeof(request.chunk.snapshot_id));
    struct codec_frame out = there_and_back(&request);
    assert_memory_equal(&out.chunk, &request.chunk, sizeof(out.chunk));
    codec_frame_release(&out);
    request.kind = CODEC_MANIFEST_REQUEST;
    out = there_and_back(&request);
    assert_memory_equal(out.chunk.snapshot_id, request.chunk.snapshot_id, CODEC_SNAPSHOT_ID_LEN);
    codec_frame_release(&out);
    request.kind = CODEC_CHUNK;
    request.data = data;
    request.data_len = sizeof(data);
    out = there_and_back(&request);
    assert_int_equal(out.data_len, sizeof(data));
    assert_memory_equal(out.data, data, sizeof(data));
    codec_frame_release(&out);
}

static void test_codec_largest_manifest_round_trips(void **state)
{
    char name[SNAPSHOT_NAME_LEN_MAX + 1];
    uint8_t left[SNAPSHOT_HASH_LEN];
    uint8_t right[SNAPSHOT_HASH_LEN];
    struct snapshot_manifest *manifest = snapshot_manifest_new(SNAPSHOT_FILES_MAX);
    (void)state;
    for (uint32_t i = 0; i < SNAPSHOT_FILES_MAX; i++) {
        (void)snprintf(name, sizeof(name), "%0*u", SNAPSHOT_NAME_LEN_MAX, i);
        uint64_t chunks = SNAPSHOT_CHUNKS_MAX / SNAPSHOT_FILES_MAX;
        assert_int_equal(snapshot_manifest_add(manifest, name, chunks * CODEC_CHUNK_LEN), 0);
        manifest->files[i].hashes[0] = (uint8_t)i;
    }
    assert_int_equal(manifest->chunk_count, SNAPSHOT_CHUNKS_MAX);
    struct codec_frame in = {.kind = CODEC_MANIFEST, .manifest = manifest};
    struct codec_frame out = there_and_back(&in);
    assert_int_equal(out.manifest->total_len, manifest->total_len);
    snapshot_manifest_hash(manifest, left);
    snapshot_manifest_hash(out.manifest, right);
    assert_memory_equal(left, right, sizeof(left));
    codec_frame_release(&out);
    snapshot_manifest_free(manifest);
}

/* ---- out of bounds on the way out ---- */

static uint8_t *never_reserve(void *user, size_t len)
{
    (void)len;
    *(bool *)user = true;
    return NULL;
}

static void test_encode_over_bounds_is_refused(void **state)
{
    struct codec_keys keys = test_keys(ALICE);
    struct raft_snapshot snapshot = sample_snapshot();
    bool was_reserved = false;
    (void)state;
    struct codec_frame frame = {.kind = CODEC_APP, .data_len = CODEC_APP_LEN_MAX + 1};
    assert_int_equal(codec_encode(&keys, &frame, never_reserve, &was_reserved), RAFT_ELIMIT);
    frame = (struct codec_frame){.kind = CODEC_RAFT, .raft = sample(RAFT_MSG_APPEND)};
    frame.raft.entry_count = RAFT_APPEND_ENTRIES_MAX + 1;
    assert_int_equal(codec_encode(&keys, &frame, never_reserve, &was_reserved), RAFT_ELIMIT);
    frame.raft = sample(RAFT_MSG_SNAPSHOT);
    frame.raft.snapshot = &snapshot;
    snapshot.locator_len = RAFT_SNAPSHOT_LOCATOR_MAX + 1;
    assert_int_equal(codec_encode(&keys, &frame, never_reserve, &was_reserved), RAFT_ELIMIT);
    assert_false(was_reserved);
    frame = (struct codec_frame){.kind = CODEC_PING};
    assert_int_equal(codec_encode(&keys, &frame, never_reserve, &was_reserved), RAFT_ENOMEM);
}

/* ---- refused on the way in ---- */

/* An envelope from Alice for Bob that a test then spoils, packed and with a good MAC. */
struct letter {
    struct codec_keys keys;
    uint8_t cluster_id[CODEC_CLUSTER_ID_LEN];
    Quartet__PeerEnvelope envelope;
    Quartet__PeerRaft raft;
    Quartet__PeerEntry entries[2];
    Quartet__PeerEntry *entry_list[2];
    Quartet__PeerSnapshot snapshot;
    Quartet__PeerMember members[2];
    Quartet__PeerMember *member_list[2];
    uint8_t data[64];
};

static void letter_init(struct letter *letter, enum raft_message_kind kind)
{
    letter->keys = test_keys(ALICE);
    memcpy(letter->cluster_id, letter->keys.cluster_id, sizeof(letter->cluster_id));
    quartet__peer_envelope__init(&letter->envelope);
    quartet__peer_raft__init(&letter->raft);
    letter->envelope.version = CODEC_VERSION;
    letter->envelope.cluster_id.data = letter->cluster_id;
    letter->envelope.cluster_id.len = sizeof(letter->cluster_id);
    letter->envelope.from = ALICE;
    letter->envelope.to = BOB;
    letter->envelope.body_case = QUARTET__PEER_ENVELOPE__BODY_RAFT;
    letter->envelope.raft = &letter->raft;
    letter->raft.kind = (uint32_t)kind;
    letter->raft.term = 5;
    letter->raft.log_index = 10;
    letter->raft.log_term = 3;
    for (uint32_t i = 0; i < 2; i++) {
        quartet__peer_entry__init(&letter->entries[i]);
        letter->entries[i].index = 11 + i;
        letter->entries[i].term = 4 + i;
        letter->entries[i].kind = RAFT_ENTRY_NORMAL;
        letter->entries[i].data.data = letter->data;
        letter->entries[i].data.len = 10;
        letter->entry_list[i] = &letter->entries[i];
        quartet__peer_member__init(&letter->members[i]);
        letter->members[i].id = 100 + i;
        letter->members[i].role = RAFT_VOTER;
        letter->member_list[i] = &letter->members[i];
    }
    letter->raft.entries = letter->entry_list;
    letter->raft.n_entries = kind == RAFT_MSG_APPEND ? 2 : 0;
    quartet__peer_snapshot__init(&letter->snapshot);
    letter->snapshot.index = 9;
    letter->snapshot.term = 3;
    letter->snapshot.members = letter->member_list;
    letter->snapshot.n_members = 2;
    if (kind == RAFT_MSG_SNAPSHOT)
        letter->raft.snapshot = &letter->snapshot;
}

/* What Bob makes of it: 0, or why not. */
static int read_letter(const struct letter *letter, enum codec_refusal *why)
{
    struct codec_keys bob = test_keys(BOB);
    struct codec_frame frame;
    size_t len = quartet__peer_envelope__get_packed_size(&letter->envelope);
    uint8_t *octets = malloc(MAC_LEN + len);
    assert_non_null(octets);
    quartet__peer_envelope__pack(&letter->envelope, octets + MAC_LEN);
    mac_compute(letter->keys.mac_key, octets + MAC_LEN, len, octets);
    int code = codec_decode(&bob, octets, MAC_LEN + len, &frame, why);
    free(octets);
    if (code == 0)
        codec_frame_release(&frame);
    return code;
}

static void assert_refused(const struct letter *letter, int code, enum codec_refusal why)
{
    enum codec_refusal found = CODEC_REFUSAL_COUNT;
    assert_int_equal(read_letter(letter, &found), code);
    assert_int_equal(found, why);
}

static void test_decode_wrong_identity_is_refused(void **state)
{
    struct letter letter = {0};
    enum codec_refusal why;
    (void)state;
    letter_init(&letter, RAFT_MSG_APPEND);
    assert_int_equal(read_letter(&letter, &why), 0);
    letter.envelope.version = 2;
    assert_refused(&letter, RAFT_EVERSION, CODEC_REFUSED_VERSION);
    letter_init(&letter, RAFT_MSG_APPEND);
    letter.cluster_id[15] ^= 1;
    assert_refused(&letter, RAFT_EDENIED, CODEC_REFUSED_CLUSTER);
    letter_init(&letter, RAFT_MSG_APPEND);
    letter.envelope.cluster_id.len = 15;
    assert_refused(&letter, RAFT_EDENIED, CODEC_REFUSED_CLUSTER);
    letter_init(&letter, RAFT_MSG_APPEND);
    letter.envelope.to = ALICE;
    assert_refused(&letter, RAFT_EDENIED, CODEC_REFUSED_TO);
    letter_init(&letter, RAFT_MSG_APPEND);
    letter.envelope.from = BOB;
    assert_refused(&letter, RAFT_EDENIED, CODEC_REFUSED_FROM);
    letter.envelope.from = 0;
    assert_refused(&letter, RAFT_EDENIED, CODEC_REFUSED_FROM);
    letter_init(&letter, RAFT_MSG_APPEND);
    letter.keys.mac_key[0] ^= 1;
    assert_refused(&letter, RAFT_EDENIED, CODEC_REFUSED_MAC);
    letter_init(&letter, RAFT_MSG_APPEND);
    letter.envelope.body_case = QUARTET__PEER_ENVELOPE__BODY__NOT_SET;
    assert_refused(&letter, RAFT_ECORRUPT, CODEC_REFUSED_FORMAT);
}

static void test_decode_any_flipped_octet_is_refused(void **state)
{
    struct codec_keys alice = test_keys(ALICE);
    struct codec_keys bob = test_keys(BOB);
    struct codec_frame in = {.kind = CODEC_RAFT, .to = BOB, .raft = sample(RAFT_MSG_VOTE)};
    struct codec_frame out;
    enum codec_refusal why;
    size_t len;
    (void)state;
    uint8_t *octets = test_encode(&alice, &in, &len);
    for (size_t i = 0; i < len; i++) {
        octets[i] ^= 0x40;
        assert_int_equal(codec_decode(&bob, octets, len, &out, &why), RAFT_EDENIED);
        assert_int_equal(why, CODEC_REFUSED_MAC);
        octets[i] ^= 0x40;
    }
    for (size_t i = 0; i < len; i++)
        assert_int_not_equal(codec_decode(&bob, octets, i, &out, &why), 0);
    assert_int_equal(codec_decode(&bob, octets, CODEC_FRAME_LEN_MAX + 1, &out, &why),
                     RAFT_ECORRUPT);
    assert_int_equal(why, CODEC_REFUSED_LENGTH);
    free(octets);
}

/* One field spoiled, RAFT_ECORRUPT expected. */
#define ASSERT_SPOILS(kind, spoil)                                                                 \
    do {                                                                                           \
        struct letter letter = {0};                                                                \
        letter_init(&letter, kind);                                                                \
        spoil;                                                                                     \
        assert_refused(&letter, RAFT_ECORRUPT, CODEC_REFUSED_FORMAT);                              \
    } while (0)

static void test_decode_bad_entries_are_refused(void **state)
{
    (void)state;
    ASSERT_SPOILS(RAFT_MSG_APPEND, letter.raft.kind = 0);
    ASSERT_SPOILS(RAFT_MSG_APPEND, letter.raft.kind = RAFT_MSG_READ_REPLY + 1);
    ASSERT_SPOILS(RAFT_MSG_APPEND, letter.raft.kind = RAFT_MSG_VOTE); /* entries elsewhere */
    ASSERT_SPOILS(RAFT_MSG_APPEND, letter.entries[0].index = 12);     /* a gap */
    ASSERT_SPOILS(RAFT_MSG_APPEND, letter.entries[1].index = 11);
    ASSERT_SPOILS(RAFT_MSG_APPEND, letter.entries[1].term = 3); /* terms fall */
    ASSERT_SPOILS(RAFT_MSG_APPEND, letter.entries[0].term = 2); /* below log_term */
    ASSERT_SPOILS(RAFT_MSG_APPEND, letter.entries[1].term = 6); /* over the message's */
    ASSERT_SPOILS(RAFT_MSG_APPEND, letter.entries[0].kind = 0);
    ASSERT_SPOILS(RAFT_MSG_APPEND, letter.entries[0].kind = RAFT_ENTRY_CONF + 1);
    ASSERT_SPOILS(RAFT_MSG_APPEND, letter.entries[0].kind = RAFT_ENTRY_NOOP); /* with data */
    ASSERT_SPOILS(RAFT_MSG_APPEND, letter.entries[0].kind = RAFT_ENTRY_CONF); /* not one */
    ASSERT_SPOILS(RAFT_MSG_APPEND, letter.raft.log_index = UINT64_MAX; letter.entries[0].index = 0;
                  letter.entries[1].index = 1);
}

static void test_decode_oversize_entries_are_refused(void **state)
{
    uint8_t *data = calloc(1, RAFT_ENTRY_LEN_MAX + 1);
    (void)state;
    assert_non_null(data);
    ASSERT_SPOILS(RAFT_MSG_APPEND, letter.entries[0].data.data = data;
                  letter.entries[0].data.len = RAFT_ENTRY_LEN_MAX + 1);
    free(data);
    struct letter letter = {0};
    letter_init(&letter, RAFT_MSG_APPEND);
    Quartet__PeerEntry *list[RAFT_APPEND_ENTRIES_MAX + 1];
    Quartet__PeerEntry *entries = calloc(RAFT_APPEND_ENTRIES_MAX + 1, sizeof(*entries));
    assert_non_null(entries);
    for (uint32_t i = 0; i <= RAFT_APPEND_ENTRIES_MAX; i++) {
        entries[i] = letter.entries[0];
        entries[i].index = 11 + i;
        list[i] = &entries[i];
    }
    letter.raft.entries = list;
    letter.raft.n_entries = RAFT_APPEND_ENTRIES_MAX;
    enum codec_refusal why;
    assert_int_equal(read_letter(&letter, &why), 0);
    letter.raft.n_entries++;
    assert_refused(&letter, RAFT_ECORRUPT, CODEC_REFUSED_FORMAT);
    free(entries);
}

static void test_decode_bad_snapshot_is_refused(void **state)
{
    enum codec_refusal why;
    struct letter good = {0};
    (void)state;
    letter_init(&good, RAFT_MSG_SNAPSHOT);
    assert_int_equal(read_letter(&good, &why), 0);
    ASSERT_SPOILS(RAFT_MSG_SNAPSHOT, letter.raft.snapshot = NULL);
    ASSERT_SPOILS(RAFT_MSG_VOTE, letter.raft.snapshot = &letter.snapshot);
    ASSERT_SPOILS(RAFT_MSG_SNAPSHOT, letter.snapshot.index = 0);
    ASSERT_SPOILS(RAFT_MSG_SNAPSHOT, letter.snapshot.term = 6);
    ASSERT_SPOILS(RAFT_MSG_SNAPSHOT, letter.snapshot.n_members = 0);
    ASSERT_SPOILS(RAFT_MSG_SNAPSHOT, letter.members[1].id = 100); /* twice */
    ASSERT_SPOILS(RAFT_MSG_SNAPSHOT, letter.members[0].id = 102); /* not ascending */
    ASSERT_SPOILS(RAFT_MSG_SNAPSHOT, letter.members[0].id = 0);
    ASSERT_SPOILS(RAFT_MSG_SNAPSHOT, letter.members[0].role = 0);
    ASSERT_SPOILS(RAFT_MSG_SNAPSHOT, letter.members[0].role = 3);
    ASSERT_SPOILS(RAFT_MSG_SNAPSHOT, letter.members[0].role = RAFT_LEARNER;
                  letter.members[1].role = RAFT_LEARNER); /* no voter */
    uint8_t locator[RAFT_SNAPSHOT_LOCATOR_MAX + 1] = {0};
    ASSERT_SPOILS(RAFT_MSG_SNAPSHOT, letter.snapshot.locator.data = locator;
                  letter.snapshot.locator.len = sizeof(locator));
}

static void test_decode_hostile_manifest_is_refused(void **state)
{
    static const char *const names[] = {"../../etc/passwd", "..", "a/b", "", ".x", "COMPLETE"};
    uint8_t hash[2 * SNAPSHOT_HASH_LEN] = {0};
    struct letter letter = {0};
    Quartet__PeerManifest manifest = QUARTET__PEER_MANIFEST__INIT;
    Quartet__PeerFile file = QUARTET__PEER_FILE__INIT;
    Quartet__PeerFile *files[SNAPSHOT_FILES_MAX + 1];
    enum codec_refusal why;
    (void)state;
    letter_init(&letter, RAFT_MSG_VOTE);
    letter.envelope.body_case = QUARTET__PEER_ENVELOPE__BODY_MANIFEST;
    letter.envelope.manifest = &manifest;
    manifest.snapshot_id.data = letter.cluster_id;
    manifest.snapshot_id.len = CODEC_SNAPSHOT_ID_LEN;
    for (size_t i = 0; i <= SNAPSHOT_FILES_MAX; i++)
        files[i] = &file;
    manifest.files = files;
    manifest.n_files = 1;
    file.name = (char *)"CURRENT";
    file.len = 5;
    file.hashes.data = hash;
    file.hashes.len = SNAPSHOT_HASH_LEN;
    assert_int_equal(read_letter(&letter, &why), 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        file.name = (char *)names[i];
        assert_refused(&letter, RAFT_ECORRUPT, CODEC_REFUSED_FORMAT);
    }
    file.name = (char *)"CURRENT";
    file.hashes.len = 2 * SNAPSHOT_HASH_LEN; /* more hashes than chunks */
    assert_refused(&letter, RAFT_ECORRUPT, CODEC_REFUSED_FORMAT);
    file.hashes.len = SNAPSHOT_HASH_LEN;
    file.len = UINT64_MAX;
    assert_refused(&letter, RAFT_ECORRUPT, CODEC_REFUSED_FORMAT);
    file.len = 5;
    manifest.n_files = 2; /* the same name twice */
    assert_refused(&letter, RAFT_ECORRUPT, CODEC_REFUSED_FORMAT);
    manifest.n_files = SNAPSHOT_FILES_MAX + 1;
    assert_refused(&letter, RAFT_ECORRUPT, CODEC_REFUSED_FORMAT);
    manifest.n_files = 1;
    manifest.snapshot_id.len = 15;
    assert_refused(&letter, RAFT_ECORRUPT, CODEC_REFUSED_FORMAT);
}

/* Two octets an entry on the wire become far more in memory: the arena stops it. */
static void test_decode_swarm_of_tiny_entries_is_refused(void **state)
{
    const uint32_t count = 400000;
    struct letter letter = {0};
    Quartet__PeerEntry entry = QUARTET__PEER_ENTRY__INIT;
    (void)state;
    letter_init(&letter, RAFT_MSG_APPEND);
    letter.raft.entries = calloc(count, sizeof(*letter.raft.entries));
    assert_non_null(letter.raft.entries);
    for (uint32_t i = 0; i < count; i++)
        letter.raft.entries[i] = &entry;
    letter.raft.n_entries = count;
    assert_refused(&letter, RAFT_ECORRUPT, CODEC_REFUSED_FORMAT);
    free(letter.raft.entries);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codec_every_raft_kind_round_trips),
        cmocka_unit_test(test_codec_append_entries_round_trip),
        cmocka_unit_test(test_codec_app_ping_and_refusal_round_trip),
        cmocka_unit_test(test_codec_snapshot_frames_round_trip),
        cmocka_unit_test(test_codec_largest_manifest_round_trips),
        cmocka_unit_test(test_encode_over_bounds_is_refused),
        cmocka_unit_test(test_decode_wrong_identity_is_refused),
        cmocka_unit_test(test_decode_any_flipped_octet_is_refused),
        cmocka_unit_test(test_decode_bad_entries_are_refused),
        cmocka_unit_test(test_decode_oversize_entries_are_refused),
        cmocka_unit_test(test_decode_bad_snapshot_is_refused),
        cmocka_unit_test(test_decode_hostile_manifest_is_refused),
        cmocka_unit_test(test_decode_swarm_of_tiny_entries_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

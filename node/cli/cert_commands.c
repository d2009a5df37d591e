#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/hex.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "proto/control.pb-c.h"

#define SERIAL_LEN 16
#define SHA256_LEN 32
#define WAIT_STEP_MS 200

static int ask_status(struct cli *cli, struct Ctl__Reply **reply)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__CertStatus body = CTL__CERT_STATUS__INIT;

    request.kind_case = CTL__REQUEST__KIND_CERT_STATUS;
    request.cert_status = &body;
    int status = cli_ask(cli, &request, reply);
    if (status == CLI_OK && !(*reply)->cert_status) {
        cli_free_reply(*reply);
        return cli_fail(cli, CLI_REFUSED, "%s sent no certificates", cli->node);
    }
    return status;
}

/* Certificates know whole seconds. */
static const char *date_text(uint64_t wall_ms, char out[CLOCK_TEXT_LEN])
{
    clock_format(wall_ms, out);
    memcpy(strchr(out, '.'), "Z", 2);
    return out;
}

static void ca_fingerprint(const Ctl__CertCa *ca, char out[2 * SHA256_LEN + 1])
{
    out[0] = '\0';
    if (ca->sha256.len == SHA256_LEN)
        hex_format(ca->sha256.data, SHA256_LEN, out);
}

static void serial_text(const Ctl__CertMember *member, char out[2 * SERIAL_LEN + 1])
{
    snprintf(out, 2 * SERIAL_LEN + 1, "-");
    if (member->serial.len == SERIAL_LEN)
        hex_format(member->serial.data, SERIAL_LEN, out);
}

static void print_cas(const Ctl__CertStatusReply *status)
{
    char from[CLOCK_TEXT_LEN], until[CLOCK_TEXT_LEN], hash[2 * SHA256_LEN + 1];

    for (size_t i = 0; i < status->n_cas; i++) {
        const Ctl__CertCa *ca = status->cas[i];
        ca_fingerprint(ca, hash);
        printf("CA %-3u  %s to %s, %s\n        SHA-256 %s\n", ca->generation,
               date_text(ca->from_wall_ms, from), date_text(ca->until_wall_ms, until),
               ca->is_signing ? "makes certificates" : "is trusted", hash);
    }
}

/* A rotation has ended, and this member is about to forget the old CA (or one given up). */
static bool is_behind(const Ctl__CertStatusReply *status, const Ctl__CertMember *member)
{
    uint32_t only = status->n_cas == 1 ? status->cas[0]->generation : 0;

    return only != 0 && member->serial.len != 0 &&
           (member->oldest_trusted_generation < only || member->trusted_generation > only);
}

static const char *condition_of(const Ctl__CertStatusReply *status, const Ctl__CertMember *member)
{
    if (member->serial.len == 0)
        return "not told yet";
    if (member->until_wall_ms <= status->now_wall_ms)
        return "expired";
    if (member->is_waited_for)
        return strcmp(status->phase, "trust") == 0 ? "does not trust the new CA yet"
                                                   : "has none by the new CA yet";
    if (is_behind(status, member))
        return "still trusts the old CA";
    if (member->is_renewal_due || member->due_wall_ms <= status->now_wall_ms)
        return "due";
    return "good";
}

static void print_members(const Ctl__CertStatusReply *status)
{
    struct table table;
    char text[CLOCK_TEXT_LEN], serial[2 * SERIAL_LEN + 1];

    table_init(&table, "NODE|SERIAL|CA|MADE|NEXT|UNTIL|CONDITION");
    for (size_t i = 0; i < status->n_members; i++) {
        const Ctl__CertMember *member = status->members[i];
        uint64_t dates[] = {member->made_wall_ms, member->due_wall_ms, member->until_wall_ms};
        serial_text(member, serial);
        table_next_row(&table);
        table_cell(&table, 0, "%s%s", member->name, member->is_self ? "*" : "");
        table_cell(&table, 1, "%s", serial);
        table_cell(&table, 2, "%u", member->generation);
        for (unsigned d = 0; d < 3; d++)
            table_cell(&table, 3 + d, "%s", dates[d] > 0 ? date_text(dates[d], text) : "-");
        table_cell(&table, 6, "%s", condition_of(status, member));
    }
    table_print(&table);
}

static bool is_rotating(const Ctl__CertStatusReply *status)
{
    return strcmp(status->phase, "steady") != 0;
}

/* Whom the rotation waits for, as "ns1, ns2"; "" for nobody. */
static void list_waited_for(const Ctl__CertStatusReply *status, char *out, size_t size)
{
    size_t at = 0;

    out[0] = '\0';
    for (size_t i = 0; i < status->n_members && at < size - 1; i++) {
        if (status->members[i]->is_waited_for)
            at += (size_t)snprintf(out + at, size - at, "%s%s", at > 0 ? ", " : "",
                                   status->members[i]->name);
    }
}

static void print_rotation(const Ctl__CertStatusReply *status)
{
    char names[1024], begun[CLOCK_TEXT_LEN];
    bool is_trust = strcmp(status->phase, "trust") == 0;

    if (!is_rotating(status))
        return;
    list_waited_for(status, names, sizeof(names));
    printf("\nThe CA is being rotated since %s: %s.\n", date_text(status->begun_wall_ms, begun),
           is_trust ? "every node is to trust the new one (step 1 of 3)"
                    : "every node takes a certificate by the new one (step 2 of 3)");
    if (names[0])
        printf("It waits for %s: start what is down, or take what is gone for good out by "
               "'quartet member remove'%s.\n",
               names, is_trust ? "; 'quartet cert rotate --ca --cancel' gives it up" : "");
}

static void print_advice(const Ctl__CertStatusReply *status)
{
    for (size_t i = 0; i < status->n_cas && !is_rotating(status); i++) {
        const Ctl__CertCa *ca = status->cas[i];
        uint64_t life_ms = ca->until_wall_ms - ca->from_wall_ms;
        if (status->now_wall_ms > ca->until_wall_ms - life_ms / 3)
            printf("\nTwo thirds of the CA's life are over: rotate it by 'quartet cert rotate "
                   "--ca'.\n");
    }
}

static json_t *ca_json(const Ctl__CertCa *ca)
{
    char hash[2 * SHA256_LEN + 1];

    ca_fingerprint(ca, hash);
    return json_pack("{s:i, s:o, s:o, s:s, s:b}", "generation", (int)ca->generation, "from",
                     output_json_time(ca->from_wall_ms), "until",
                     output_json_time(ca->until_wall_ms), "sha256", hash, "is_signing",
                     ca->is_signing);
}

static json_t *member_json(const Ctl__CertStatusReply *status, const Ctl__CertMember *member)
{
    char serial[2 * SERIAL_LEN + 1];

    serial_text(member, serial);
    return json_pack(
        "{s:o, s:s, s:s, s:i, s:i, s:o, s:o, s:o, s:o, s:b, s:b, s:s}", "id",
        output_json_id(member->id), "name", member->name, "serial", serial, "ca",
        (int)member->generation, "newest_trusted_ca", (int)member->trusted_generation, "from",
        output_json_time(member->from_wall_ms), "until", output_json_time(member->until_wall_ms),
        "made", output_json_time(member->made_wall_ms), "next",
        output_json_time(member->due_wall_ms), "is_renewal_due", member->is_renewal_due,
        "is_waited_for", member->is_waited_for, "condition", condition_of(status, member));
}

static void print_json(const Ctl__CertStatusReply *status)
{
    json_t *cas = json_array(), *members = json_array();

    for (size_t i = 0; i < status->n_cas; i++)
        json_array_append_new(cas, ca_json(status->cas[i]));
    for (size_t i = 0; i < status->n_members; i++)
        json_array_append_new(members, member_json(status, status->members[i]));
    output_json(
        json_pack("{s:s, s:o, s:o}", "rotation", status->phase, "cas", cas, "members", members));
}

static int run_status(struct cli *cli)
{
    struct Ctl__Reply *reply;
    int status = ask_status(cli, &reply);

    if (status != CLI_OK)
        return status;
    if (cli->is_json) {
        print_json(reply->cert_status);
    } else {
        print_cas(reply->cert_status);
        printf("\n");
        print_members(reply->cert_status);
        print_rotation(reply->cert_status);
        print_advice(reply->cert_status);
    }
    cli_free_reply(reply);
    return CLI_OK;
}

static bool is_done(const Ctl__CertStatusReply *status)
{
    bool is_due = false;

    for (size_t i = 0; i < status->n_members; i++)
        is_due |= status->members[i]->is_renewal_due || is_behind(status, status->members[i]);
    return !is_due && !is_rotating(status);
}

static int wait_until_done(struct cli *cli)
{
    const struct timespec step = {.tv_nsec = WAIT_STEP_MS * 1000000L};
    uint64_t end_mono_ms = clock_mono_ms() + cli->timeout_ms;

    for (;;) {
        struct Ctl__Reply *reply;
        int status = ask_status(cli, &reply);
        if (status != CLI_OK)
            return status;
        bool is_over = is_done(reply->cert_status);
        cli_free_reply(reply);
        if (is_over)
            return CLI_OK;
        if (clock_mono_ms() >= end_mono_ms)
            return cli_fail(cli, CLI_UNKNOWN,
                            "not done within %s, and goes on: 'quartet cert status' shows whom it "
                            "waits for",
                            output_duration(cli->timeout_ms));
        nanosleep(&step, NULL);
    }
}

static int run_rotate(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__CertRotate rotate = CTL__CERT_ROTATE__INIT;
    bool is_all = false, is_ca = false, is_cancel = false, waits = false;

    if (!cli_value_flag(cli, CLI_VALUE_EVERY_MEMBER, &is_all) ||
        !cli_value_flag(cli, CLI_VALUE_CA, &is_ca) ||
        !cli_value_flag(cli, CLI_VALUE_CANCEL, &is_cancel) ||
        !cli_value_flag(cli, CLI_VALUE_WAIT_DONE, &waits))
        return CLI_USAGE;
    if ((cli->word_count == 1) + is_all + is_ca != 1)
        return cli_fail(cli, CLI_USAGE,
                        "name one member, or give --all for all of them, or --ca for another CA");
    if (is_cancel && !is_ca)
        return cli_fail(cli, CLI_USAGE, "--cancel goes with --ca: it gives that rotation up");
    rotate.member = cli->word_count == 1 ? (char *)(uintptr_t)cli->words[0] : "";
    rotate.ca = is_ca;
    rotate.cancel = is_cancel;
    request.kind_case = CTL__REQUEST__KIND_CERT_ROTATE;
    request.cert_rotate = &rotate;
    int status = cli_ask_and_say(cli, &request);
    return status == CLI_OK && waits ? wait_until_done(cli) : status;
}

static const enum cli_option rotate_options[] = {CLI_VALUE_EVERY_MEMBER, CLI_VALUE_CA,
                                                 CLI_VALUE_CANCEL, CLI_VALUE_WAIT_DONE, 0};

const struct cli_command cli_cert_commands[] = {
    {"cert", "status", NULL, 0, 0, "the nodes' certificates, and the cluster's CA",
     "When each was made, when the node takes another one by itself (after two thirds of its "
     "life, without a restart), and when it ends. While the CA is being rotated: how far, and "
     "whom that waits for. Needs no quorum.",
     NULL, false, run_status},
    {"cert", "rotate", "[MEMBER]", 0, 1, "new certificates now, or another CA",
     "A member's certificate, or with --all every member's, is made anew; each takes it in its "
     "turn, without a restart, and a node that is away when it is back.\n\n"
     "With --ca the cluster gets another certificate authority, with overlap: (1) every node "
     "trusts the new one beside the old, (2) every node takes a certificate by the new one, (3) "
     "the old one is trusted no longer, and its key is deleted. A step begins once every member "
     "has told that it is done with the last, so a node that is away is waited for; until step 2 "
     "--cancel gives it up. Copies of admin.conf must be copied anew when it is done, and join "
     "tokens made before step 2 are void.\n\n"
     "  quartet cert rotate ns2\n"
     "  quartet cert rotate --all --wait\n"
     "  quartet cert rotate --ca --wait --timeout 2m",
     rotate_options, false, run_rotate},
    {0},
};

/* links: test_call gateway base
 *
 * tests/bench/bench_gateway_records.c: what the gateway itself spends on record sets, without HTTP,
 * signature and node.
 *
 *   bench_gateway_records change COUNT ROUNDS
 *       Bodies of ChangeResourceRecordSets with COUNT changes: read, checked, packed for the node.
 *   bench_gateway_records list COUNT ROUNDS
 *       The node's reply with a page of COUNT sets: unpacked, written as XML.
 *
 * Ends in one JSON line. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "gateway/operations.h"
#include "gateway/record_write.h"
#include "gateway/xml_writer.h"
#include "lib/fake_call.h"
#include "proto/control.pb-c.h"
#include "route53/value.h"

#define BODY_SIZE (1u << 20)

static void die(const char *what)
{
    fprintf(stderr, "bench_gateway_records: %s\n", what);
    exit(1);
}

static char *make_body(unsigned count)
{
    char *body = malloc(BODY_SIZE);
    size_t len = 0;

    if (!body)
        die("no memory");
#define ADD(...) len += (size_t)snprintf(body + len, BODY_SIZE - len, __VA_ARGS__)
    ADD("<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\">"
        "<ChangeBatch><Changes>");
    for (unsigned i = 0; i < count; i++)
        ADD("<Change><Action>CREATE</Action><ResourceRecordSet><Name>n%u.example.com</Name><Type>A"
            "</Type><TTL>60</TTL><ResourceRecords><ResourceRecord><Value>192.0.2.%u</Value>"
            "</ResourceRecord></ResourceRecords></ResourceRecordSet></Change>",
            i, i % 250);
    ADD("</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>");
#undef ADD
    return body;
}

static void bench_change(unsigned count, unsigned rounds)
{
    char *body = make_body(count);

    for (unsigned i = 0; i < rounds; i++) {
        struct gateway_call *call =
            fake_call_new(&gateway_records_operations[0], "Z00000000000000000001", body, NULL);
        fake_call_run(call);
        if (!fake_call_asked(call))
            die(fake_call_outcome(call));
        fake_call_free(call);
    }
    free(body);
}

static uint8_t *make_reply(unsigned count, size_t *len)
{
    Cmd__RecordSet *sets = calloc(count, sizeof(*sets));
    Cmd__RecordSet **pointers = calloc(count, sizeof(Cmd__RecordSet *));
    static uint8_t address[] = {192, 0, 2, 1};
    static ProtobufCBinaryData rdata = {4, address};
    Ctl__RecordListReply list = CTL__RECORD_LIST_REPLY__INIT;
    Ctl__Reply reply = CTL__REPLY__INIT;

    if (!sets || !pointers)
        die("no memory");
    for (unsigned i = 0; i < count; i++) {
        static uint8_t name[] = "\7n000000\7example\3com";
        sets[i] = (Cmd__RecordSet)CMD__RECORD_SET__INIT;
        sets[i].name = (ProtobufCBinaryData){sizeof(name), name};
        sets[i].type = 1;
        sets[i].ttl_s = 60;
        sets[i].n_rdata = 1;
        sets[i].rdata = &rdata;
        pointers[i] = &sets[i];
    }
    list.n_record_sets = count;
    list.record_sets = pointers;
    reply.kind_case = CTL__REPLY__KIND_RECORD_LIST;
    reply.record_list = &list;
    *len = ctl__reply__get_packed_size(&reply);
    uint8_t *packed = malloc(*len);
    if (!packed)
        die("no memory");
    ctl__reply__pack(&reply, packed);
    free(sets);
    free(pointers);
    return packed;
}

static void bench_list(unsigned count, unsigned rounds)
{
    char *text = malloc(ROUTE53_VALUE_TEXT_SIZE);
    size_t len;
    uint8_t *packed = make_reply(count, &len);

    for (unsigned i = 0; i < rounds && text; i++) {
        struct xml_writer xml;
        Ctl__Reply *reply = ctl__reply__unpack(NULL, len, packed);
        xml_writer_init(&xml, 64u << 20);
        for (size_t at = 0; at < reply->record_list->n_record_sets; at++)
            if (record_write(&xml, reply->record_list->record_sets[at], text) != 0)
                die("a set cannot be written");
        xml_writer_fini(&xml);
        ctl__reply__free_unpacked(reply, NULL);
    }
    free(text);
    free(packed);
}

int main(int argc, char **argv)
{
    unsigned count = argc == 4 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
    unsigned rounds = argc == 4 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;
    bool is_change = argc == 4 && strcmp(argv[1], "change") == 0;

    if (count == 0 || count > 1000 || rounds == 0 || (!is_change && strcmp(argv[1], "list") != 0))
        die("usage: bench_gateway_records change|list COUNT ROUNDS");
    uint64_t start = clock_mono_ns();
    if (is_change)
        bench_change(count, rounds);
    else
        bench_list(count, rounds);
    double us = (double)(clock_mono_ns() - start) / 1000.0 / rounds;
    printf("{\"what\": \"%s\", \"count\": %u, \"us_each\": %.2f, \"sets_per_s\": %.0f}\n", argv[1],
           count, us, count * 1e6 / us);
    return 0;
}

/* node/cli/doctor_commands.c: what is wrong with hosts and routing. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/output.h"
#include "proto/control.pb-c.h"

/* The node's findings about routing and about the hosts; one of the two may be missing. */
struct report {
    struct Ctl__Reply *routing, *hosts;
    size_t errors, warnings;
};

static bool is_error(const Ctl__Finding *finding)
{
    return strcmp(finding->severity, "error") == 0;
}

static void count(struct report *report, const struct Ctl__Reply *reply)
{
    for (size_t i = 0; reply && i < reply->doctor->n_findings; i++) {
        bool error = is_error(reply->doctor->findings[i]);
        report->errors += error;
        report->warnings += !error;
    }
}

static void print_findings(const struct Ctl__Reply *reply)
{
    for (size_t i = 0; reply && i < reply->doctor->n_findings; i++) {
        const Ctl__Finding *finding = reply->doctor->findings[i];
        printf("%-8s %s\n         %s\n         -> %s\n\n", finding->severity, finding->subject,
               finding->text, finding->advice);
    }
    if (reply && reply->message[0])
        printf("%s\n", reply->message);
}

static void print_report(const struct cli *cli, const struct report *report)
{
    print_findings(report->hosts);
    print_findings(report->routing);
    if (report->errors + report->warnings > 0)
        printf("%zu error%s, %zu warning%s\n", report->errors, report->errors == 1 ? "" : "s",
               report->warnings, report->warnings == 1 ? "" : "s");
    else if (!report->hosts)
        printf("nothing is wrong with routing, as %s sees it\n", cli->node);
    else
        printf("nothing is wrong%s\n", report->routing ? "" : " with the hosts");
}

static json_t *text_json(const char *text)
{
    json_t *value = json_string(text);

    return value ? value : json_string("(not UTF-8)");
}

static void add_json(json_t *list, const struct Ctl__Reply *reply)
{
    for (size_t i = 0; reply && i < reply->doctor->n_findings; i++) {
        const Ctl__Finding *finding = reply->doctor->findings[i];
        json_array_append_new(list, json_pack("{s:s, s:o, s:o, s:o}", "severity", finding->severity,
                                              "subject", text_json(finding->subject), "text",
                                              text_json(finding->text), "advice",
                                              text_json(finding->advice)));
    }
}

static void print_json(const struct report *report)
{
    json_t *findings = json_array();
    const char *hosts = report->hosts ? report->hosts->message : "";
    const char *routing = report->routing ? report->routing->message : "";

    add_json(findings, report->hosts);
    add_json(findings, report->routing);
    output_json(
        json_pack("{s:I, s:I, s:o, s:o}", "errors", (json_int_t)report->errors, "warnings",
                  (json_int_t)report->warnings, "message",
                  json_sprintf("%s%s%s", hosts, hosts[0] && routing[0] ? "; " : "", routing),
                  "findings", findings));
}

static int ask(struct cli *cli, struct Ctl__Request *request, struct Ctl__Reply **reply)
{
    int status = cli_ask(cli, request, reply);

    if (status != CLI_OK || (*reply)->doctor)
        return status;
    cli_free_reply(*reply);
    *reply = NULL;
    return cli_fail(cli, CLI_REFUSED, "%s sent no findings", cli->node);
}

static int ask_hosts(struct cli *cli, struct report *report)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__HostDoctor hosts = CTL__HOST_DOCTOR__INIT;

    request.kind_case = CTL__REQUEST__KIND_HOST_DOCTOR;
    request.host_doctor = &hosts;
    return ask(cli, &request, &report->hosts);
}

static int ask_routing(struct cli *cli, struct report *report)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__Doctor doctor = CTL__DOCTOR__INIT;

    request.kind_case = CTL__REQUEST__KIND_DOCTOR;
    request.doctor = &doctor;
    return ask(cli, &request, &report->routing);
}

static int run_doctor(struct cli *cli)
{
    struct report report = {.routing = NULL};
    bool hosts_only = false, routing_only = false;
    int status = CLI_OK;

    if (!cli_value_flag(cli, CLI_VALUE_HOSTS, &hosts_only) ||
        !cli_value_flag(cli, CLI_VALUE_ROUTING, &routing_only))
        return CLI_USAGE;
    if (hosts_only && routing_only)
        hosts_only = routing_only = false;
    if (!routing_only)
        status = ask_hosts(cli, &report);
    if (status == CLI_OK && !hosts_only)
        status = ask_routing(cli, &report);
    if (status == CLI_OK) {
        count(&report, report.hosts);
        count(&report, report.routing);
        if (cli->is_json)
            print_json(&report);
        else
            print_report(cli, &report);
        status = report.errors > 0 ? CLI_REFUSED : CLI_OK;
    }
    cli_free_reply(report.hosts);
    cli_free_reply(report.routing);
    return status;
}

static const enum cli_option doctor_options[] = {CLI_VALUE_HOSTS, CLI_VALUE_ROUTING, 0};

const struct cli_command cli_doctor_commands[] = {
    {NULL, "doctor", "", 0, 0, "what is wrong with hosts and routing, and what to do",
     "Hosts: asks every member for its clock and whether NTP keeps it, its disk and how long a "
     "write takes, its certificate, version and limits, and lets each try the others' peer, admin "
     "and snapshot ports, the MTU of the way, and port 53 at public addresses, also with 1232 "
     "octets. It takes some seconds, and names who does not answer.\n\n"
     "Routing: looks for aliases that lead nowhere, in a circle or too far, health checks that are "
     "gone or that nobody runs, groups that are down, without default, half or all of weight 0, "
     "regions and CIDR locations that mean nothing, overrides without an end, and the node's "
     "location database.\n\n"
     "An error is a wrong or missing answer, now or at the next failure; a warning is most likely "
     "not what was meant.\n\n"
     "  quartet doctor --hosts      # only these; or --routing\n\n"
     "exit status: 0 no errors, 1 errors",
     doctor_options, false, run_doctor},
    {0},
};

/* node/cli/doctor_commands.c: what is wrong with routing. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/output.h"
#include "proto/control.pb-c.h"

static bool is_error(const Ctl__Finding *finding)
{
    return strcmp(finding->severity, "error") == 0;
}

static size_t count_errors(const Ctl__DoctorReply *report)
{
    size_t count = 0;

    for (size_t i = 0; i < report->n_findings; i++)
        count += is_error(report->findings[i]);
    return count;
}

static void print_findings(const struct cli *cli, const Ctl__DoctorReply *report,
                           const char *message)
{
    const size_t errors = count_errors(report), warnings = report->n_findings - errors;

    for (size_t i = 0; i < report->n_findings; i++) {
        const Ctl__Finding *finding = report->findings[i];
        printf("%-8s %s\n         %s\n         -> %s\n\n", finding->severity, finding->subject,
               finding->text, finding->advice);
    }
    if (message[0])
        printf("%s\n", message);
    if (report->n_findings == 0)
        printf("nothing is wrong with routing, as %s sees it\n", cli->node);
    else
        printf("%zu error%s, %zu warning%s\n", errors, errors == 1 ? "" : "s", warnings,
               warnings == 1 ? "" : "s");
}

static json_t *text_json(const char *text)
{
    json_t *value = json_string(text);

    return value ? value : json_string("(not UTF-8)");
}

static void print_json(const Ctl__DoctorReply *report, const char *message)
{
    const size_t errors = count_errors(report);
    json_t *findings = json_array();

    for (size_t i = 0; i < report->n_findings; i++) {
        const Ctl__Finding *finding = report->findings[i];
        json_array_append_new(
            findings, json_pack("{s:s, s:o, s:o, s:o}", "severity", finding->severity, "subject",
                                text_json(finding->subject), "text", text_json(finding->text),
                                "advice", text_json(finding->advice)));
    }
    output_json(json_pack("{s:I, s:I, s:s, s:o}", "errors", (json_int_t)errors, "warnings",
                          (json_int_t)(report->n_findings - errors), "message", message, "findings",
                          findings));
}

static int run_doctor(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__Doctor doctor = CTL__DOCTOR__INIT;
    struct Ctl__Reply *reply;

    request.kind_case = CTL__REQUEST__KIND_DOCTOR;
    request.doctor = &doctor;
    int status = cli_ask(cli, &request, &reply);
    if (status != CLI_OK)
        return status;
    if (!reply->doctor) {
        status = cli_fail(cli, CLI_REFUSED, "%s sent no findings", cli->node);
    } else {
        if (cli->is_json)
            print_json(reply->doctor, reply->message);
        else
            print_findings(cli, reply->doctor, reply->message);
        status = count_errors(reply->doctor) > 0 ? CLI_REFUSED : CLI_OK;
    }
    cli_free_reply(reply);
    return status;
}

const struct cli_command cli_doctor_commands[] = {
    {NULL, "doctor", "", 0, 0, "what is wrong with routing, and what to do",
     "Looks for aliases that lead nowhere, in a circle or too far, health checks that are gone or "
     "that nobody runs, groups that are down, without default, half or all of weight 0, regions "
     "and CIDR locations that mean nothing, overrides without an end, and the node's location "
     "database. An error is a wrong or missing answer, now or at the next failure; a warning is "
     "most likely not what was meant.\n\n"
     "exit status: 0 no errors, 1 errors",
     NULL, false, run_doctor},
    {0},
};

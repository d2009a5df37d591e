/* node/cluster/doctor_views.c: private zones that nobody can see. */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "cluster/doctor_internal.h"
#include "dns/name.h"
#include "store/state_vpc.h"
#include "zone/record_text.h"

struct examined {
    struct doctor *doctor;
    const struct state_zone *zone;
    struct state_view *view;
};

static int on_vpc(void *user, const struct state_vpc *vpc)
{
    const struct examined *examined = user;
    char name[DNS_NAME_TEXT_SIZE];
    const struct doctor__words words = {
        name, "say which networks its clients are in ('quartet view set VPC NETWORK...')"};
    int rc = state_get_view(examined->doctor->kv, vpc->id, examined->view);

    if (rc != ERR_NOT_FOUND)
        return rc;
    zone_name_format(examined->zone->name, name);
    doctor__find(examined->doctor, DOCTOR_WARNING, &words,
                 "VPC %s has no networks: nobody sees the private zone %s by it", vpc->id,
                 examined->zone->id);
    return 0;
}

int doctor__examine_private(struct doctor *doctor, const struct state_zone *zone)
{
    struct examined examined = {doctor, zone, malloc(sizeof(*examined.view))};
    int rc = ERR_NOMEM;

    if (examined.view)
        rc = state_list_associations(doctor->kv, zone->id, "", on_vpc, &examined);
    free(examined.view);
    return rc;
}

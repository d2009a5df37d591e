#include "cluster/authority_rule.h"

#include <inttypes.h>
#include <stdio.h>

#include "cluster/init.h"

void authority_key_name(uint32_t generation, char out[AUTHORITY_KEY_NAME_SIZE])
{
    if (generation <= 1)
        snprintf(out, AUTHORITY_KEY_NAME_SIZE, INIT_CA_KEY);
    else
        snprintf(out, AUTHORITY_KEY_NAME_SIZE, INIT_CA_KEY ".%" PRIu32, generation);
}

bool authority_is_done(const struct state_authority *authority,
                       const struct state_certificate *certificate)
{
    if (authority->phase == STATE_AUTHORITY_STEADY)
        return true;
    uint32_t wanted = authority->cas[1].generation;
    return (authority->phase == STATE_AUTHORITY_TRUST ? certificate->trusted_generation
                                                      : certificate->generation) >= wanted;
}

const struct state_ca *authority_signing(const struct state_authority *authority)
{
    return &authority->cas[authority->phase == STATE_AUTHORITY_USE ? 1 : 0];
}

void authority_bundle(const struct state_authority *authority, char *out)
{
    const struct state_ca *signing = authority_signing(authority);
    int at = snprintf(out, STATE_CA_PEM_SIZE, "%s", signing->cert_pem);

    for (uint32_t i = 0; i < authority->ca_count; i++) {
        if (&authority->cas[i] != signing)
            (void)snprintf(out + at, STATE_CA_PEM_SIZE, "%s", authority->cas[i].cert_pem);
    }
}

uint64_t authority_renewal_due(uint64_t made_wall_ms, uint64_t until_wall_ms)
{
    if (until_wall_ms <= made_wall_ms)
        return 0; /* over, or unreadable: at once */
    return until_wall_ms - (until_wall_ms - made_wall_ms) / 3;
}

#include "gateway/errors.h"

#include <stddef.h>
#include <string.h>

#include "base/err.h"

#define STATUS_DEFAULT 400u

/* Those whose status is not 400: the models of Route 53 and STS, and what all services share. */
static const struct {
    const char *error;
    uint16_t status;
} statuses[] = {
    {"NotAuthorizedException", 401},
    {"AccessDenied", 403},
    {"ExpiredToken", 403},
    {"InvalidClientTokenId", 403},
    {"MissingAuthenticationToken", 403},
    {"OptInRequired", 403},
    {"RequestExpired", 403},
    {"SignatureDoesNotMatch", 403},
    {"NoSuchChange", 404},
    {"NoSuchCidrCollectionException", 404},
    {"NoSuchCidrLocationException", 404},
    {"NoSuchCloudWatchLogsLogGroup", 404},
    {"NoSuchGeoLocation", 404},
    {"NoSuchHealthCheck", 404},
    {"NoSuchHostedZone", 404},
    {"NoSuchKeySigningKey", 404},
    {"NoSuchQueryLoggingConfig", 404},
    {"NoSuchTrafficPolicy", 404},
    {"NoSuchTrafficPolicyInstance", 404},
    {"UnknownOperationException", 404},
    {"VPCAssociationAuthorizationNotFound", 404},
    {"VPCAssociationNotFound", 404},
    {"CidrCollectionVersionMismatchException", 409},
    {"HealthCheckAlreadyExists", 409},
    {"HealthCheckVersionMismatch", 409},
    {"HostedZoneAlreadyExists", 409},
    {"KeySigningKeyAlreadyExists", 409},
    {"QueryLoggingConfigAlreadyExists", 409},
    {"TrafficPolicyAlreadyExists", 409},
    {"TrafficPolicyInstanceAlreadyExists", 409},
    {"RequestEntityTooLarge", 413},
    {"InternalFailure", 500},
    {"ServiceUnavailable", 503},
};

static const struct {
    int code;
    const char *error;
} codes[] = {
    {ERR_INVALID, "InvalidInput"},       {ERR_LIMIT, "LimitsExceeded"},
    {ERR_EXISTS, "InvalidInput"},        {ERR_NOT_FOUND, "InvalidInput"},
    {ERR_DENIED, "AccessDenied"},        {ERR_CONFLICT, "ConcurrentModification"},
    {ERR_UNSUPPORTED, "InvalidInput"},   {ERR_VERSION, "IncompatibleVersion"},
    {ERR_NOMEM, "ServiceUnavailable"},   {ERR_BUSY, "ServiceUnavailable"},
    {ERR_TIMEOUT, "ServiceUnavailable"}, {ERR_UNAVAILABLE, "ServiceUnavailable"},
    {ERR_CLOSED, "ServiceUnavailable"},
};

uint16_t error_status(const char *error)
{
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        if (strcmp(statuses[i].error, error) == 0)
            return statuses[i].status;
    }
    return STATUS_DEFAULT;
}

const char *error_of_code(int code)
{
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (codes[i].code == code)
            return codes[i].error;
    }
    return "InternalFailure";
}

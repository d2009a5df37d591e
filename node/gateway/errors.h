/* node/gateway/errors.h: Route 53's error codes and the HTTP status of each (route53.md 1.1). */
#pragma once

#include <stdint.h>

/* The status of @error; 400 for what is not listed (as the model says). */
uint16_t error_status(const char *error);
/* Route 53's code for an enum err that a node's reply carries without one. Static. */
const char *error_of_code(int code);

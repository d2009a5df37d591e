/* node/control/api.h: what a gateway of the Route 53 API may ask. One that has been taken over must
 * not reach members, tokens, credentials, settings or views. Any thread. */
#pragma once

#include <stdbool.h>

/* @kind: of a ctl.Request (enum Ctl__Request__KindCase). */
bool api_allows(int kind);

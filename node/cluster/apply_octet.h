/* node/cluster/apply_octet.h: the octet of an override (see apply_octet.c). Pure. */
#pragma once

#include "store/state_health.h"

uint8_t apply_override_octet(enum state_override_mode mode);

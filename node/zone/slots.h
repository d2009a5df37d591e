/* node/zone/slots.h: by which numbers others know a zone: the image carries them for each zone and
 * understands neither. */
#pragma once

#include <stdint.h>

#define ZONE_COUNT_SLOTS 1024u /* bounds what is counted by zone */

struct zone_slots {
    uint16_t log;   /* who logs queries; 0: nobody does */
    uint16_t count; /* who counts them, below ZONE_COUNT_SLOTS; 0: nobody does */
};

/* node/zone/hidden.h: names of the record sets that a traffic policy instance makes behind the one
 * that people see. They are of one label below the zone's apex: "_tp", the instance's id without
 * its dashes, and three digits of their number.
 *
 * In state and in commands such a name is in small letters, like any other. In the image the two
 * letters are capitals. Questions are looked up in small letters (dns/question.h), and so are the
 * targets of chains, so that no question leads to a hidden name: for whoever asks it does not
 * exist, and a wildcard is answered in its place. Aliases carry names of the image and get there.
 * That costs an answer nothing, and as no other name lies between apex and label, nothing shows
 * that something is hidden. Pure; any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define ZONE_HIDDEN_ID_LEN 36u    /* of an instance's id, a UUID in small letters */
#define ZONE_HIDDEN_LABEL_LEN 38u /* octets */
#define ZONE_HIDDEN_MAX 1000u     /* names of one instance */

/* Name @number (from 0) of the instance @id in the zone @apex, to @out (DNS_NAME_MAX octets).
 * ERR_LIMIT: it would be too long. */
int zone_hidden_name(const uint8_t *apex, const char *id, unsigned number, uint8_t *out);
/* Has @name (in small letters) that form, for the instance @id (ZONE_HIDDEN_ID_LEN octets)? */
bool zone_hidden_is_of(const uint8_t *name, const char *id);
/* Make such a name one of the image, in place. */
void zone_hidden_to_image(uint8_t *name);

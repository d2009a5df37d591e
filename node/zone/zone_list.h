/* node/zone/zone_list.h: a list of zones and their files, as people write it for "quartetd --serve"
 * and "quartet zone import --list": a line a zone, its name, blanks, its file to the end of the
 * line. Empty lines and lines that begin with '#' are passed over. */
#pragma once

enum zone_list_line {
    ZONE_LIST_NONE,  /* nothing on it */
    ZONE_LIST_ENTRY, /* *@name and *@path point into the line */
    ZONE_LIST_BAD,   /* a name without a file */
};

/* Split @line, which is changed. Pure; any thread. */
enum zone_list_line zone_list_split(char *line, char **name, char **path);

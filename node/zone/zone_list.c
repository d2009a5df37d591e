#include "zone/zone_list.h"

#include <string.h>

enum zone_list_line zone_list_split(char *line, char **name, char **path)
{
    static const char blanks[] = " \t\r\n";
    char *start = line + strspn(line, blanks);
    char *end = start + strcspn(start, blanks);

    if (*start == '\0' || *start == '#')
        return ZONE_LIST_NONE;
    char *file = end + strspn(end, blanks);
    if (*file == '\0')
        return ZONE_LIST_BAD;
    *end = '\0';
    file[strcspn(file, "\r\n")] = '\0';
    *name = start;
    *path = file;
    return ZONE_LIST_ENTRY;
}

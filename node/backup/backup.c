#include "backup/backup.h"

#include <stdarg.h>
#include <stdio.h>

int backup_problem(char problem[BACKUP_PROBLEM_LEN], int code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(problem, BACKUP_PROBLEM_LEN, format, args);
    va_end(args);
    return code;
}

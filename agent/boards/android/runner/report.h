/* What the runner says: one JSON object a line on stdout, and how it ends. */
#ifndef HELP_REPORT_H
#define HELP_REPORT_H

/* Prints an error with its class and ends the process. */
_Noreturn void fail(const char *error_class, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Prints text as a JSON string; bytes that are not printable ASCII become "?". */
void print_string(const char *text);

#endif

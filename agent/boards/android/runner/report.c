#include "report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void print_string(const char *text) {
    putchar('"');
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            putchar('\\');
        putchar(*text >= ' ' && *text <= '~' ? *text : '?');
    }
    putchar('"');
}

void fail(const char *error_class, const char *format, ...) {
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    printf("{\"error\": ");
    print_string(error_class);
    printf(", \"message\": ");
    print_string(message);
    printf("}\n");
    fflush(stdout);
    /* Not exit(): an onnxruntime that has just failed may hang while it is torn down. */
    _Exit(1);
}

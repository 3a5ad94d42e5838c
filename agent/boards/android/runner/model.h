/* One inference: its stages, their inputs, and how it is run. */
#ifndef HELP_MODEL_H
#define HELP_MODEL_H

#include <stdbool.h>

#include "ort.h"

enum { MAX_STAGES = 16, MAX_TENSORS = 64, MAX_RANK = 16 };

struct stage {
    char path[512];
    int runs;
    void *session;
    size_t input_count, output_count;
    char *input_names[MAX_TENSORS];
    char *output_names[MAX_TENSORS];
    void *inputs[MAX_TENSORS];
};

struct model {
    struct ort ort;
    void *env;
    char provider[64];
    int threads;
    size_t stage_count;
    struct stage stages[MAX_STAGES];
    const char *ran_on; /* the provider that has the nodes; "" where nothing proves it */
};

/* Each of these ends the process with an error line if it cannot do its work. */
void open_library(struct model *model, const char *path);
void load_model(struct model *model);
void run_model(struct model *model);
void print_outputs(struct model *model);

#endif

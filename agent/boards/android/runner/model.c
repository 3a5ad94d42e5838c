#include "model.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "report.h"

static const char CPU[] = "CPUExecutionProvider";
static const char SUFFIX[] = "ExecutionProvider";
static const size_t MAX_INPUT_BYTES = (size_t)1 << 30;

struct api_base {
    const void *const *(*get_api)(uint32_t version);
    const char *(*get_version)(void);
};

static bool has(const char *text, const char *sign) {
    return strstr(text, sign) != NULL;
}

/* Ends with what onnxruntime says; memory is told apart from a model that it refuses. */
static void check(const struct ort *ort, void *status, const char *error_class) {
    if (status == NULL)
        return;
    const char *message = ort->GetErrorMessage(status);
    bool memory = has(message, "bad_alloc") || has(message, "bad allocation") ||
                  has(message, "allocate memory") || has(message, "out of memory");
    fail(memory ? "out-of-memory" : error_class, "%.400s", message);
}

void open_library(struct model *model, const char *path) {
    struct ort *ort = &model->ort;
    ort->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (ort->library == NULL)
        fail("no-provider", "the onnxruntime library cannot be loaded: %s", dlerror());
    const struct api_base *(*get_base)(void);
    *(void **)&get_base = dlsym(ort->library, "OrtGetApiBase");
    if (get_base == NULL)
        fail("no-provider", "the library is no onnxruntime: it has no OrtGetApiBase");
    const struct api_base *base = get_base();
    const void *const *table = base->get_api(ORT_TABLE_VERSION);
    ort->version = base->get_version();
    if (table == NULL)
        fail("no-provider", "onnxruntime %s is older than 1.12", ort->version);
#define F(place, result, name, arguments) *(const void **)&ort->name = table[place];
    ORT_FUNCTIONS(F)
#undef F
    check(ort, ort->CreateEnv(ORT_LOG_ERROR, "help", &model->env), "crashed");
}

static void check_provider(const struct model *model) {
    char **names;
    int count;
    const struct ort *ort = &model->ort;
    check(ort, ort->GetAvailableProviders(&names, &count), "no-provider");
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], model->provider) == 0)
            return;
    fail("no-provider", "this build of onnxruntime %s has no %s", ort->version, model->provider);
}

/* NNAPI has a function of its own; the others go by their short name. */
static void append_provider(const struct model *model, void *options) {
    const struct ort *ort = &model->ort;
    if (strcmp(model->provider, "NnapiExecutionProvider") == 0) {
        void *(*append)(void *options, uint32_t flags);
        *(void **)&append =
            dlsym(ort->library, "OrtSessionOptionsAppendExecutionProvider_Nnapi");
        if (append == NULL)
            fail("no-provider", "this build of onnxruntime exports no NNAPI");
        check(ort, append(options, 0), "no-provider");
        return;
    }
    char name[sizeof model->provider];
    snprintf(name, sizeof name, "%s", model->provider);
    char *end = strstr(name, SUFFIX);
    if (end != NULL)
        *end = '\0';
    if (strcmp(name, "Xnnpack") == 0)
        memcpy(name, "XNNPACK", sizeof "XNNPACK");
    check(ort, ort->SessionOptionsAppendExecutionProvider(options, name, NULL, NULL, 0),
          "no-provider");
}

static void *make_options(const struct model *model, bool refuse_fallback) {
    const struct ort *ort = &model->ort;
    void *options;
    check(ort, ort->CreateSessionOptions(&options), "crashed");
    check(ort, ort->SetIntraOpNumThreads(options, model->threads), "crashed");
    check(ort, ort->SetInterOpNumThreads(options, 1), "crashed");
    if (strcmp(model->provider, CPU) != 0)
        append_provider(model, options);
    if (refuse_fallback)
        check(ort,
              ort->AddSessionConfigEntry(options, "session.disable_cpu_ep_fallback", "1"),
              "crashed");
    return options;
}

/* A session without any other provider runs on the processor; any other has to refuse to fall
 * back, and where it must, the session is opened anew and said to run on the processor. */
static void open_session(struct model *model, struct stage *stage) {
    const struct ort *ort = &model->ort;
    bool only_cpu = strcmp(model->provider, CPU) == 0;
    void *options = make_options(model, !only_cpu);
    void *status = ort->CreateSession(model->env, stage->path, options, &stage->session);
    ort->ReleaseSessionOptions(options);
    if (status != NULL && !only_cpu && has(ort->GetErrorMessage(status), "fallback")) {
        ort->ReleaseStatus(status);
        model->ran_on = CPU;
        options = make_options(model, false);
        status = ort->CreateSession(model->env, stage->path, options, &stage->session);
        ort->ReleaseSessionOptions(options);
    }
    check(ort, status, "bad-model");
}

static size_t element_size(int element) {
    switch (element) {
    case ORT_UINT8:
    case ORT_INT8:
    case ORT_BOOL:
        return 1;
    case ORT_UINT16:
    case ORT_INT16:
    case ORT_FLOAT16:
        return 2;
    case ORT_FLOAT:
    case ORT_INT32:
    case ORT_UINT32:
        return 4;
    case ORT_INT64:
    case ORT_DOUBLE:
    case ORT_UINT64:
        return 8;
    default:
        return 0;
    }
}

/* Marsaglia's xorshift64: the values play no part but must not be denormal. */
static uint64_t next_random(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Floats of either sign with magnitudes in [0.25, 1), integers of 0 or 1. */
static void fill(void *data, size_t count, int element, uint64_t *state) {
    memset(data, 0, count * element_size(element));
    for (size_t i = 0; i < count; i++) {
        uint64_t bits = next_random(state);
        double value = 0.25 + 0.74 * (double)(bits >> 40) / (1 << 24);
        if (bits & 1)
            value = -value;
        if (element == ORT_FLOAT)
            ((float *)data)[i] = (float)value;
        else if (element == ORT_DOUBLE)
            ((double *)data)[i] = value;
        else if (element == ORT_FLOAT16) /* exponent 13 is [0.25, 0.5), 14 is [0.5, 1) */
            ((uint16_t *)data)[i] = (uint16_t)((bits & 1) << 15 | (13 + (bits >> 1 & 1)) << 10 |
                                               (bits >> 2 & 0x3ff));
        else /* little-endian: the lowest byte comes first */
            ((uint8_t *)data)[i * element_size(element)] = bits & 1;
    }
}

static void make_input(const struct model *model, struct stage *stage, size_t index,
                       void *allocator, uint64_t *state) {
    const struct ort *ort = &model->ort;
    void *type;
    const void *tensor = NULL;
    check(ort, ort->SessionGetInputName(stage->session, index, allocator,
                                        &stage->input_names[index]), "bad-model");
    check(ort, ort->SessionGetInputTypeInfo(stage->session, index, &type), "bad-model");
    check(ort, ort->CastTypeInfoToTensorInfo(type, &tensor), "bad-model");
    const char *name = stage->input_names[index];
    if (tensor == NULL)
        fail("bad-model", "input '%.60s' is not a tensor", name);
    int element;
    size_t rank, count = 1;
    int64_t shape[MAX_RANK];
    check(ort, ort->GetTensorElementType(tensor, &element), "bad-model");
    check(ort, ort->GetDimensionsCount(tensor, &rank), "bad-model");
    if (rank > MAX_RANK || element_size(element) == 0)
        fail("bad-model", "input '%.60s' has a type or rank that cannot be fed", name);
    check(ort, ort->GetDimensions(tensor, shape, rank), "bad-model");
    for (size_t axis = 0; axis < rank; axis++) {
        if (shape[axis] < 0)
            fail("bad-model", "input '%.60s', axis %zu has no fixed size", name, axis);
        if (shape[axis] > 0 && count > MAX_INPUT_BYTES / (size_t)shape[axis])
            fail("bad-model", "input '%.60s' is larger than 1 GiB", name);
        count *= (size_t)shape[axis];
    }
    void *data;
    check(ort, ort->CreateTensorAsOrtValue(allocator, shape, rank, element,
                                           &stage->inputs[index]), "out-of-memory");
    check(ort, ort->GetTensorMutableData(stage->inputs[index], &data), "crashed");
    fill(data, count, element, state);
}

static void make_inputs(const struct model *model, struct stage *stage) {
    const struct ort *ort = &model->ort;
    void *allocator;
    uint64_t state = 0x9e3779b97f4a7c15u;
    check(ort, ort->GetAllocatorWithDefaultOptions(&allocator), "crashed");
    check(ort, ort->SessionGetInputCount(stage->session, &stage->input_count), "bad-model");
    check(ort, ort->SessionGetOutputCount(stage->session, &stage->output_count), "bad-model");
    if (stage->input_count > MAX_TENSORS || stage->output_count > MAX_TENSORS)
        fail("bad-model", "the model has more than %d inputs or outputs", MAX_TENSORS);
    for (size_t i = 0; i < stage->input_count; i++)
        make_input(model, stage, i, allocator, &state);
    for (size_t i = 0; i < stage->output_count; i++)
        check(ort, ort->SessionGetOutputName(stage->session, i, allocator,
                                             &stage->output_names[i]), "bad-model");
}

void load_model(struct model *model) {
    check_provider(model);
    model->ran_on = model->provider;
    for (size_t i = 0; i < model->stage_count; i++) {
        open_session(model, &model->stages[i]);
        make_inputs(model, &model->stages[i]);
    }
}

static void run_stage(const struct model *model, const struct stage *stage, void **outputs) {
    memset(outputs, 0, stage->output_count * sizeof *outputs);
    check(&model->ort,
          model->ort.Run(stage->session, NULL, (const char *const *)stage->input_names,
                         (const void *const *)stage->inputs, stage->input_count,
                         (const char *const *)stage->output_names, stage->output_count, outputs),
          "bad-model");
}

void run_model(struct model *model) {
    void *outputs[MAX_TENSORS];
    for (size_t i = 0; i < model->stage_count; i++) {
        const struct stage *stage = &model->stages[i];
        for (int run = 0; run < stage->runs; run++) {
            run_stage(model, stage, outputs);
            for (size_t j = 0; j < stage->output_count; j++)
                if (outputs[j] != NULL)
                    model->ort.ReleaseValue(outputs[j]);
        }
    }
}

static void print_shape(const struct ort *ort, const void *value) {
    int is_tensor = 0;
    void *tensor;
    size_t rank;
    int64_t shape[MAX_RANK];
    check(ort, ort->IsTensor(value, &is_tensor), "crashed");
    if (!is_tensor) {
        printf("null");
        return;
    }
    check(ort, ort->GetTensorTypeAndShape(value, &tensor), "crashed");
    check(ort, ort->GetDimensionsCount(tensor, &rank), "crashed");
    if (rank > MAX_RANK)
        fail("bad-model", "an output has %zu dimensions; at most %d", rank, MAX_RANK);
    check(ort, ort->GetDimensions(tensor, shape, rank), "crashed");
    ort->ReleaseTensorTypeAndShapeInfo(tensor);
    printf("[");
    for (size_t axis = 0; axis < rank; axis++)
        printf("%s%lld", axis ? ", " : "", (long long)shape[axis]);
    printf("]");
}

void print_outputs(struct model *model) {
    void *outputs[MAX_TENSORS];
    printf("[");
    for (size_t i = 0; i < model->stage_count; i++) {
        const struct stage *stage = &model->stages[i];
        run_stage(model, stage, outputs);
        printf("%s{", i ? ", " : "");
        for (size_t j = 0; j < stage->output_count; j++) {
            printf("%s", j ? ", " : "");
            print_string(stage->output_names[j]);
            printf(": ");
            print_shape(&model->ort, outputs[j]);
            model->ort.ReleaseValue(outputs[j]);
        }
        printf("}");
    }
    printf("]");
}

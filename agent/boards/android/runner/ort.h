/* The part of onnxruntime's C API that the runner calls.
 *
 * The API is a table of functions to which releases only append, so a place in it is as good as
 * a name: the runner is built without onnxruntime's headers, and one build serves every release
 * since 1.12. A test of the lab compares the places with the official header.
 */
#ifndef HELP_ORT_H
#define HELP_ORT_H

#include <stddef.h>
#include <stdint.h>

enum { ORT_TABLE_VERSION = 12, ORT_LOG_ERROR = 3 };

/* F(place, result, name, arguments): a result of void * is a status, NULL if all is well. */
#define ORT_FUNCTIONS(F)                                                                         \
    F(2, const char *, GetErrorMessage, (const void *status))                                    \
    F(3, void *, CreateEnv, (int log_level, const char *name, void **env))                       \
    F(7, void *, CreateSession, (void *env, const char *path, void *options, void **session))    \
    F(9, void *, Run,                                                                            \
      (void *session, void *run_options, const char *const *input_names,                         \
       const void *const *inputs, size_t input_count, const char *const *output_names,           \
       size_t output_count, void **outputs))                                                     \
    F(10, void *, CreateSessionOptions, (void **options))                                        \
    F(24, void *, SetIntraOpNumThreads, (void *options, int threads))                            \
    F(25, void *, SetInterOpNumThreads, (void *options, int threads))                            \
    F(30, void *, SessionGetInputCount, (void *session, size_t *count))                          \
    F(31, void *, SessionGetOutputCount, (void *session, size_t *count))                         \
    F(33, void *, SessionGetInputTypeInfo, (void *session, size_t index, void **type))           \
    F(36, void *, SessionGetInputName,                                                           \
      (void *session, size_t index, void *allocator, char **name))                               \
    F(37, void *, SessionGetOutputName,                                                          \
      (void *session, size_t index, void *allocator, char **name))                               \
    F(48, void *, CreateTensorAsOrtValue,                                                        \
      (void *allocator, const int64_t *shape, size_t rank, int element, void **value))           \
    F(50, void *, IsTensor, (const void *value, int *is_tensor))                                 \
    F(51, void *, GetTensorMutableData, (void *value, void **data))                              \
    F(55, void *, CastTypeInfoToTensorInfo, (const void *type, const void **tensor))             \
    F(60, void *, GetTensorElementType, (const void *tensor, int *element))                      \
    F(61, void *, GetDimensionsCount, (const void *tensor, size_t *rank))                        \
    F(62, void *, GetDimensions, (const void *tensor, int64_t *shape, size_t rank))              \
    F(65, void *, GetTensorTypeAndShape, (const void *value, void **tensor))                     \
    F(78, void *, GetAllocatorWithDefaultOptions, (void **allocator))                            \
    F(93, void, ReleaseStatus, (void *status))                                                   \
    F(96, void, ReleaseValue, (void *value))                                                     \
    F(99, void, ReleaseTensorTypeAndShapeInfo, (void *tensor))                                   \
    F(100, void, ReleaseSessionOptions, (void *options))                                         \
    F(125, void *, GetAvailableProviders, (char ***names, int *count))                           \
    F(130, void *, AddSessionConfigEntry, (void *options, const char *key, const char *value))   \
    F(216, void *, SessionOptionsAppendExecutionProvider,                                        \
      (void *options, const char *name, const char *const *keys, const char *const *values,      \
       size_t count))

struct ort {
#define F(place, result, name, arguments) result(*name) arguments;
    ORT_FUNCTIONS(F)
#undef F
    const char *version;
    void *library;
};

/* Element types that can be fed, numbered as in ONNXTensorElementDataType. */
enum {
    ORT_FLOAT = 1,
    ORT_UINT8,
    ORT_INT8,
    ORT_UINT16,
    ORT_INT16,
    ORT_INT32,
    ORT_INT64,
    ORT_BOOL = 9,
    ORT_FLOAT16,
    ORT_DOUBLE,
    ORT_UINT32,
    ORT_UINT64,
};

#endif

/* help-runner LIBRARY: measures a model on a phone, told what to do line by line on stdin.
 *
 *   deadline SECONDS       ends with SIGALRM that long from now, whatever hangs
 *   cores N,N,...          pins this process and the threads it will make
 *   provider NAME          execution provider; threads COUNT: of one inference
 *   stage RUNS PATH        a model of the inference, and how often it runs
 *   watch PATH             a file to read after each chunk
 *   load                   opens the sessions
 *   first                  the first run, and the shapes of the outputs
 *   run COUNT MILLISECONDS a chunk of timed runs: at most COUNT, until the time is over
 *
 * The last three answer with one JSON object on a line; so does an error, which ends the
 * process. The end of stdin ends it too: a cable that was pulled leaves nothing running.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "model.h"
#include "report.h"

enum { MAX_WATCHED = 64, MAX_CHUNK = 4096, MAX_WATCHED_BYTES = 256 };

static struct model model;
static char watched[MAX_WATCHED][256];
static int watched_count;
static int schedstat = -1;
static int64_t last_end_ns, last_wall_ns;

static int64_t clock_ns(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Time that this thread stood runnable without a core (kernel: sched-stats.rst); 0 untold. */
static int64_t waited_ns(void) {
    char text[96];
    long long ran, waited;
    ssize_t length = schedstat < 0 ? -1 : pread(schedstat, text, sizeof text - 1, 0);
    if (length <= 0)
        return 0;
    text[length] = '\0';
    return sscanf(text, "%lld %lld", &ran, &waited) == 2 ? waited : 0;
}

static void pin(const char *list) {
    cpu_set_t cores;
    CPU_ZERO(&cores);
    for (char *end; *list != '\0'; list = *end == ',' ? end + 1 : end) {
        long core = strtol(list, &end, 10);
        if (end == list || core < 0 || core >= CPU_SETSIZE)
            fail("bad-command", "cores are numbers with commas between them");
        CPU_SET(core, &cores);
    }
    if (sched_setaffinity(0, sizeof cores, &cores) != 0)
        fail("crashed", "the kernel refuses these cores: %s", strerror(errno));
}

static void load(void) {
    int64_t begin = clock_ns(CLOCK_MONOTONIC);
    load_model(&model);
    printf("{\"session_ns\": %lld, \"version\": ",
           (long long)(clock_ns(CLOCK_MONOTONIC) - begin));
    print_string(model.ort.version);
    printf(", \"ran_on\": ");
    print_string(model.ran_on);
    printf("}\n");
}

/* What the watched files say now: their first line, or null where they cannot be read. */
static void print_watched(void) {
    printf("\"at_ns\": %lld, \"cpu_ns\": %lld, \"watched\": [",
           (long long)clock_ns(CLOCK_MONOTONIC), (long long)clock_ns(CLOCK_PROCESS_CPUTIME_ID));
    for (int i = 0; i < watched_count; i++) {
        char text[MAX_WATCHED_BYTES];
        int file = open(watched[i], O_RDONLY | O_CLOEXEC);
        ssize_t length = file < 0 ? -1 : read(file, text, sizeof text - 1);
        if (file >= 0)
            close(file);
        printf("%s", i ? ", " : "");
        if (length < 0) {
            printf("null");
            continue;
        }
        text[length] = '\0';
        text[strcspn(text, "\n")] = '\0';
        print_string(text);
    }
    printf("]");
}

static void first(void) {
    int64_t begin = clock_ns(CLOCK_MONOTONIC);
    run_model(&model);
    int64_t end = clock_ns(CLOCK_MONOTONIC);
    printf("{\"first_run_ns\": %lld, \"outputs\": ", (long long)(end - begin));
    print_outputs(&model);
    printf(", ");
    print_watched();
    printf("}\n");
}

static void print_numbers(const char *name, const int64_t *values, int count) {
    printf("\"%s\": [", name);
    for (int i = 0; i < count; i++)
        printf("%s%lld", i ? ", " : "", (long long)values[i]);
    printf("], ");
}

static void run_chunk(int most, int64_t milliseconds) {
    static int64_t ends[MAX_CHUNK], walls[MAX_CHUNK], waits[MAX_CHUNK];
    int count = 0;
    /* Caches and clocks have rested while the host decided: a run that does not count. */
    if (10 * (clock_ns(CLOCK_MONOTONIC) - last_end_ns) > last_wall_ns)
        run_model(&model);
    int64_t until = clock_ns(CLOCK_MONOTONIC) + milliseconds * 1000000;
    do {
        int64_t ahead = clock_ns(CLOCK_MONOTONIC);
        int64_t waited = waited_ns();
        int64_t begin = clock_ns(CLOCK_MONOTONIC);
        run_model(&model);
        int64_t end = clock_ns(CLOCK_MONOTONIC);
        waited = waited_ns() - waited;
        /* A thread often loses its core as a system call returns: that lies outside the run. */
        waited -= begin - ahead + clock_ns(CLOCK_MONOTONIC) - end;
        ends[count] = end;
        walls[count] = end > begin ? end - begin : 1;
        waits[count] = waited < 0 ? 0 : waited < walls[count] ? waited : walls[count] - 1;
        count++;
    } while (count < most && count < MAX_CHUNK && ends[count - 1] < until);
    last_end_ns = ends[count - 1];
    last_wall_ns = walls[count - 1];
    printf("{");
    print_numbers("ends_ns", ends, count);
    print_numbers("samples_ns", walls, count);
    print_numbers("waited_ns", waits, count);
    print_watched();
    printf("}\n");
}

static void add_stage(int runs, const char *path) {
    if (model.stage_count == MAX_STAGES || runs < 1 || strlen(path) >= sizeof model.stages->path)
        fail("bad-command", "a model has 1 to %d stages, each run at least once", MAX_STAGES);
    struct stage *stage = &model.stages[model.stage_count++];
    stage->runs = runs;
    strcpy(stage->path, path);
}

static void add_watched(const char *path) {
    if (watched_count == MAX_WATCHED || strlen(path) >= sizeof *watched)
        fail("bad-command", "at most %d files are watched", MAX_WATCHED);
    strcpy(watched[watched_count++], path);
}

static void obey(const char *line) {
    int number, place = 0;
    long long milliseconds;
    if (strcmp(line, "load") == 0)
        load();
    else if (strcmp(line, "first") == 0)
        first();
    else if (sscanf(line, "run %d %lld", &number, &milliseconds) == 2)
        run_chunk(number, milliseconds);
    else if (sscanf(line, "stage %d %n", &number, &place) == 1 && place > 0)
        add_stage(number, line + place);
    else if (strncmp(line, "watch ", 6) == 0)
        add_watched(line + 6);
    else if (strncmp(line, "cores ", 6) == 0)
        pin(line + 6);
    else if (sscanf(line, "threads %d", &number) == 1)
        model.threads = number;
    else if (sscanf(line, "provider %63s", model.provider) == 1)
        ;
    else if (sscanf(line, "deadline %d", &number) == 1)
        alarm((unsigned)number);
    else
        fail("bad-command", "unknown command '%.60s'", line);
    fflush(stdout);
}

int main(int count, char **arguments) {
    char line[1024];
    if (count != 2) {
        fprintf(stderr, "usage: help-runner LIBRARY < COMMANDS\n");
        return 2;
    }
    model.threads = 1;
    strcpy(model.provider, "CPUExecutionProvider");
    schedstat = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
    open_library(&model, arguments[1]);
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        obey(line);
    }
    _Exit(0);
}

// A training step of llm.c at a given shape, as a worker: every line "N" on the input is answered by N steps' seconds.
// Built as: cc -O3 -march=native -ffast-math -fopenmp -ILLM_C llmc.c -lm, where LLM_C is a checkout of llm.c.
#define TESTING
#include "train_gpt2.c"
#include <sys/resource.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

// checkpoint writes random weights in llm.c's own format.
static void checkpoint(const char *path, int layers, int width, int heads, int vocab, int context) {
    int header[256] = {20240326, 3, context, vocab, layers, heads, width, vocab};
    long w = width, n = (long)vocab * w + context * w + layers * (12 * w * w + 13 * w) + 2 * w;
    FILE *f = fopen(path, "wb");
    fwrite(header, sizeof(int), 256, f);
    unsigned s = 1;
    for (long i = 0; i < n; i++) {
        s = s * 1664525u + 1013904223u;
        float x = ((s >> 8) / 16777216.0f - 0.5f) * 0.07f;
        fwrite(&x, sizeof x, 1, f);
    }
    fclose(f);
}

int main(int argc, char **argv) {
    if (argc != 8) return 2;
    int layers = atoi(argv[1]), width = atoi(argv[2]), heads = atoi(argv[3]), vocab = atoi(argv[4]), T = atoi(argv[5]), B = atoi(argv[6]);
    FILE *answers = fdopen(dup(1), "w");
    freopen("/dev/null", "w", stdout); // llm.c prints there
    checkpoint(argv[7], layers, width, heads, vocab, T);
    GPT2 model;
    gpt2_build_from_checkpoint(&model, argv[7]);
    int *tokens = malloc(sizeof(int) * B * T), *targets = malloc(sizeof(int) * B * T);
    for (int i = 0; i < B * T; i++) {
        tokens[i] = (i * 7919) % vocab;
        targets[i] = (i * 104729) % vocab;
    }
    char line[64];
    int done = 0;
    for (int first = 1;; first = 0) {
        int n = 1;
        if (!first && (!fgets(line, sizeof line, stdin) || (n = atoi(line)) < 1)) return 0;
        if (!first) fprintf(answers, "{\"seconds\": [");
        for (int i = 0; i < n; i++) {
            double begin = now();
            gpt2_forward(&model, tokens, targets, B, T);
            gpt2_zero_grad(&model);
            gpt2_backward(&model);
            gpt2_update(&model, 3e-4f, 0.9f, 0.95f, 1e-8f, 0.1f, ++done);
            if (!first) fprintf(answers, "%s%.6f", i ? ", " : "", now() - begin);
        }
        struct rusage u;
        getrusage(RUSAGE_SELF, &u);
        if (first) fprintf(answers, "{\"ready\": true, \"parameters\": %zu, \"loss\": %f}\n", model.num_parameters, model.mean_loss);
        else fprintf(answers, "], \"rss\": %ld}\n", u.ru_maxrss * 1024L);
        fflush(answers);
    }
}

// FP32 products by OpenBLAS as a worker. A line "threads form m n k repetitions" is answered by operations a second, a
// multiply-add counting as two. Form is two letters, N or T: how A and B are stored.
#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

static float *filled(long n) {
    float *x = aligned_alloc(64, (n * 4 + 63) / 64 * 64);
    for (long i = 0; i < n; i++) x[i] = i % 13 - 6;
    return x;
}

int main(void) {
    int threads, m, n, k, repetitions;
    char form[3];
    printf("{\"ready\": true, \"core\": \"%s\"}\n", openblas_get_corename());
    fflush(stdout);
    while (scanf("%d %2s %d %d %d %d", &threads, form, &m, &n, &k, &repetitions) == 6) {
        openblas_set_num_threads(threads);
        float *a = filled((long)m * k), *b = filled((long)k * n), *c = filled((long)m * n);
        double begin = 0;
        for (int i = -1; i < repetitions; i++) {
            if (i == 0) begin = now();
            cblas_sgemm(CblasRowMajor, form[0] == 'T' ? CblasTrans : CblasNoTrans, form[1] == 'T' ? CblasTrans : CblasNoTrans, m, n, k, 1, a,
                        form[0] == 'T' ? m : k, b, form[1] == 'T' ? k : n, 0, c, n);
        }
        printf("{\"rate\": %.6g}\n", 2.0 * m * n * k * repetitions / (now() - begin));
        fflush(stdout);
        free(a), free(b), free(c);
    }
}
